package instances

import (
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"snug/caps"
	"snug/sandbox"
)

// Record is what is kept of a running instance: enough to show it, and to enter it with no more
// rights than its app has.
type Record struct {
	Name       string
	App        string   // the manifest's id, empty for a plain command
	File       string   // the manifest, if it was named by its path
	Home       string   // whose kept home it has, by id; empty if none
	Supervisor int      // process id of the snug that waits for it
	Since      int64    // seconds since 1970
	Command    []string // of the app
	Env        []string // of the app
	Dirs       []string // working directories to try
	State      sandbox.State
	Machine    *Machine // nil: it is no system that was booted
	Live       *Live    // nil: no files are granted to it while it runs
}

// Machine is what is kept of a system that was booted.
type Machine struct {
	Image   string // or folder
	Changes string // the folder of what it changes outside; empty if that is thrown away
	Stage   string // one of the stages
}

// The stages of a system: Starts, Up, then Reboots and again, or Ends, which takes as long as an image of it is made.
const (
	Starts  = "starts"
	Up      = "up"
	Reboots = "reboots"
	Ends    = "ends"
)

const (
	magic   = "snug instance 1"
	maxFile = 8 << 20
)

// The file is a line a value: a word, a space, and the value as a quoted string. A list is a line
// an element. It is written on the launch path and so by hand, not by encoding/json.

type writer []byte

func (w *writer) text(key, value string) {
	*w = append(append(*w, key...), ' ')
	*w = append(strconv.AppendQuoteToASCII(*w, value), '\n')
}

func (w *writer) numbers(key string, numbers ...uint64) {
	*w = append(append(*w, key...), ' ', '"')
	for i, n := range numbers {
		if i > 0 {
			*w = append(*w, ' ')
		}
		*w = strconv.AppendUint(*w, n, 10)
	}
	*w = append(*w, '"', '\n')
}

func (w *writer) bytes(key string, p []byte) {
	*w = append(append(*w, key...), ' ', '"')
	*w = append(hex.AppendEncode(*w, p), '"', '\n')
}

func (w *writer) list(key string, values []string) {
	for _, v := range values {
		w.text(key, v)
	}
}

func (r *Record) encode() []byte {
	w := writer(append(make([]byte, 0, 8192), magic+"\n"...))
	w.text("app", r.App)
	if r.File != "" {
		w.text("file", r.File)
	}
	if r.Home != "" {
		w.text("home", r.Home)
	}
	w.numbers("supervisor", uint64(r.Supervisor))
	w.numbers("since", uint64(r.Since))
	w.list("command", r.Command)
	w.list("env", r.Env)
	w.list("dir", r.Dirs)

	s := &r.State
	w.numbers("process", uint64(s.Pid), s.Started, s.Namespaces)
	w.numbers("ids", uint64(s.UID), uint64(s.GID))
	for _, m := range s.UIDs {
		w.numbers("uids", uint64(m.Inside), uint64(m.Outside), uint64(m.Count))
	}
	for _, m := range s.GIDs {
		w.numbers("gids", uint64(m.Inside), uint64(m.Outside), uint64(m.Count))
	}
	for _, g := range s.Groups {
		w.numbers("group", uint64(g))
	}
	c := &s.Capabilities
	w.numbers("capabilities", uint64(c.Bounding), uint64(c.Permitted), uint64(c.Effective), uint64(c.Inheritable), uint64(c.Ambient))
	if s.NewPrivileges {
		w.numbers("new-privileges", 1)
	}
	for _, f := range s.Filters {
		w.text("filter", f.Name)
		w.numbers("filter-flags", uint64(f.Flags))
		w.bytes("filter-code", f.Code)
	}
	if l := s.Landlock; l != nil {
		w.bytes("landlock", l.Attr)
		for _, rule := range l.Rules {
			w.text("landlock-path", rule.Path)
			w.numbers("landlock-rule", uint64(rule.Type), uint64(rule.FDAt))
			w.bytes("landlock-attr", rule.Attr)
		}
	}
	if r.Machine != nil {
		w.text("machine", r.Machine.Image)
		w.text("changes", r.Machine.Changes)
		w.text("stage", r.Machine.Stage)
	}
	if r.Live != nil {
		w.encodeFolders(r.Live)
	}
	w = append(w, "end\n"...)
	if r.Live != nil {
		w.encodeGrants(r.Live.Grants)
	}
	return w
}

var errDamaged = errors.New("not a whole record of an instance")

// decode reads what encode wrote. A record that is not whole, as while it is written, is an error:
// what says how a process is confined must not be read in part.
func decode(text string) (*Record, error) {
	head, ledger, whole := strings.Cut(text, "\nend\n")
	lines := strings.Split(head, "\n")
	if !whole || lines[0] != magic {
		return nil, errDamaged
	}
	r := new(Record)
	for _, l := range lines[1:] {
		key, quoted, _ := strings.Cut(l, " ")
		value, err := strconv.Unquote(quoted)
		if err != nil || !r.decodeText(key, value) && !r.decodeBytes(key, value) && !r.decodeNumbers(key, value) && !r.decodeFolders(key, value) {
			return nil, errDamaged
		}
	}
	r.decodeLedger(ledger)
	return r, nil
}

func (r *Record) decodeText(key, value string) bool {
	s := &r.State
	switch key {
	case "app":
		r.App = value
	case "file":
		r.File = value
	case "home":
		r.Home = value
	case "machine":
		r.Machine = &Machine{Image: value}
	case "changes":
		if r.Machine == nil {
			return false
		}
		r.Machine.Changes = value
	case "stage":
		if r.Machine == nil {
			return false
		}
		r.Machine.Stage = value
	case "command":
		r.Command = append(r.Command, value)
	case "env":
		r.Env = append(r.Env, value)
	case "dir":
		r.Dirs = append(r.Dirs, value)
	case "filter":
		s.Filters = append(s.Filters, sandbox.Filter{Name: value})
	case "landlock-path":
		if s.Landlock == nil {
			return false
		}
		s.Landlock.Rules = append(s.Landlock.Rules, sandbox.LandlockRule{Path: value})
	default:
		return false
	}
	return true
}

func (r *Record) decodeBytes(key, value string) bool {
	s := &r.State
	p, err := hex.DecodeString(value)
	switch {
	case err != nil:
		return false
	case key == "filter-code" && len(s.Filters) > 0:
		s.Filters[len(s.Filters)-1].Code = p
	case key == "landlock":
		s.Landlock = &sandbox.Landlock{Attr: p}
	case key == "landlock-attr" && s.Landlock != nil && len(s.Landlock.Rules) > 0:
		s.Landlock.Rules[len(s.Landlock.Rules)-1].Attr = p
	default:
		return false
	}
	return true
}

// parseNumbers reads what writer.numbers wrote; what is left out is 0.
func parseNumbers(value string) (n [6]uint64, ok bool) {
	fields := strings.Fields(value)
	if len(fields) > len(n) {
		return n, false
	}
	for i, f := range fields {
		var err error
		if n[i], err = strconv.ParseUint(f, 10, 64); err != nil {
			return n, false
		}
	}
	return n, true
}

func (r *Record) decodeNumbers(key, value string) bool {
	s := &r.State
	n, ok := parseNumbers(value)
	if !ok {
		return false
	}
	ids := sandbox.IDRange{Inside: uint32(n[0]), Outside: uint32(n[1]), Count: uint32(n[2])}
	switch key {
	case "supervisor":
		r.Supervisor = int(n[0])
	case "since":
		r.Since = int64(n[0])
	case "process":
		s.Pid, s.Started, s.Namespaces = int(n[0]), n[1], n[2]
	case "ids":
		s.UID, s.GID = uint32(n[0]), uint32(n[1])
	case "uids":
		s.UIDs = append(s.UIDs, ids)
	case "gids":
		s.GIDs = append(s.GIDs, ids)
	case "group":
		s.Groups = append(s.Groups, uint32(n[0]))
	case "capabilities":
		s.Capabilities = caps.Sets{Bounding: caps.Set(n[0]), Permitted: caps.Set(n[1]), Effective: caps.Set(n[2]),
			Inheritable: caps.Set(n[3]), Ambient: caps.Set(n[4])}
	case "new-privileges":
		s.NewPrivileges = true
	case "filter-flags":
		if len(s.Filters) == 0 {
			return false
		}
		s.Filters[len(s.Filters)-1].Flags = uint32(n[0])
	case "landlock-rule":
		if s.Landlock == nil || len(s.Landlock.Rules) == 0 {
			return false
		}
		rule := &s.Landlock.Rules[len(s.Landlock.Rules)-1]
		rule.Type, rule.FDAt = uint32(n[0]), int(n[1])
	default:
		return false
	}
	return true
}
