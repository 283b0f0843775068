package worker

import (
	"encoding/json"
	"errors"
	"os"

	"snug/systemdimg/layer"
	"snug/systemdimg/worker/recipe"
)

// Is reports whether the words with which this program was started are those of a worker.
func Is(args []string) bool { return len(args) > 0 && args[0] == name }

// Main does the work of a worker and gives the exit status.
func Main(args []string) int {
	var a answer
	r, err := work(args[1:])
	if a.Result = r; err != nil {
		a.Error = err.Error()
	}
	text, err := json.Marshal(a)
	if err == nil {
		_, err = os.NewFile(answerFD, "answer").Write(text)
	}
	if a.Error != "" || err != nil {
		return 1
	}
	return 0
}

func work(words []string) (Result, error) {
	options := layer.Options{Plain: len(words) > 1 && Form(words[1]) == System, Unsummed: true} // who has started it sums
	if len(words) == 0 {
		return Result{}, errors.New("no work")
	}
	if words[0] == "expand" {
		return Result{}, layer.Expand(os.Stdout, os.Stdin, layer.Limits{})
	}
	dir, err := os.Open(folderPath)
	if err != nil {
		return Result{}, err
	}
	defer dir.Close()
	switch words[0] {
	case "unpack":
		return unpack(dir, options)
	case "pack":
		r, err := layer.Pack(os.Stdout, dir, options)
		if err != nil {
			return Result{}, err
		}
		return Result{Files: r.Files, Bytes: r.Bytes, Notes: r.Notes}, nil
	case "assemble":
		return Result{}, recipe.Cook(os.NewFile(recipeFD, "recipe"), dir, os.Stdout)
	case "remove":
		return Result{}, empty(dir)
	}
	return Result{}, errors.New("no such work")
}

// empty removes all that is in a folder.
func empty(dir *os.File) error {
	names, err := dir.Readdirnames(-1)
	for _, n := range names {
		err = errors.Join(err, layer.Remove(dir, n))
	}
	return err
}

// unpack unpacks an archive and writes its recipe. Without a recipe an image can still be used, so that it cannot
// be written is no error: then it stays empty.
func unpack(dir *os.File, o layer.Options) (Result, error) {
	f := os.NewFile(recipeFD, "recipe")
	w := recipe.NewWriter(f)
	o.Recorder, o.WriteOut = w, true
	r, err := layer.Unpack(dir, os.Stdin, o)
	if w.Close() != nil {
		f.Truncate(0)
	}
	if err != nil {
		return Result{}, err
	}
	return Result{Files: r.Files, Bytes: r.Bytes, Notes: r.Notes}, nil
}
