package instances_test

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"snug/cmd/internal/instances"
)

// One at a time has the lock alone, although others list instances meanwhile, which removes what nobody
// holds. Who shares it does not wait.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := instances.Open(dir, os.Getuid())
	if err != nil {
		t.Fatal(err)
	}
	var held, swept atomic.Int32
	done := make(chan bool)
	var sweeper, starts sync.WaitGroup
	sweeper.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				list, err := d.List()
				if err != nil || len(list) > 0 {
					t.Errorf("a lock is no instance: %v, %v", list, err)
				}
				swept.Add(1)
			}
		}
	})
	for range 8 {
		starts.Go(func() {
			for range 200 {
				unlock, err := d.Lock("org.example.App", true, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				if n := held.Add(1); n != 1 {
					t.Errorf("%d have it", n)
				}
				held.Add(-1)
				unlock()
			}
		})
	}
	starts.Wait()
	close(done)
	sweeper.Wait()
	if swept.Load() == 0 {
		t.Error("nobody has listed meanwhile")
	}
	shared := make(chan bool)
	go func() {
		for range 2 {
			if _, err := d.Lock("org.example.App", false, time.Minute); err != nil {
				t.Error(err)
			}
		}
		close(shared)
	}()
	select {
	case <-shared:
	case <-time.After(10 * time.Second):
		t.Fatal("who shares the lock waits")
	}
	if _, err := d.Lock("org.example.App", true, 10*time.Millisecond); !errors.Is(err, instances.ErrHeld) {
		t.Errorf("of a lock that is held: want %v, got %v", instances.ErrHeld, err)
	}
}
