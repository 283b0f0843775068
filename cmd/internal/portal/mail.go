package portal

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/godbus/dbus/v5"
)

// Mail is what a person will find in the window of their mail program. All of it is optional.
type Mail struct {
	To, Cc, Bcc   []string
	Subject, Body string
	Attachments   []string // paths of files
}

// firstWithLists is the version of the portal that knows more than one recipient. Older ones leave out
// what they do not know, without a word.
const firstWithLists = 3

// ComposeEmail asks to show a mail to the person, who may send it.
func (d Desktop) ComposeEmail(ctx context.Context, m Mail) error {
	if err := m.Check(); err != nil {
		return err
	}
	files, err := openAll(m.Attachments)
	if err != nil {
		return err
	}
	defer closeAll(files)
	s, err := dial(ctx, d.Address, "Email")
	if err != nil {
		return err
	}
	defer s.Close()
	if m.needsLists() {
		version, err := s.version(ctx)
		if err != nil {
			return err
		}
		if version < firstWithLists {
			return d.mailByURI(ctx, m, version)
		}
	}
	with := d.options()
	m.fill(with, files)
	return s.ask(ctx, "ComposeEmail", nil, with)
}

// mailByURI says in a URI what an old portal has no words for.
func (d Desktop) mailByURI(ctx context.Context, m Mail, version uint32) error {
	if len(m.Attachments) > 0 {
		return &Error{Refused, "Email", fmt.Errorf("the portal Email has version %d: a mail with attachments has one recipient there", version)}
	}
	return d.OpenURI(ctx, m.URI())
}

// needsLists reports whether there is more than one recipient, or another than a first.
func (m *Mail) needsLists() bool { return len(m.To) > 1 || len(m.Cc) > 0 || len(m.Bcc) > 0 }

// fill sets the options of a call. Those that are empty stay away: a window with an empty subject is
// not one without.
func (m *Mail) fill(with options, files []*os.File) {
	if len(m.To) == 1 {
		with["address"] = dbus.MakeVariant(m.To[0])
	}
	for key, list := range map[string][]string{"addresses": m.To, "cc": m.Cc, "bcc": m.Bcc} {
		if len(list) > 1 || len(list) == 1 && key != "addresses" {
			with[key] = dbus.MakeVariant(list)
		}
	}
	for key, text := range map[string]string{"subject": m.Subject, "body": m.Body} {
		if text != "" {
			with[key] = dbus.MakeVariant(text)
		}
	}
	var fds []dbus.UnixFD
	for _, f := range files {
		fds = append(fds, dbus.UnixFD(f.Fd()))
	}
	if fds != nil {
		with["attachment_fds"] = dbus.MakeVariant(fds)
	}
}

// openAll opens files to attach, for reading alone: who sends a mail changes nothing.
func openAll(paths []string) (files []*os.File, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("not a file")
		}
		var f *os.File
		if err == nil {
			f, err = os.Open(path)
		}
		if err != nil {
			closeAll(files)
			return nil, fmt.Errorf("attach %q: %w", path, cause(err))
		}
		files = append(files, f)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
