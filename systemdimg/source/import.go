package source

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"snug/systemdimg/layer"
	"snug/systemdimg/store"
	"snug/systemdimg/worker"
)

// The prefixes that say what a source is. Without one it is a folder of a system's files, or an archive: of
// such files or of images, which its first file tells.
const (
	layoutPrefix        = "oci:"
	ociArchivePrefix    = "oci-archive:"
	dockerArchivePrefix = "docker-archive:"
)

// Import imports an image from a file or folder, or from the stream for "-".
func (c *Carrier) Import(ctx context.Context, src string, stream *os.File, o Options) (*store.Image, error) {
	want, err := parsePlatform(o.Platform)
	if err != nil {
		return nil, err
	}
	if o.Name != "" {
		if o.Name, err = store.ParseName(o.Name); err != nil {
			return nil, err
		}
	}
	rec := store.Record{Source: src}
	if rest, ok := strings.CutPrefix(src, layoutPrefix); ok {
		return c.importLayout(ctx, rest, want, rec, o)
	}
	path, tag := src, ""
	for _, prefix := range []string{ociArchivePrefix, dockerArchivePrefix} {
		if rest, ok := strings.CutPrefix(src, prefix); ok {
			path, tag = cutTag(rest)
		}
	}
	f := stream
	if src != "-" {
		if f, err = os.OpenFile(path, os.O_RDONLY|unix.O_NOCTTY, 0); err != nil {
			return nil, &store.Error{What: "open " + quote(path), Err: cause(err)}
		}
		defer f.Close()
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return c.importFolder(ctx, f, want, rec, o)
	}
	return c.importStream(ctx, f, tag, want, rec, o)
}

// cutTag parts FILE:TAG, unless there is a file that is called so.
func cutTag(s string) (path, tag string) {
	if _, err := os.Lstat(s); err == nil {
		return s, ""
	}
	for i := range len(s) { // a tag may hold colons; a file, rather not
		if s[i] == ':' {
			if _, err := os.Lstat(s[:i]); err == nil {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}

func (c *Carrier) importLayout(ctx context.Context, src string, want platform, rec store.Record, o Options) (*store.Image, error) {
	path, tag := cutTag(src)
	dir, err := os.Open(path)
	if err != nil {
		return nil, &store.Error{What: "open " + quote(path), Err: cause(err)}
	}
	defer dir.Close()
	return c.fromLayout(ctx, folderLayout(dir), path, tag, want, rec, o)
}

func (c *Carrier) fromLayout(ctx context.Context, l *layout, path, tag string, want platform, rec store.Record, o Options) (*store.Image, error) {
	root, err := l.find(tag, want)
	if err != nil {
		return nil, err
	}
	img, err := c.document(ctx, l, root, want)
	if err != nil {
		return nil, err
	}
	called := root.Annotations[refName]
	if o.Name == "" && strings.ContainsAny(called, "/:") {
		o.Name, _ = store.ParseName(called) // of a name a person can have written, else of the file
	}
	if err := o.named(path); err != nil {
		return nil, err
	}
	return c.take(ctx, img, rec, &o)
}

// named gives the image a name that is made of a path, unless it has one.
func (o *Options) named(path string) (err error) {
	if o.Name != "" {
		return nil
	}
	base := strings.ToLower(filepath.Base(path))
	for _, end := range []string{".gz", ".xz", ".zst", ".tgz", ".txz", ".tar", ".oci"} {
		base = strings.TrimSuffix(base, end)
	}
	if o.Name, err = store.ParseName(base); err != nil {
		return &store.Error{What: "no name for the image can be made of " + quote(path), Hint: "give one behind it, as in: snug image import " + path + " debian:12"}
	}
	return nil
}

// free refuses a name that another image has, before all the work. What comes from where that image came from may be
// the same: that shows when it has been unpacked.
func (c *Carrier) free(src string, o *Options) error {
	if had, err := c.Store.Find(o.Name); err == nil && had.Source == src {
		return nil
	}
	return c.Store.Free(o.Name, "", o.Replace)
}

// importStream imports an archive: of a system's files, or of images.
func (c *Carrier) importStream(ctx context.Context, f *os.File, tag string, want platform, rec store.Record, o Options) (*store.Image, error) {
	w, err := c.Store.Begin(c.Workers.Remove)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	size := int64(0)
	if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
		size = st.Size()
	}
	from, stop := interruptible(ctx, f)
	defer stop()
	counted := newVerifier(from, "", func(done int64) { c.tell("unpack", "", done, size) })
	plain, err := c.expand(ctx, counted)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	head, all, err := peek(plain, worker.HeadBytes)
	switch {
	case err != nil:
		return nil, err
	case len(head) == 0:
		return nil, &store.Error{What: quote(f.Name()) + " is empty"}
	case holdsImages(head):
		return c.importBundle(ctx, w, f, all, tag, want, rec, o)
	}
	if err := o.named(f.Name()); err != nil {
		return nil, err
	}
	if err := c.free(rec.Source, &o); err != nil {
		return nil, err
	}
	if !beginsArchive(head) {
		return nil, &store.Error{What: quote(f.Name()) + " is no tar archive", Hint: "the files of a system, as tar -C FOLDER -c . packs them; also compressed, by gzip, xz or zstd"}
	}
	id, err := c.layer(ctx, w, &part{}, all, wanted{form: worker.System})
	if err != nil {
		return nil, err
	}
	return c.system(w, id, want, rec, &o)
}

// interruptible reads a file until who waits for it has given up: a pipe may say nothing for ever. Then the
// goroutine that reads it stays behind, for as long as the pipe does or the program.
func interruptible(ctx context.Context, f *os.File) (r io.Reader, stop func()) {
	if plainFile(f) == nil {
		return f, func() {}
	}
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, f)
		in.CloseWithError(err)
	}()
	wait := context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	return out, func() { wait(); out.Close() }
}

// importBundle imports an archive of images. One that is not a plain file is written to one first.
func (c *Carrier) importBundle(ctx context.Context, w *store.Work, f *os.File, all io.Reader, tag string, want platform, rec store.Record, o Options) (*store.Image, error) {
	name := f.Name()
	if !seekable(f) {
		spool, err := os.OpenFile(w.Dir()+"/archive", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		defer spool.Close()
		if _, err := io.Copy(spool, all); err != nil {
			return nil, err
		}
		f = spool
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	b, err := openBundle(f)
	if err != nil {
		return nil, err
	}
	if b.isLayout() {
		return c.fromLayout(ctx, &layout{b.open}, name, tag, want, rec, o)
	}
	entry, called, err := b.find(tag)
	if err != nil {
		return nil, err
	}
	img, err := b.image(entry)
	if err != nil {
		return nil, err
	}
	if o.Name == "" {
		o.Name, _ = store.ParseName(called)
	}
	if err := o.named(name); err != nil {
		return nil, err
	}
	return c.take(ctx, img, rec, &o)
}

// seekable reports whether a file is a plain tar archive on a disk.
func seekable(f *os.File) bool {
	head := make([]byte, 8)
	n, err := f.ReadAt(head, 0)
	return plainFile(f) == nil && err == nil && !worker.Compressed(head[:n])
}

// importFolder imports the files of a system.
func (c *Carrier) importFolder(ctx context.Context, dir *os.File, want platform, rec store.Record, o Options) (*store.Image, error) {
	if _, err := os.Lstat(dir.Name() + "/oci-layout"); err == nil {
		return nil, &store.Error{What: quote(dir.Name()) + " is an OCI layout", Hint: "say so: oci:" + dir.Name()}
	}
	path, err := filepath.Abs(dir.Name())
	if err != nil {
		return nil, err
	}
	if names, _ := dir.Readdirnames(1); len(names) == 0 {
		return nil, &store.Error{What: quote(dir.Name()) + " is empty"}
	}
	if err := o.named(path); err != nil {
		return nil, err
	}
	if err := c.free(rec.Source, &o); err != nil {
		return nil, err
	}
	w, err := c.Store.Begin(c.Workers.Remove)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	id, err := c.packed(ctx, w, worker.System, func(ctx context.Context, to io.Writer) error { return c.packFolder(ctx, dir, path, to) })
	if err != nil {
		return nil, err
	}
	return c.system(w, id, want, rec, &o)
}

// packFolder writes a folder as an archive. Whose files are the caller's, or of subordinate ids, is packed with
// the ids that those have inside. Others' files, which a person may only read, have the same ids inside as here.
func (c *Carrier) packFolder(ctx context.Context, dir *os.File, path string, to io.Writer) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &st); err != nil {
		return err
	}
	for _, r := range c.Store.IDs().UIDs {
		if st.Uid >= r.Outside && st.Uid-r.Outside < r.Count {
			return c.Workers.Pack(ctx, []string{path}, worker.System, to)
		}
	}
	_, err := layer.Pack(to, dir, layer.Options{Plain: true})
	if errors.Is(err, fs.ErrPermission) {
		return &store.Error{What: "read the files of " + quote(path), Err: err,
			Hint: "let who may read them pack them: sudo tar -C " + path + " --one-file-system -c . | snug image import - NAME"}
	}
	return err
}

// system makes an image of the files of a system: of one layer, and a configuration that says no more than that.
func (c *Carrier) system(w *store.Work, id store.Digest, want platform, rec store.Record, o *Options) (*store.Image, error) {
	config := store.Config{Architecture: want.Architecture, OS: want.OS, Variant: want.Variant}
	config.RootFS.Type, config.RootFS.DiffIDs = "layers", []store.Digest{id}
	raw, err := marshal(config)
	if err != nil {
		return nil, err
	}
	rec.Imported = now()
	return w.Commit(raw, rec, o.Name, o.Replace)
}

// cause is what went wrong with a file whose name the message has already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
