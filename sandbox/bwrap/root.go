package bwrap

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// This file turns operations into steps.

func (b *build) root() error {
	for i := range b.line.operations {
		if err := b.operation(&b.line.operations[i]); err != nil {
			return err
		}
	}
	return nil
}

// add appends a step, behind one that sets the mode of the parents that it may have to make.
func (b *build) add(o *operation, step sandbox.Step) {
	if o.kind != chmod && strings.Trim(o.dest, "/") != "" {
		// What others may not enter gets parents that they may not enter.
		mode := uint32(0o755)
		if o.perms&0o070 == 0 {
			mode &^= 0o050
		}
		if o.perms&0o007 == 0 {
			mode &^= 0o005
		}
		if mode != b.parents {
			b.parents = mode
			b.spec.Root = append(b.spec.Root, &sandbox.Parents{Mode: mode})
		}
	}
	b.spec.Root = append(b.spec.Root, step)
}

// origin says where an operation was asked for.
func (o *operation) origin() sandbox.Origin {
	at := o.word + ", argument " + strconv.Itoa(o.at)
	if o.list != "" {
		at += " of " + o.list
	}
	return sandbox.Origin(at)
}

// inside makes a destination absolute: bubblewrap puts the new root before any.
func inside(dest string) string {
	if !strings.HasPrefix(dest, "/") {
		return "/" + dest
	}
	return dest
}

// mode is how a step spells a mode: 0 is one.
func mode(perms uint32) uint32 {
	if perms == 0 {
		return sandbox.NoAccess
	}
	return perms
}

func (b *build) operation(o *operation) error {
	dest, origin := inside(o.dest), o.origin()
	switch o.kind {
	case bind, roBind, devBind:
		return b.bind(o, dest)
	case overlay, tmpOverlay, roOverlay:
		return b.overlay(o, dest)
	case proc:
		b.proc(o, dest)
	case dev:
		b.add(o, &sandbox.Dev{Dest: dest, Origin: origin})
		if tty := b.caller.Terminal(); tty != "" {
			b.add(o, &sandbox.Bind{Source: tty, Dest: dest + "/console", Writable: true, Devices: true, Slave: true, Origin: origin})
		}
	case tmpfs:
		b.add(o, &sandbox.Tmpfs{Dest: dest, Mode: mode(o.perms), Size: o.size, Origin: origin})
	case mqueue:
		b.add(o, &sandbox.Mqueue{Dest: dest, Origin: origin})
	case dir:
		b.add(o, &sandbox.Dir{Dest: dest, Mode: mode(o.perms), Origin: origin})
	case file, bindData, roBindData:
		return b.data(o, dest)
	case symlink:
		b.add(o, &sandbox.Symlink{Dest: dest, Target: o.source, Origin: origin})
	case remountRO:
		b.add(o, &sandbox.ReadOnly{Dest: dest, Origin: origin})
	case chmod:
		b.add(o, &sandbox.Chmod{Dest: dest, Mode: mode(o.perms), Origin: origin})
	}
	return nil
}

func (b *build) absolute(source string) string {
	if strings.HasPrefix(source, "/") || source == "" {
		return source
	}
	return b.caller.Dir + "/" + source // not cleaned: what is before a ".." may be a link
}

// find makes a source absolute and follows its links. The child could not: for it "/.." is the new
// root, which is mounted there.
func (b *build) find(o *operation, source string) (path string, missing bool, err error) {
	path = b.absolute(source)
	real, err := b.caller.Find(path)
	if err == nil && real == "" && !o.optional || b.caller.Dir == "" && path != source {
		err = unix.ENOENT
	}
	switch {
	case err == nil:
		return real, false, nil
	case o.optional && errors.Is(err, unix.ENOENT):
		return path, true, nil
	}
	return "", false, &Error{Text: "Can't find source path " + source + ": " + spell(err) + " (" + string(o.origin()) + ")", Err: err}
}

func (b *build) bind(o *operation, dest string) error {
	step := &sandbox.Bind{Dest: dest, Writable: o.kind != roBind, Devices: o.kind == devBind, NoSymlinks: true, Slave: true, Origin: o.origin()}
	source := o.source
	if o.fd.given {
		path, id, err := b.caller.Identify(o.fd.number)
		if err != nil {
			return dieWith("Can't find source path "+o.source, err)
		}
		source, step.Same = path, &id
	}
	path, missing, err := b.find(o, source)
	if o.absent = missing; missing || err != nil {
		return err
	}
	if step.Source = path; path == "" {
		// As with bubblewrap it is what the child finds: Flatpak's way to bind the new user namespace.
		step.Source, step.NoSymlinks = b.absolute(source), false
	}
	b.add(o, step)
	return nil
}

func (b *build) overlay(o *operation, dest string) error {
	step := &sandbox.Overlay{Dest: dest, ReadOnly: o.kind == roOverlay, Origin: o.origin()}
	named := []struct {
		source string
		to     *string
	}{{o.source, &step.Upper}, {o.work, &step.Work}}
	if o.kind != overlay {
		named = nil
	}
	step.Lower = make([]string, len(o.lower))
	for i, source := range o.lower {
		named = append(named, struct {
			source string
			to     *string
		}{source, &step.Lower[len(o.lower)-1-i]}) // the topmost first
	}
	for _, n := range named {
		path, _, err := b.find(o, n.source)
		if err != nil {
			return err
		}
		*n.to = path
	}
	b.add(o, step)
	return nil
}

// proc is a new procfs if there is a PID namespace to show, else the caller's, of which what sets the
// machine up is read-only where the caller could write it.
func (b *build) proc(o *operation, dest string) {
	if !b.spec.PID.Shared {
		b.add(o, &sandbox.Proc{Dest: dest, Origin: o.origin()})
		return
	}
	b.add(o, &sandbox.Bind{Source: "/proc", Dest: dest, Writable: true, Slave: true, Origin: o.origin()})
	if b.host.UID != 0 {
		return
	}
	for _, name := range []string{"/sys", "/sysrq-trigger", "/irq", "/bus"} {
		if _, err := b.caller.Find("/proc" + name); err == nil {
			b.add(o, &sandbox.Bind{Source: "/proc" + name, Dest: dest + name, Slave: true, Origin: o.origin()})
		}
	}
}

func (b *build) data(o *operation, dest string) error {
	content, err := b.caller.Read(o.fd.number)
	if err != nil {
		return dieWith("Can't write data to file "+o.dest, err)
	}
	bound := o.kind != file
	b.add(o, &sandbox.Data{Dest: dest, Content: content, Mode: mode(o.perms), Bound: bound, Writable: o.kind == bindData, Replace: !bound, Origin: o.origin()})
	return nil
}
