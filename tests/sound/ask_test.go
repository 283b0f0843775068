package sound_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals"
)

// person answers the questions of a broker: yes, no, or nothing.
func person(t *testing.T, answer string) (broker *os.File, asked func() int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	broker = os.NewFile(uintptr(ends[0]), "broker")
	questions := make(chan int, 1)
	go func() {
		count := 0
		for {
			var b [100]byte
			n, err := unix.Read(ends[1], b[:])
			if n <= 0 || err != nil {
				questions <- count
				return
			}
			q, err := portals.ParseAsk(b[:n])
			if err != nil || q.Kind != "record" {
				t.Errorf("got %+v, %v", q, err)
			}
			count++
			time.Sleep(300 * time.Millisecond)
			if answer != "" {
				unix.Write(ends[1], portals.AskAnswer(q, answer == "yes"))
			}
		}
	}()
	return broker, func() int {
		unix.Shutdown(ends[1], unix.SHUT_RDWR)
		defer unix.Close(ends[1])
		return <-questions
	}
}

// A person is asked once, and the answer holds for what the app asks later.
func TestAsk(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		for _, answer := range []string{"yes", "no"} {
			broker, asked := person(t, answer)
			inside := r.asked(broker, "--record=ask")
			broker.Close()
			for range 2 {
				heard := r.heardBy(inside, "vmic", "booth")
				if answer == "yes" {
					wantTone(t, heard, 700, 0.5)
				} else {
					wantSilence(t, heard, 700)
				}
			}
			wantSilence(t, r.heardBy(inside, "nsink.monitor", "nsink"), 700)
			if n := asked(); n != 1 {
				t.Errorf("%s: asked %d times", answer, n)
			}
		}
	})
}

// Nobody answers: the app hears so before it gives up by itself.
func TestNobodyAnswers(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		broker, asked := person(t, "")
		inside := r.asked(broker, "--record=ask")
		broker.Close()
		start := time.Now()
		said := inside.Outside("timeout", "40", "parec", "--device=vmic", "/dev/null")
		if took := time.Since(start); took < 24*time.Second || took > 28*time.Second || !strings.Contains(said, "Access denied") {
			t.Errorf("after %v: %s", took, said)
		}
		if n := asked(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}
