package compose

import (
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/files"
	"snug/manifests/internal/words"
	"snug/sandbox"
)

// ownHome makes the app's home, at the path of the person's.
//
// The mount points of grants below a kept home are made in it, and stay there, empty and read-only, when
// the grant is gone: see stubs. To take them away at the end would be a race with a second instance of the
// app, and would need a judgement whether a folder is a left-over or the app's own.
func (c *composer) ownHome() {
	mode := manifests.Text{Value: orDefault(c.m.Home.Mode, "ephemeral"), Origin: c.m.Home.Mode.Origin}
	if why := homeProblem(c.home); why != "" {
		c.problems.Add("$HOME", "HOME = "+words.Quote(c.w.Home)+": "+why, "set HOME to your own folder")
		return
	}
	if mode.Value == "ephemeral" {
		c.add(c.home, &sandbox.Tmpfs{Dest: c.home, Mode: 0o700, Origin: systemOrigin})
		c.tell(groupFiles, keepFiles+words.Quote(c.home)+" until it ends: a home in memory", mode.Origin)
		return
	}
	if c.m.ID.Value == "" {
		c.refuse("home.mode", mode, "only an app with an id has a kept home", spelled(mode, `write an id, or home.mode = "ephemeral"`, "--id NAME says whose home it is, such as --id org.example.App"))
		return
	}
	folder, ok := c.folderBelow(c.w.Data, "snug/home/"+c.m.ID.Value)
	if !ok {
		c.refuse("home.mode", mode, words.Quote(c.w.Data)+" is no folder", "")
		return
	}
	c.out.Folders = append(c.out.Folders, folder)
	c.out.Home = folder.Path()
	c.add(c.home, &sandbox.Bind{Source: folder.Path(), Dest: c.home, Writable: true, NoSymlinks: true, Origin: mode.Origin})
	c.tell(groupFiles, keepFiles+"a home of its own, "+words.Quote(folder.Path())+" outside", mode.Origin)
}

// homeOf is the person's home as sandboxes spell it; homeProblem refuses one that is no absolute path.
func homeOf(w *World) string {
	if !strings.HasPrefix(w.Home, "/") {
		return w.Home
	}
	return clean(w.Home)
}

// homeless takes the app's own home out of the account: a grant lies over it.
func (c *composer) homeless() {
	c.out.Account = slices.DeleteFunc(c.out.Account, func(entry Entry) bool { return strings.HasPrefix(entry.Text, keepFiles) })
}

// stubs makes the mount points of grants in the app's home, and the folders on the way to them, such that
// the app cannot write there. It would else take what is left of a grant for the person's own folder, and
// save where nobody looks. What begins with a dot is excepted: there programs keep their own things.
func (c *composer) stubs() (list []placed) {
	mounts, origins := map[string]bool{}, map[string]manifests.Origin{} // of folders; the second also of those around files
	for _, folder := range c.bare {
		mounts[folder], origins[folder] = true, c.m.Files.Arguments.Origin
	}
	for _, g := range c.grants {
		folder := g.dest
		if g.source.file.is(unix.S_IFDIR) {
			mounts[folder] = true
		} else {
			folder = dirname(folder)
		}
		if _, found := origins[folder]; !found { // who asked first
			origins[folder] = g.asks.Origin
		}
	}
	made := map[string]bool{}
	for _, folder := range slices.Sorted(maps.Keys(origins)) {
		if !inside(folder, c.home) || strings.HasPrefix(relative(folder, c.home), ".") {
			continue
		}
		for at := folder; at != c.home && !made[at]; at = dirname(at) {
			if made[at] = true; !c.isCovered(at, mounts) {
				list = append(list, place(at, &sandbox.Dir{Dest: at, Mode: 0o555, Origin: origins[folder]}))
			}
		}
	}
	return list
}

// isCovered reports whether a path in the home lies below one of the mounts.
func (c *composer) isCovered(path string, mounts map[string]bool) bool {
	for path != c.home {
		if path = dirname(path); mounts[path] {
			return true
		}
	}
	return false
}

// keepFiles begins what the account says of the home.
const keepFiles = "keep files in "

// homeProblem says why a path cannot be the home inside, or "".
func homeProblem(home string) string {
	if !strings.HasPrefix(home, "/") {
		return "is no absolute path"
	}
	if home == "/" {
		return "is the root itself"
	}
	switch home {
	case "/home", "/run", "/run/user", "/tmp", "/var", "/var/tmp":
		return "is a part of the system"
	}
	for _, taken := range [...]string{"/bin", "/dev", "/etc", "/nix", "/opt", "/proc", "/sbin", "/sys", "/usr"} {
		if inside(home, taken) {
			return "is a part of the system"
		}
	}
	return ""
}

// Folder is one that must exist before the start, with all that is missing on the way to it.
type Folder struct {
	Base string // exists and has no links
	Rel  string // below Base: made one by one, and no link in it is followed
	File bool   // the last name is that of an empty file
}

// Path is the folder's path.
func (f Folder) Path() string { return child(f.Base, f.Rel) }

// folderBelow names a folder below a folder of the person's, whose own path may have links.
func (c *composer) folderBelow(folder, rel string) (Folder, bool) {
	real, err := c.resolve(folder)
	if err != nil || !real.file.is(unix.S_IFDIR) || inside("/"+real.rest, "/..") || strings.Contains(real.rest, "/..") {
		return Folder{}, false
	}
	return Folder{Base: real.path, Rel: strings.Trim(real.rest+"/"+rel, "/")}, true
}

// Make makes the folder and what is missing on the way, each with mode 0700. It follows no link,
// so that an app cannot lead it astray by planting one (CVE-2024-42472), and it refuses a folder
// that belongs to somebody else. A file gets what the umask leaves of mode 0644. What Make returns
// takes away again what it made and is still empty: for a start that failed.
func (f Folder) Make() (undo func(), err error) {
	var made []string
	undo = func() {
		for _, path := range slices.Backward(made) {
			var st unix.Stat_t
			if unix.Rmdir(path) == unix.ENOTDIR && unix.Lstat(path, &st) == nil && st.Size == 0 {
				unix.Unlink(path)
			}
		}
	}
	return undo, f.make(&made)
}

// make notes in made what it makes.
func (f Folder) make(made *[]string) error {
	fail := func(path string, err error) error {
		return manifests.Problem{What: words.Quote(path) + " cannot be made: " + files.Reason(err)}
	}
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
	dir, err := unix.Openat2(unix.AT_FDCWD, f.Base, &unix.OpenHow{Flags: flags, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return fail(f.Base, err)
	}
	defer func() { unix.Close(dir) }()
	path := f.Base
	for name := range strings.SplitSeq(f.Rel, "/") {
		if name == "" {
			continue
		}
		path = child(path, name)
		create, kind := makeFolder, unix.O_DIRECTORY
		if f.File && path == f.Path() {
			create, kind = makeFile, 0
		}
		switch err := create(dir, name); err {
		case nil:
			*made = append(*made, path)
		case unix.EEXIST:
		default:
			return fail(path, err)
		}
		next, err := unix.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW|kind, 0)
		if err != nil {
			return fail(path, err)
		}
		unix.Close(dir)
		dir = next
	}
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return fail(path, err)
	}
	if int(st.Uid) != os.Geteuid() {
		return manifests.Problem{What: words.Quote(path) + " belongs to another user", Hint: "remove it, or start snug as its owner"}
	}
	return nil
}

func makeFolder(dir int, name string) error { return unix.Mkdirat(dir, name, 0o700) }

func makeFile(dir int, name string) error {
	fd, err := unix.Openat(dir, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o644)
	if err == nil {
		unix.Close(fd)
	}
	return err
}
