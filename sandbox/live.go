package sandbox

import (
	"errors"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// Live is a running sandbox to which files are added, and from which they are taken away.
//
// What stands in it is hostile: the app may exchange any folder that it can write to for a link, or
// for another folder, between two looks. So everything is found below a descriptor of its root, no
// link is followed, and what is made, covered or removed is named by a descriptor of the folder that
// holds it and one name. At the worst a file appears at a place of the app's own that is not the one
// that was asked for; Grant looks for that, takes it away again, and says so.
//
// All mounting is done by a child that joins the sandbox's user namespace and, with the caller's
// view of the files, a mount namespace that this user namespace owns: there it has the right to copy
// what is granted. It takes the copy into the sandbox's mount namespace. It joins no PID namespace,
// so that the app cannot so much as name it, and is closed to tracing before it joins anything.
//
//	child: setns(user) ─► unshare(mount) ─► the Steps, in a root of their own ─► open_tree
//	                                        setns(mount) ─► places ─► move_mount ◄──┘
type Live struct {
	state *State
	host  Host
	pidfd *os.File
	root  *os.File // of the sandbox, O_PATH
}

// Place is a file or folder that is made, empty, so that something can be mounted on it or on
// what lies in it.
type Place struct {
	Path   string
	Folder bool
	Mode   uint32 // permissions
	// Sealed says that its folder lies on a file system of the sandbox's own that the app cannot
	// write to: it is made by a private mount that can.
	Sealed bool
	ID     FileID // once made; 0 is not known
}

// Grant is a file or folder that is to appear in a running sandbox.
type Grant struct {
	Dest  string
	Steps []Step // what is at Dest and below, as in Spec.Root
	// Places are what [Live.Look] found missing.
	Places []Place
	// Made, if set, is called when these are made and nothing is shown yet; its error ends it.
	Made   func([]Place) error
	Origin Origin
}

// Granted is what became of a Grant: what it takes to revoke it, as plain data.
type Granted struct {
	Dest   string
	Mount  uint64 // the id of the mount (statx(2)); 0 if it is not known whether there is one
	Places []Place
}

// Live opens a running sandbox for changes. The caller closes it.
func (st *State) Live(origin Origin) (*Live, error) {
	h, err := Probe()
	if err != nil {
		return nil, err
	}
	if need := uint64(unix.CLONE_NEWUSER | unix.CLONE_NEWNS); st.Namespaces&need != need {
		return nil, &Error{What: "add files: the sandbox has no users or no mounts of its own", Origin: origin}
	}
	f, root, err := st.openRoot(origin)
	if err != nil {
		return nil, err
	}
	return &Live{st, h, f, root}, nil
}

// Close gives the descriptors back.
func (l *Live) Close() {
	l.pidfd.Close()
	l.root.Close()
}

// Grant shows what the steps make at its destination, all at once, and gives what it takes to
// revoke that.
func (l *Live) Grant(g *Grant) (done Granted, err error) {
	done = Granted{Dest: g.Dest, Places: g.Places}
	p, err := compileGrant(l.state, g, &l.host, Look(&Spec{Root: g.Steps}), l.pidfd)
	if err != nil {
		return done, err
	}
	p.spec.Handover.Made = func(int) error {
		for i := range g.Places {
			s, err := l.lookAt(g.Places[i].Path)
			if err != nil {
				return l.failed(verbPlace, g.Places[i].Path, err)
			}
			g.Places[i].ID = s.ID
		}
		if g.Made == nil {
			return nil
		}
		return g.Made(g.Places)
	}
	in, err := Start(p)
	if err != nil {
		l.detach(&done, nil, "") // the places that were made by then
		return done, err
	}
	defer in.Close()
	in.Wait()
	if in.tree == nil {
		return done, l.failed(verbShow, g.Dest, unix.EINTR)
	}
	defer in.tree.Close()
	tree, err := look(in.tree)
	if err != nil {
		return done, err
	}
	done.Mount = tree.Mount
	if s, err := l.lookAt(g.Dest); err != nil || s.Mount != done.Mount {
		if err := l.Revoke(done); errors.Is(err, unix.ESRCH) {
			return done, err
		}
		return done, l.failed(verbShow, g.Dest, unix.ESTALE)
	}
	return done, nil
}

// Revoke takes away what was granted, and the places that were made for it if they are still empty
// and still the same. What the app has open stays open. It is no error if nothing is there any more.
func (l *Live) Revoke(g Granted) error {
	for range 1000 { // the app may rename folders on the way in between
		dir, name, err := l.findMount(g.Mount)
		if err != nil {
			return err
		}
		if dir == nil && g.Mount != 0 && name != "" {
			continue
		}
		err = l.detach(&g, dir, name)
		if dir != nil {
			dir.Close()
		}
		if !errors.Is(err, unix.ESTALE) {
			return err
		}
	}
	return l.failed(verbHide, g.Dest, unix.ESTALE)
}

// detach runs the child that unmounts a name in a folder, if there is one, and removes places.
func (l *Live) detach(g *Granted, dir *os.File, name string) error {
	p, err := compileRevoke(l.state, g, dir, name, &l.host, l.pidfd)
	if err != nil {
		return err
	}
	in, err := Start(p)
	if err != nil {
		return err
	}
	in.Wait()
	return in.Close()
}

// Mounts are the ids of all mounts in the sandbox.
func (l *Live) Mounts() (map[uint64]bool, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(l.state.Pid) + "/mountinfo")
	if err != nil {
		return nil, errEnded("")
	}
	ids := map[uint64]bool{}
	for line := range strings.Lines(string(text)) {
		id, _, _ := strings.Cut(line, " ")
		if n, err := strconv.ParseUint(id, 10, 64); err == nil {
			ids[n] = true
		}
	}
	return ids, nil
}

// findMount finds the folder that holds a mount, and its name there. No name: it is gone. A name and
// no folder: it is elsewhere by now.
func (l *Live) findMount(id uint64) (dir *os.File, name string, err error) {
	if id == 0 {
		return nil, "", nil
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(l.state.Pid) + "/mountinfo")
	if err != nil {
		return nil, "", errEnded("")
	}
	point := mountPoint(string(text), id)
	if point == "" {
		return nil, "", nil
	}
	name = path.Base(point)
	if dir, err = l.open(path.Dir(point), unix.O_PATH|unix.O_DIRECTORY); err != nil {
		return nil, name, nil
	}
	if at, err := mountOf(dir, name); err != nil || at != id {
		dir.Close()
		return nil, name, nil
	}
	return dir, name, nil
}

// failed is an error of the caller's own looks.
func (l *Live) failed(verb, object string, err error) error {
	f := &program.Failure{Errno: errnoOf(err), Note: program.Note{Verb: verb, Object: object}}
	return (&Program{host: &l.host, spec: &Spec{}}).explain(f)
}
