package portals

import (
	"bytes"
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

func TestQuestion(t *testing.T) {
	want := Question{ID: 7, Kind: "record"}
	got, err := ParseAsk(want.Packet())
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{"", "1234", "1234\x01", "12345\x00"} {
		if got, err := ParseAsk([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

// FuzzParseAsk: what a supervisor reads is spelled so that it is read alike, and so are answers.
func FuzzParseAsk(f *testing.F) {
	f.Add(Question{ID: 1, Kind: "record"}.Packet())
	f.Add(AskAnswer(Question{ID: 1}, true))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if q, err := ParseAsk(packet); err == nil && !bytes.Equal(q.Packet(), packet) {
			t.Fatalf("%q: %q", packet, q.Packet())
		}
		if id, allowed, ok := parseAnswer(packet); ok && !bytes.Equal(AskAnswer(Question{ID: id}, allowed), packet) {
			t.Fatalf("%q", packet)
		}
	})
}

// Answers come in any order, once; those to no question are left out, and when nobody is there any more
// the answer is no.
func TestAsker(t *testing.T) {
	loop, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Close()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	a, err := newAsker(loop, ends[0])
	if err != nil {
		t.Fatal(err)
	}
	serve := func() {
		ctx, stop := context.WithCancel(context.Background())
		loop.After(20*time.Millisecond, stop)
		if err := loop.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	say := func(name string) func(bool) {
		return func(allowed bool) {
			if allowed {
				name += " yes"
			}
			got = append(got, name)
		}
	}
	questions := map[string]Question{}
	for _, name := range []string{"one", "two", "three"} {
		a.ask(Question{Kind: "record"}, say(name))
		var b [100]byte
		n, err := unix.Read(ends[1], b[:])
		if err != nil {
			t.Fatal(err)
		}
		if questions[name], err = ParseAsk(b[:n]); err != nil {
			t.Fatal(err)
		}
	}
	for _, packet := range [][]byte{AskAnswer(questions["two"], true), AskAnswer(Question{ID: 77}, true), []byte("nonsense"), AskAnswer(questions["two"], false), AskAnswer(questions["one"], false)} {
		unix.Write(ends[1], packet)
	}
	serve()
	if len(got) != 2 || got[0] != "two yes" || got[1] != "one" {
		t.Errorf("got %q", got)
	}
	unix.Close(ends[1])
	serve()
	a.ask(Question{Kind: "record"}, say("four"))
	if len(got) != 4 || got[2] != "three" || got[3] != "four" {
		t.Errorf("got %q", got)
	}
}
