package pulse

import (
	"flag"
	"fmt"

	"os"
	"strings"

	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestPosture says of every command what becomes of it by each grant alone, both of the app's own things
// and of others', and whether it passes when the server sends it. The table in testdata is the policy: who changes
// it looks at that.
func TestPosture(t *testing.T) {
	policies := []struct {
		name string
		Policy
	}{{"nothing", Policy{}}, {"play", Policy{Play: true}}, {"record", Policy{Record: "allow"}}, {"system", Policy{System: true}}, {"mixer", Policy{Mixer: true}}}
	table := make([]strings.Builder, len(rules)+1)
	for i := range table {
		name := "(unknown)"
		if i < len(rules) {
			name = rules[i].name
		}
		fmt.Fprintf(&table[i], "%3d %-34s", i, name)
	}
	for _, p := range policies {
		for i := range table {
			fmt.Fprintf(&table[i], " %-12s", app2host(t, p.Policy, uint32(i), 0)+"/"+app2host(t, p.Policy, uint32(i), foreign))
		}
	}
	b := newBed(t, Policy{Play: true, Record: "allow"})
	a := b.app()
	wantReply(t, a.ask(cmdCreatePlayback, playback("")))
	wantReply(t, a.ask(cmdCreateRecord, record(none, "mic")))
	wantReply(t, a.ask(cmdSubscribe, number(nil, 0xffff)))
	for i := range table {
		fmt.Fprintf(&table[i], " %s", host2app(b, a, uint32(i)))
	}
	got := fmt.Sprintf("%-38s", "own thing/other's thing")
	for _, p := range policies {
		got += fmt.Sprintf(" %-12s", p.name)
	}
	got += " server to app\n"
	for i := range table {
		got += strings.TrimRight(table[i].String(), " ") + "\n"
	}
	const file = "testdata/posture.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-update writes it anew, -want +got:\n%s", diff)
	}
}

// record is a request to record from a source.
func record(index uint32, name string) []byte {
	p := packet{b: finish(append(begin(nil, cmdCreateRecord, 0), values(recordShape, 35)...))}
	p.match(recordShape, 35)
	b := append([]byte(nil), p.raw(0, recordDevice-1)...)
	source := []byte(name)
	if name == "" {
		source = nil
	}
	b = text(number(b, index), source)
	b = append(b, p.raw(recordName+1, recordDirect-1)...)
	return append(number(b, none), p.raw(recordDirect+1, p.count-1)...)
}

// app2host tells what becomes of a command of an app: "pass" if the server gets it, "empty" if there is an
// answer all the same, the number of the error, or "end". Its first number is the thing that it is about.
func app2host(t *testing.T, policy Policy, command, thing uint32) string {
	t.Helper()
	b := newBed(t, policy)
	a := b.app()
	channel, index := uint32(0), uint32(0)
	if policy.Play {
		p := a.ask(cmdCreatePlayback, playback(""))
		wantReply(t, p)
		p.walk(body, "LL", 0)
		channel, index = p.u32(0), p.u32(1)
	}
	if policy.Record != "" {
		p := a.ask(cmdCreateRecord, record(none, "mic"))
		wantReply(t, p)
		p.walk(body, "LL", 0)
		channel, index = p.u32(0), p.u32(1)
	}
	var v []byte
	if r := ruleOf(command); r != nil {
		v = values(r.shape, 35)
		if r.shape != "" && r.shape[0] == 'L' && r.do != nil {
			if thing == 0 {
				thing = channel
				if strings.Contains(r.what, "other") || strings.Contains(r.what, "move") {
					thing = index
				}
				if command == cmdGetClientInfo || command == 48 {
					thing = 101
				}
			}
			copy(v, number(nil, thing))
		}
	}
	switch command {
	case cmdCreatePlayback:
		v = playback("")
	case cmdCreateRecord:
		v = record(none, "mic")
		if thing == foreign {
			v = record(none, "sink.monitor")
		}
	case cmdGetSourceInfo, cmdGetSinkInfo:
		v = number(nil, 1)
		if thing == foreign {
			v = number(nil, 2)
		}
		v = text(v, nil)
	case 11:
		v = text(nil, []byte("mic"))
		if thing == foreign {
			v = text(nil, []byte("sink.monitor"))
		}
	case 18:
		v = append(text(number(nil, none), nil), value('L', 0)...)
		v = append(text(v, []byte("bell")), 'P', 'N')
	case cmdMoveSourceOutput:
		v = text(number(v[:5], none), []byte("mic"))
	}
	before := len(b.fake.saw(command))
	p := a.ask(command, v)
	switch {
	case p == nil:
		return "end"
	case p.command == cmdError:
		p.match("L", 0)
		return fmt.Sprint(p.u32(0))
	case len(b.fake.saw(command)) > before:
		return "pass"
	}
	return "made"
}

// host2app tells what becomes of a command of the server: "pass" if the app gets it, and of those about
// streams "own" if the app gets it of its own stream alone.
func host2app(b *bed, a *app, command uint32) string {
	if command == cmdPlaybackKilled || command == cmdRecordKilled {
		return "own" // see TestKilled: it ends the stream of this test
	}
	got := ""
	for _, channel := range []uint32{0, foreign} {
		v := number(number(nil, channel), 1)
		if command == cmdRecordMoved {
			v = truth(text(v, []byte("mic")), false)
		}
		if command == cmdChanged {
			v = number(number(nil, 0x10|facilityInput), 102+channel)
		}
		b.fake.say(finish(append(begin(nil, command, none), v...)))
		b.fake.say(finish(append(begin(nil, 61, none), number(number(nil, 0), 77777)...))) // behind it
		for {
			p := a.read()
			if p == nil {
				return "end"
			}
			if p.command == 61 && p.match("LL", 0) && p.u32(1) == 77777 {
				break
			}
			if p.command == command {
				got += map[uint32]string{0: "own", foreign: "+other"}[channel]
			}
		}
	}
	switch got {
	case "":
		return "-"
	case "own+other":
		return "pass"
	}
	return got
}

// A stream that the server has killed is gone: a packet for it is refused, and its sound left out.
func TestKilled(t *testing.T) {
	b := newBed(t, Policy{Play: true, Record: "allow"})
	a := b.app()
	wantReply(t, a.ask(cmdCreatePlayback, playback("")))
	wantReply(t, a.ask(cmdCreateRecord, record(none, "mic")))
	for _, tt := range []struct{ killed, cork, channel uint32 }{{cmdPlaybackKilled, 41, 0}, {cmdRecordKilled, 58, 0}} {
		wantReply(t, a.ask(tt.cork, truth(number(nil, tt.channel), true)))
		b.fake.say(finish(number(begin(nil, tt.killed, none), tt.channel)))
		if p := a.read(); p.command != tt.killed {
			t.Errorf("got %d", p.command)
		}
		wantError(t, a.ask(tt.cork, truth(number(nil, tt.channel), true)), noEntity)
	}
	a.c.Write(sound(0, 100))
	a.ask(cmdStat, nil)
	b.fake.set(func() {
		if b.fake.sound > 0 {
			t.Errorf("%d bytes of sound for a stream that is gone", b.fake.sound)
		}
	})
}

// playback is a request to play on a device, or on none in particular.
func playback(name string) []byte {
	p := packet{b: finish(append(begin(nil, cmdCreatePlayback, 0), values(playbackShape, 35)...))}
	p.match(playbackShape, 35)
	b := append([]byte(nil), p.raw(0, playDevice-1)...)
	device := []byte(name)
	if name == "" {
		device = nil
	}
	return append(text(number(b, none), device), p.raw(playName+1, p.count-1)...)
}
