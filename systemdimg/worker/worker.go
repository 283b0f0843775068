package worker

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/caps/seccomp"
	"snug/sandbox"
	"snug/systemdimg/store"
	"snug/systemdimg/subid"
)

const (
	// name is what a worker is called, by which main tells that it is one.
	name        = "snug-image-worker"
	programPath = "/" + name
	folderPath  = "/folder"
	origin      = sandbox.Origin("snug-image")

	answerFD, recipeFD = 3, 4

	maxAnswer = 1 << 20
	maxData   = 512 << 20 // bytes of memory of a worker, for the largest dictionaries that compressors use
)

// Workers start workers for one store.
type Workers struct {
	program *os.File // this program (O_PATH)
	host    sandbox.Host
	ids     subid.IDs
}

// Open finds what it takes. The caller closes the Workers.
func Open(ids subid.IDs) (*Workers, error) {
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	w := &Workers{program: os.NewFile(uintptr(fd), path), ids: ids}
	if w.host, err = sandbox.Probe(); err != nil {
		w.program.Close()
		return nil, err
	}
	return w, nil
}

// Close gives the descriptors back.
func (w *Workers) Close() { w.program.Close() }

// job is one piece of work.
type job struct {
	words   []string       // what to do
	root    []sandbox.Step // what the worker sees beside its own program
	in, out *os.File       // its standard input and output; nil: nothing
	recipe  *os.File       // or nil
}

// task is a worker that runs.
type task struct {
	in     *sandbox.Instance
	answer chan answer
	said   chan string
}

// answer is what a worker says at its end.
type answer struct {
	Error string `json:"error,omitempty"`
	Result
}

// Result is what a worker has found.
type Result struct {
	Files int64    `json:"files,omitempty"`
	Bytes int64    `json:"bytes,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

// start starts a worker. The files of the job stay the caller's.
func (w *Workers) start(j *job) (*task, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	answerR, answerW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer answerW.Close()
	errR, errW, err := os.Pipe()
	if err != nil {
		answerR.Close()
		return nil, err
	}
	defer errW.Close()
	files := []sandbox.File{{Number: 0, Source: or(j.in, null)}, {Number: 1, Source: or(j.out, null)}, {Number: 2, Source: errW}, {Number: answerFD, Source: answerW}}
	if j.recipe != nil {
		files = append(files, sandbox.File{Number: recipeFD, Source: j.recipe})
	}
	t := &task{answer: make(chan answer, 1), said: make(chan string, 1)}
	if t.in, err = sandbox.Run(w.spec(j, files)); err != nil {
		answerR.Close()
		errR.Close()
		return nil, err
	}
	go func() {
		defer errR.Close()
		text, _ := io.ReadAll(io.LimitReader(errR, 4<<10))
		t.said <- string(text)
		io.Copy(io.Discard, errR)
	}()
	go func() {
		defer answerR.Close()
		var a answer
		text, err := io.ReadAll(io.LimitReader(answerR, maxAnswer))
		if err == nil {
			err = json.Unmarshal(text, &a)
		}
		if err != nil {
			a = answer{}
		}
		t.answer <- a
	}()
	return t, nil
}

func or(f, null *os.File) *os.File {
	if f == nil {
		return null
	}
	return f
}

// spec is the sandbox of a worker.
func (w *Workers) spec(j *job, files []sandbox.File) *sandbox.Spec {
	var st unix.Stat_t
	unix.Fstat(int(w.program.Fd()), &st)
	s := &sandbox.Spec{
		Users:    sandbox.Users{UIDs: w.ids.UIDs, GIDs: w.ids.GIDs, Origin: origin},
		Hostname: name,
		Root: []sandbox.Step{
			&sandbox.Tmpfs{Dest: "/", Size: 1 << 20, Origin: origin},
			&sandbox.Bind{Source: w.program.Name(), Dest: programPath, Same: &sandbox.FileID{Dev: uint64(st.Dev), Ino: st.Ino}, Origin: origin},
			&sandbox.Proc{Dest: "/proc", Origin: origin}, // what is named by a descriptor is named through it
		},
	}
	s.Root = append(s.Root, j.root...)
	s.Root = append(s.Root, &sandbox.ReadOnly{Dest: "/"})
	const rights = caps.Chown | caps.DACOverride | caps.Fowner | caps.Fsetid | caps.Setfcap
	p := &s.Process
	p.Argv = append([]string{name}, j.words...)
	p.Programs = []string{programPath}
	p.Files = files
	p.Init = true
	p.Capabilities = caps.Sets{Bounding: rights, Permitted: rights, Effective: rights, Inheritable: rights, Ambient: rights}
	p.Filters = []sandbox.Filter{{Name: "default", Code: seccomp.Default(seccomp.Options{}), Origin: origin}}
	p.Rlimits = []sandbox.Rlimit{{Resource: unix.RLIMIT_CORE}, {Resource: unix.RLIMIT_DATA, Soft: maxData, Hard: maxData}}
	return s
}

// wait gives the answer of a worker that has been given all.
func (t *task) wait(ctx context.Context) (Result, error) {
	stop := context.AfterFunc(ctx, func() { t.in.Kill() })
	defer stop()
	status := t.in.Wait()
	t.in.Close()
	a, said := <-t.answer, <-t.said
	switch {
	case ctx.Err() != nil:
		return a.Result, ctx.Err()
	case a.Error == "" && status.ExitStatus() == 0:
		return a.Result, nil
	case strings.Contains(said, "out of memory"):
		a.Error = "it needs more memory than it may have"
	case a.Error == "":
		said, _, _ = strings.Cut(strings.TrimSpace(said), "\n")
		a.Error = "it ended without an answer: " + strconv.Quote(said)
	}
	return a.Result, errors.New(a.Error)
}

// stop ends a worker that is of no use any more.
func (t *task) stop() {
	t.in.Close()
	<-t.answer
	<-t.said
}

// folder shows a folder of the store, by its very identity.
func folder(path string, writable bool) (*sandbox.Bind, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return &sandbox.Bind{Source: path, Dest: folderPath, Writable: writable, Same: &sandbox.FileID{Dev: uint64(st.Dev), Ino: st.Ino}, Origin: origin}, nil
}

// Unpacked is what became of an archive.
type Unpacked struct {
	Digest store.Digest // of the plain archive
	Result
}

// Form is how a folder and an archive belong together.
type Form string

// The forms.
const (
	Layer  Form = "layer"  // of an image: what is gone in it is marked, in the archive as in the folder
	System Form = "system" // files as they are
)

// Unpack unpacks a plain tar archive, to its end, into an empty folder, and writes its recipe.
func (w *Workers) Unpack(ctx context.Context, path string, form Form, archive io.Reader, recipe *os.File) (Unpacked, error) {
	bind, err := folder(path, true)
	if err != nil {
		return Unpacked{}, err
	}
	in, feed, err := os.Pipe()
	if err != nil {
		return Unpacked{}, err
	}
	defer feed.Close()
	t, err := w.start(&job{words: []string{"unpack", string(form)}, root: []sandbox.Step{bind}, in: in, recipe: recipe})
	in.Close()
	if err != nil {
		return Unpacked{}, err
	}
	stop := context.AfterFunc(ctx, func() { t.in.Kill() })
	sum := sha256.New()
	err = carry(feed, sum, archive)
	feed.Close()
	stop()
	if err != nil && !errors.Is(err, unix.EPIPE) { // that one has said why
		t.stop()
		return Unpacked{}, err
	}
	r, err := t.wait(ctx)
	return Unpacked{store.DigestFrom(sum.Sum(nil)), r}, wrap("unpack the archive", err)
}

// carry writes a stream to a pipe, and beside it to a hash: each waits for the other no longer than it must.
func carry(to *os.File, sum hash.Hash, from io.Reader) error {
	const size, blocks = 1 << 20, 4
	unix.FcntlInt(to.Fd(), unix.F_SETPIPE_SZ, size) // what a user may have (pipe(7)); a smaller one is slower, and no more
	free, full := make(chan []byte, blocks), make(chan []byte, blocks)
	for range blocks {
		free <- make([]byte, size)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := range full {
			sum.Write(b)
			free <- b[:size]
		}
	}()
	defer func() {
		close(full)
		<-done
	}()
	for {
		b := <-free
		n, err := io.ReadFull(from, b)
		if _, e := to.Write(b[:n]); e != nil {
			return e
		}
		full <- b[:n]
		if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Pack packs a folder into a plain tar archive; of several, topmost first, what an overlay of them shows.
func (w *Workers) Pack(ctx context.Context, paths []string, form Form, to io.Writer) error {
	step := sandbox.Step(&sandbox.Overlay{Dest: folderPath, Lower: paths, ReadOnly: true, Origin: origin})
	if len(paths) == 1 {
		bind, err := folder(paths[0], false)
		if err != nil {
			return err
		}
		step = bind
	}
	return wrap("pack", w.drain(ctx, &job{words: []string{"pack", string(form)}, root: []sandbox.Step{step}}, to))
}

// Assemble writes the plain archive that a layer was unpacked of, by its recipe. Whether it is the same is for
// the caller to see by its digest.
func (w *Workers) Assemble(ctx context.Context, path string, recipe *os.File, to io.Writer) error {
	bind, err := folder(path, false)
	if err != nil {
		return err
	}
	return wrap("assemble the archive", w.drain(ctx, &job{words: []string{"assemble"}, root: []sandbox.Step{bind}, recipe: recipe}, to))
}

// drain runs a worker that writes a stream.
func (w *Workers) drain(ctx context.Context, j *job, to io.Writer) error {
	r, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	j.out = out
	t, err := w.start(j)
	out.Close()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { t.in.Kill() })
	_, err = io.Copy(to, r)
	stop()
	if err != nil {
		t.stop()
		return err
	}
	_, err = t.wait(ctx)
	return err
}

// Remove empties a folder. It fits store.Remover.
func (w *Workers) Remove(path string) error {
	bind, err := folder(path, true)
	if err != nil {
		return err
	}
	t, err := w.start(&job{words: []string{"remove"}, root: []sandbox.Step{bind}})
	if err != nil {
		return err
	}
	_, err = t.wait(context.Background())
	return wrap("remove", err)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return &store.Error{What: what, Err: err}
}
