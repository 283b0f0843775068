package portals

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"snug/portals/decisions"
	"snug/portals/internal/relay"
)

// Serve serves all brokers of a Config until ctx ends. It owns the descriptors that the Config names,
// and closes those that it does not need any more.
func Serve(ctx context.Context, c Config) error {
	loop, err := relay.NewLoop()
	if err != nil {
		return err
	}
	defer loop.Close()
	s := &shared{background: c.Background}
	var file io.Writer
	if c.Log >= 0 {
		f := os.NewFile(uintptr(c.Log), "log")
		defer f.Close()
		file = f
	}
	s.log = decisions.New(file, c.advice)
	defer s.log.Close()
	if c.Watch >= 0 {
		f := os.NewFile(uintptr(c.Watch), "watch")
		defer f.Close()
		if err := s.log.Watch(loop, f); err != nil {
			return err
		}
	}
	if c.Ask >= 0 {
		defer unix.Close(c.Ask)
		if s.asker, err = newAsker(loop, c.Ask); err != nil {
			return err
		}
	}
	if c.Background >= 0 {
		defer unix.Close(c.Background)
	}
	if c.Refused >= 0 {
		defer unix.Close(c.Refused)
		s.refused = &refusals{fd: c.Refused}
	}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if err := e.Protocol.listen(loop, e, s); err != nil {
			return err
		}
	}
	return loop.Run(ctx)
}
