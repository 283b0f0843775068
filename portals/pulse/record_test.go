package pulse

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"
)

// A monitor is one by whatever name it is asked for.
func TestNoMonitor(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request []byte
		source  string // the default
	}{
		{"by name", record(none, "sink.monitor"), "mic"},
		{"by index", record(2, ""), "mic"},
		{"by a name that tells nothing", record(none, "sneaky"), "mic"},
		{"as the default", record(none, ""), "sink.monitor"},
		{"as the default by its name", record(none, "@DEFAULT_SOURCE@"), "sneaky"},
		{"of the default device", record(none, "@DEFAULT_MONITOR@"), "mic"},
		{"another app's stream", record(none, "Firefox"), "mic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, Policy{Play: true, Record: "allow", App: "a.b"})
			b.fake.set(func() { b.fake.source = tt.source })
			a := b.app()
			wantError(t, a.ask(cmdCreateRecord, tt.request), noEntity)
			b.fake.set(func() { b.fake.source = "mic" })
			wantReply(t, a.ask(cmdCreateRecord, record(none, "")))
			saw := b.fake.saw(cmdCreateRecord)
			p := packet{b: append(begin(nil, 0, 0), saw[0]...)}
			if len(saw) != 1 || !p.match(recordShape, 35) || string(p.text(recordName)) != "mic" || p.u32(recordDevice) != none {
				t.Errorf("the server saw %d requests, %q", len(saw), saw[0])
			}
			if got := p.raw(recordProperties, recordProperties); !bytes.Contains(got, []byte("application.id\x00")) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestDirectOnInput(t *testing.T) {
	b := newBed(t, Policy{Play: true, Record: "allow"})
	a := b.app()
	p := packet{b: append(begin(nil, 0, 0), record(none, "mic")...)}
	p.match(recordShape, 35)
	request := func(input uint32) []byte {
		return append(number(bytes.Clone(p.raw(0, recordDirect-1)), input), p.raw(recordDirect+1, p.count-1)...)
	}
	wantError(t, a.ask(cmdCreateRecord, request(foreign)), noEntity)
	got := a.ask(cmdCreatePlayback, playback(""))
	got.walk(body, "LL", 0)
	wantReply(t, a.ask(cmdCreateRecord, request(got.u32(1))))
}

// The server may choose another source than it was asked for, or none yet.
func TestChosenByServer(t *testing.T) {
	for _, chosen := range []string{"sink.monitor", "sneaky"} {
		b := newBed(t, Policy{Record: "allow"})
		b.fake.set(func() { b.fake.chosen = chosen })
		a := b.app()
		wantError(t, a.ask(cmdCreateRecord, record(none, "mic")), accessDenied)
		a.ask(cmdStat, nil)
		if len(b.fake.saw(cmdDeleteRecord)) != 1 {
			t.Errorf("%s: the stream is left", chosen)
		}
		b.fake.say(sound(0, 100))
		a.send(cmdStat, nil)
		if frame, err := readFrame(a.c); err != nil || readHead(frame).channel != noChannel {
			t.Errorf("%s: got sound, %v", chosen, err)
		}
	}
}

// hears gives the bytes of sound that come before an answer.
func (a *app) hears() (size int) {
	a.t.Helper()
	tag := a.send(cmdStat, nil)
	for {
		frame, err := readFrame(a.c)
		if err != nil {
			a.t.Fatal(err)
		}
		if readHead(frame).channel != noChannel {
			size += len(frame) - headSize
			continue
		}
		var p packet
		if p.read(frame); p.tag == tag {
			return size
		}
	}
}

// A recording that the server moves to a monitor ends, whether it says so or not.
func TestMoved(t *testing.T) {
	moved := func(name string) []byte {
		return finish(truth(text(number(number(begin(nil, cmdRecordMoved, none), 0), 1), []byte(name)), false))
	}
	b := newBed(t, Policy{Record: "allow"})
	a := b.app()
	start := func() {
		b.fake.set(func() { b.fake.chosen, b.fake.records = "", "mic" })
		wantReply(t, a.ask(cmdCreateRecord, record(none, "mic")))
	}
	start()
	b.fake.say(sound(0, 100))
	if got := a.hears(); got != 100 {
		t.Errorf("control: heard %d", got)
	}
	b.fake.say(append(moved("mic"), sound(0, 100)...))
	if p := a.read(); p.command != cmdRecordMoved {
		t.Errorf("got %d", p.command)
	}
	for _, name := range []string{"sneaky", "sink.monitor"} {
		b.fake.say(append(moved(name), sound(0, 100)...))
		if p := a.read(); p == nil || p.command != cmdRecordKilled {
			t.Fatalf("%s: got %+v", name, p)
		}
		b.fake.say(sound(0, 100))
		if got := a.hears(); got != 0 {
			t.Errorf("%s: heard %d", name, got)
		}
		wantError(t, a.ask(58, truth(number(nil, 0), true)), noEntity)
		b = newBed(t, Policy{Record: "allow"})
		a = b.app()
		start()
	}
	// In silence: an event of a change is all.
	b.fake.set(func() { b.fake.records = "sneaky" })
	b.fake.say(finish(number(number(begin(nil, cmdChanged, none), 0x10|facilityOutput), 102)))
	if p := a.read(); p == nil || p.command != cmdRecordKilled {
		t.Fatalf("got %+v", p)
	}
	if !strings.Contains(b.log.String(), "sound.system=true") {
		t.Errorf("log: %s", b.log)
	}
}

// A recording of no source yet is silent until it is known from where it is.
func TestNoSourceYet(t *testing.T) {
	b := newBed(t, Policy{Record: "allow"})
	b.fake.set(func() {
		b.fake.answer = func(c *net.UnixConn, p *packet) bool {
			if p.command != cmdCreateRecord {
				return false
			}
			r := number(number(number(number(begin(nil, cmdReply, p.tag), 0), 102), 0), 0)
			r = append(append(r, value('a', 0)...), value('m', 0)...)
			c.Write(finish(append(number(r, none), 'N')))
			return true
		}
		b.fake.records = "sink.monitor"
	})
	a := b.app()
	wantReply(t, a.ask(cmdCreateRecord, record(none, "")))
	b.fake.say(sound(0, 100))
	if p := a.read(); p.command != cmdRecordKilled {
		t.Errorf("got %d", p.command)
	}
	if got := a.hears(); got != 0 {
		t.Errorf("heard %d", got)
	}
	b.fake.set(func() { b.fake.records = "mic" })
	wantReply(t, a.ask(cmdCreateRecord, record(none, "")))
	bedWait(t, "sound of the microphone", func() bool { b.fake.say(sound(0, 100)); return a.hears() > 0 })
}

// asking is a bed in which a person is asked; the answers come by the channel.
func asking(t *testing.T, wait time.Duration) (b *bed, questions chan func(bool)) {
	questions = make(chan func(bool), 10)
	answers := make(chan func(), 10)
	b = newBed(t, Policy{Play: true, Record: "ask", System: true}, func(b *bed) {
		b.Server.Ask = func(done func(bool)) {
			questions <- func(yes bool) { answers <- func() { done(yes) } }
			var look func()
			look = func() {
				select {
				case do := <-answers:
					do()
				default:
					b.loop.After(5*time.Millisecond, look)
				}
			}
			b.loop.After(0, look)
		}
		b.Server.patience = wait
	})
	return b, questions
}

// While the person thinks, sound goes on; the answer holds for all connections and later requests.
func TestAsk(t *testing.T) {
	for _, yes := range []bool{true, false} {
		b, questions := asking(t, 0)
		a, other := b.app(), b.app()
		wantReply(t, a.ask(cmdCreatePlayback, playback("")))
		wantReply(t, a.ask(cmdCreateRecord, record(none, "sink.monitor")))
		tag := a.send(cmdCreateRecord, record(none, ""))
		second := other.send(cmdCreateRecord, record(none, "mic"))
		answer := <-questions
		a.c.Write(sound(0, 500))
		wantReply(t, a.ask(cmdStat, nil))
		b.fake.set(func() {
			if b.fake.sound != 500 {
				t.Errorf("%d bytes of sound", b.fake.sound)
			}
		})
		half := sound(0, 1000)
		if !yes { // the refusal is the filter's, and waits for the end of the block
			b.fake.set(func() { b.fake.conns[0].Write(half[:600]) })
		}
		answer(yes)
		if !yes {
			time.Sleep(100 * time.Millisecond)
			b.fake.set(func() { b.fake.conns[0].Write(half[600:]) })
			if frame, err := readFrame(a.c); err != nil || !bytes.Equal(frame, half) {
				t.Errorf("the answer stands in the middle of sound: %v", err)
			}
		}
		for _, want := range []struct {
			*app
			tag uint32
		}{{a, tag}, {other, second}} {
			p := want.read()
			if p.tag != want.tag || (p.command == cmdReply) != yes {
				t.Errorf("%v: got %+v", yes, p)
			}
		}
		if p := a.ask(cmdCreateRecord, record(none, "mic")); (p.command == cmdReply) != yes {
			t.Errorf("again, %v: got %d", yes, p.command)
		}
		if len(questions) > 0 {
			t.Error("asked again")
		}
	}
}

// Nobody answers in time: the app is told so, and when it asks again the answer may be there.
func TestAskTooLate(t *testing.T) {
	b, questions := asking(t, 50*time.Millisecond)
	a := b.app()
	start := time.Now()
	wantError(t, a.ask(cmdCreateRecord, record(none, "")), accessDenied)
	if took := time.Since(start); took < 50*time.Millisecond {
		t.Errorf("after %v", took)
	}
	(<-questions)(true)
	bedWait(t, "the answer has come", func() bool { return a.ask(cmdCreateRecord, record(none, "")).command == cmdReply })
	if len(questions) > 0 {
		t.Error("asked again")
	}
}

// An app that has gone while the person thinks leaves nothing behind.
func TestAskedAndGone(t *testing.T) {
	b, questions := asking(t, 0)
	a := b.app()
	for range maxStreams {
		a.send(cmdCreateRecord, record(none, "mic"))
	}
	answer := <-questions
	a.ask(cmdStat, nil)
	a.c.Close()
	a = b.app()
	for range maxStreams {
		a.send(cmdCreateRecord, record(none, "mic"))
	}
	wantError(t, a.ask(cmdCreateRecord, record(none, "mic")), tooLarge)
	answer(true)
	for range maxStreams {
		wantReply(t, a.read())
	}
}

// Nobody can be asked.
func TestAskNobody(t *testing.T) {
	b := newBed(t, Policy{Record: "ask"})
	a := b.app()
	wantError(t, a.ask(cmdCreateRecord, record(none, "")), accessDenied)
	if p := a.ask(cmdGetSourceInfo+1, nil); len(p.b) != body {
		t.Errorf("got %q", p.b[body:])
	}
}

// The app itself moves a recording.
func TestMoveOutput(t *testing.T) {
	b := newBed(t, Policy{Record: "allow"})
	a := b.app()
	p := a.ask(cmdCreateRecord, record(none, ""))
	p.walk(body, "LL", 0)
	move := func(name string) *packet {
		return a.ask(cmdMoveSourceOutput, text(number(number(nil, p.u32(1)), none), []byte(name)))
	}
	wantError(t, move("sneaky"), noEntity)
	wantError(t, move("nowhere"), noEntity)
	wantReply(t, move("mic"))
	if saw := b.fake.saw(cmdMoveSourceOutput); len(saw) != 1 {
		t.Errorf("the server saw %q", saw)
	}
}
