package worker

import (
	"context"
	"io"

	"snug/sandbox"
)

// Look lets a worker of the test's own say what it sees.
func (w *Workers) Look(path string, to io.Writer) error {
	bind, err := folder(path, true)
	if err != nil {
		return err
	}
	return w.drain(context.Background(), &job{words: []string{"look"}, root: []sandbox.Step{bind}}, to)
}
