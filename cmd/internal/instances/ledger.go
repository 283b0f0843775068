package instances

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// Live is what is kept of a sandbox to which files are granted while it runs.
type Live struct {
	Folders []Folder // of the host, that the app may change
	Grants  []Grant  // in the order in which they were made
	// Documents are those of the document portal that go with the instance.
	Documents []string
}

// Folder is one of the host that the app may change: its kept home, what it was granted to write.
type Folder struct{ Source, Dest string }

// Grant is a file or folder that was granted live. One without a mount may have come to nothing.
type Grant struct {
	Number int
	Source string // outside
	Write  bool
	Below  uint64 // the mount that was seen at its place before, see sandbox.Sight
	sandbox.Granted
}

// Ledger is the right to change the live grants of one instance: one process at a time has it.
//
// The ledger is a list of lines behind the record, to which is only added, each time by one write: so
// a process that is killed leaves it whole but for the end of one line, which the next cuts off. What
// is about to be made outside is written down before it is made. When nothing is granted any more the
// lines go.
//
// It is locked by an open file description lock (fcntl(2), F_OFD_SETLK), which has nothing to do with
// the lock of the supervisor and goes with the process, too.
type Ledger struct {
	Record *Record
	file   *os.File
	next   int
}

// Ledger waits for the right. os.ErrProcessDone says that the instance has ended. The caller closes
// the Ledger.
func (d *Dir) Ledger(name string) (*Ledger, error) {
	path := filepath.Join(d.path, name)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, os.ErrProcessDone
	}
	l := &Ledger{file: f, next: 1}
	if err := lockLedger(f, unix.F_OFD_SETLKW); err != nil {
		f.Close()
		return nil, os.NewSyscallError("fcntl", err)
	}
	if !isHeld(f, path) {
		f.Close()
		return nil, os.ErrProcessDone
	}
	if err := l.read(name); err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

// lockLedger locks the ledger of an open record.
func lockLedger(f *os.File, how int) error {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	for {
		if err := unix.FcntlFlock(f.Fd(), how, &lock); err != unix.EINTR {
			return err
		}
	}
}

// isHeld reports whether an open record has its name still, and its supervisor.
func isHeld(f *os.File, path string) bool {
	var held, named unix.Stat_t
	return unix.Fstat(int(f.Fd()), &held) == nil && unix.Lstat(path, &named) == nil && held.Ino == named.Ino &&
		unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == unix.EWOULDBLOCK
}

// read reads the record and cuts off half a line.
func (l *Ledger) read(name string) error {
	text, err := io.ReadAll(io.LimitReader(l.file, maxFile))
	if err != nil {
		return err
	}
	if end := bytes.LastIndexByte(text, '\n') + 1; end < len(text) {
		text = text[:end]
		if err := l.file.Truncate(int64(end)); err != nil {
			return err
		}
	}
	if l.Record, err = decode(string(text)); err != nil {
		return err
	}
	l.Record.Name = name
	if l.Record.Live == nil {
		return nil
	}
	for _, g := range l.Record.Live.Grants {
		l.next = max(l.next, g.Number+1)
	}
	return nil
}

// Close gives the right back.
func (l *Ledger) Close() {
	if live := l.Record.Live; live != nil && len(live.Grants) == 0 && len(live.Documents) == 0 {
		if text, err := io.ReadAll(io.NewSectionReader(l.file, 0, maxFile)); err == nil {
			if at := bytes.Index(text, []byte("\nend\n")); at >= 0 {
				l.file.Truncate(int64(at + len("\nend\n")))
			}
		}
	}
	l.file.Close()
}

func (l *Ledger) append(w writer) error {
	_, err := l.file.Write(w)
	return err
}

// maxGrants bounds what one instance has: each is a mount.
const maxGrants = 1000

// Begin writes down what is about to be granted, and numbers it.
func (l *Ledger) Begin(g *Grant) error {
	if len(l.Record.Live.Grants) >= maxGrants {
		return errors.New("more than 1000 grants; revoke some")
	}
	g.Number = l.next
	l.next++
	l.Record.Live.Grants = append(l.Record.Live.Grants, *g)
	var w writer
	w.encodeGrants([]Grant{*g})
	return l.append(w)
}

// Document writes down a document that is to go with the instance.
func (l *Ledger) Document(id string) error {
	if len(l.Record.Live.Documents) >= maxGrants {
		return errors.New("more than 1000 documents")
	}
	l.Record.Live.Documents = append(l.Record.Live.Documents, id)
	var w writer
	w.text("document", id)
	return l.append(w)
}

// Made writes down which files its places have become.
func (l *Ledger) Made(g *Grant) error {
	var w writer
	for i, p := range g.Places {
		w.numbers("made", uint64(g.Number), uint64(i), p.ID.Dev, p.ID.Ino)
	}
	return l.append(w)
}

// Inherit hands places of a grant that is about to go to the last one that lies in them, which else
// would be left in folders that nobody removes.
func (l *Ledger) Inherit(from Grant) error {
	for _, p := range slices.Backward(from.Places) {
		if err := l.inherit(from, p); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) inherit(from Grant, p sandbox.Place) error {
	for _, g := range slices.Backward(l.Record.Live.Grants) {
		if g.Dest == from.Dest || !strings.HasPrefix(g.Dest, p.Path+"/") {
			continue
		}
		heir, old := g, g.Number
		heir.Number = l.next
		heir.Places = append([]sandbox.Place{p}, g.Places...)
		l.next++
		l.Record.Live.remove(old)
		l.Record.Live.Grants = append(l.Record.Live.Grants, heir)
		var w writer
		w.encodeGrants([]Grant{heir})
		w.numbers("gone", uint64(old))
		return l.append(w)
	}
	return nil
}

// Mounted writes down its mount.
func (l *Ledger) Mounted(g *Grant) error {
	for i := range l.Record.Live.Grants {
		if own := &l.Record.Live.Grants[i]; own.Number == g.Number {
			own.Mount = g.Mount
		}
	}
	var w writer
	w.numbers("mounted", uint64(g.Number), g.Mount)
	return l.append(w)
}

// Has reports whether a mount is that of a grant.
func (v *Live) Has(mount uint64) bool {
	return slices.ContainsFunc(v.Grants, func(g Grant) bool { return g.Mount == mount })
}

// Gone writes down that nothing is left of a grant.
func (l *Ledger) Gone(number int) error {
	l.Record.Live.remove(number)
	var w writer
	w.numbers("gone", uint64(number))
	return l.append(w)
}

func (v *Live) remove(number int) {
	v.Grants = slices.DeleteFunc(v.Grants, func(g Grant) bool { return g.Number == number })
}

func (w *writer) encodeFolders(v *Live) {
	w.numbers("live", 1)
	for _, f := range v.Folders {
		w.text("folder", f.Source)
		w.text("folder-inside", f.Dest)
	}
}

func (w *writer) encodeGrants(grants []Grant) {
	for _, g := range grants {
		w.numbers("grant", uint64(g.Number), flag(g.Write), g.Mount, g.Below)
		w.text("source", g.Source)
		w.text("inside", g.Dest)
		for _, p := range g.Places {
			w.text("place", p.Path)
			w.numbers("place-file", flag(p.Folder), uint64(p.Mode), flag(p.Sealed), p.ID.Dev, p.ID.Ino)
		}
	}
}

func flag(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}

func (r *Record) decodeFolders(key, value string) bool {
	switch {
	case key == "live":
		r.Live = new(Live)
	case key == "folder" && r.Live != nil:
		r.Live.Folders = append(r.Live.Folders, Folder{Source: value})
	case key == "folder-inside" && r.Live != nil && len(r.Live.Folders) > 0:
		r.Live.Folders[len(r.Live.Folders)-1].Dest = value
	default:
		return false
	}
	return true
}

// decodeLedger reads the lines behind a record. What cannot be understood is passed over: how the
// instance is found, entered and ended does not depend on it. Half a line at the end is one that is
// being written, or was when its writer was killed.
func (r *Record) decodeLedger(text string) {
	if r.Live == nil {
		return
	}
	text = text[:strings.LastIndexByte(text, '\n')+1]
	for l := range strings.Lines(text) {
		key, quoted, _ := strings.Cut(strings.TrimSuffix(l, "\n"), " ")
		if value, err := strconv.Unquote(quoted); err == nil && !r.Live.decodeText(key, value) {
			r.Live.decodeNumbers(key, value)
		}
	}
}

func (v *Live) decodeText(key, value string) bool {
	if key == "document" {
		v.Documents = append(v.Documents, value)
		return true
	}
	if len(v.Grants) == 0 {
		return false
	}
	g := &v.Grants[len(v.Grants)-1]
	switch key {
	case "source":
		g.Source = value
	case "inside":
		g.Dest = value
	case "place":
		g.Places = append(g.Places, sandbox.Place{Path: value})
	default:
		return false
	}
	return true
}

func (v *Live) decodeNumbers(key, value string) {
	n, ok := parseNumbers(value)
	if !ok {
		return
	}
	if key == "grant" {
		v.Grants = append(v.Grants, Grant{Number: int(n[0]), Write: n[1] != 0, Below: n[3], Granted: sandbox.Granted{Mount: n[2]}})
		return
	}
	if key == "place-file" && len(v.Grants) > 0 {
		if places := v.Grants[len(v.Grants)-1].Places; len(places) > 0 {
			p := &places[len(places)-1]
			p.Folder, p.Mode, p.Sealed, p.ID = n[0] != 0, uint32(n[1]), n[2] != 0, sandbox.FileID{Dev: n[3], Ino: n[4]}
		}
		return
	}
	i := slices.IndexFunc(v.Grants, func(g Grant) bool { return g.Number == int(n[0]) })
	switch {
	case i < 0:
	case key == "made" && n[1] < uint64(len(v.Grants[i].Places)):
		v.Grants[i].Places[n[1]].ID = sandbox.FileID{Dev: n[2], Ino: n[3]}
	case key == "mounted":
		v.Grants[i].Mount = n[1]
	case key == "gone":
		v.remove(int(n[0]))
	}
}
