package bwrap

// option is what one word means.
type option struct {
	args  int    // how many words belong to it
	lacks string // what is said if there are fewer
	apply func(p *parser, args []string) error
}

// find gives the option of a name. The texts are bubblewrap's, with their small differences.
func find(name string) (option, bool) {
	if apply := findFlag(name); apply != nil {
		return option{apply: apply}, true
	}
	apply := findDescriptor(name)
	if apply == nil {
		apply = findUnary(name)
	}
	if apply != nil {
		lacks := name + " takes an argument"
		if name == "--argv0" || name == "--chdir" || name == "--remount-ro" {
			lacks = name + " takes one argument"
		}
		return option{1, lacks, apply}, true
	}
	if apply := findBinary(name); apply != nil {
		lacks := name + " takes two arguments"
		if name == "--ro-bind-fd" {
			lacks = "--bind-fd takes two arguments"
		}
		return option{2, lacks, apply}, true
	}
	if name == "--overlay" {
		return option{3, "--overlay takes three arguments", func(p *parser, a []string) error { return p.overlay(overlay, a) }}, true
	}
	return option{}, false
}

type apply = func(p *parser, args []string) error

// findFlag knows the options without arguments.
func findFlag(name string) apply {
	on := func(flags func(l *Line) []*bool) apply {
		return func(p *parser, _ []string) error {
			for _, f := range flags(p.line) {
				*f = true
			}
			return nil
		}
	}
	switch name {
	case "--help":
		return on(func(l *Line) []*bool { return []*bool{&l.Help} })
	case "--version":
		return on(func(l *Line) []*bool { return []*bool{&l.Version} })
	case "--level-prefix":
		return on(func(l *Line) []*bool { return []*bool{&l.LevelPrefix} })
	case "--unshare-all":
		return on(func(l *Line) []*bool {
			return []*bool{&l.userTry, &l.ipc, &l.pid, &l.uts, &l.cgroupTry, &l.net}
		})
	case "--unshare-user":
		return on(func(l *Line) []*bool { return []*bool{&l.user} })
	case "--unshare-user-try":
		return on(func(l *Line) []*bool { return []*bool{&l.userTry} })
	case "--unshare-ipc":
		return on(func(l *Line) []*bool { return []*bool{&l.ipc} })
	case "--unshare-pid":
		return on(func(l *Line) []*bool { return []*bool{&l.pid} })
	case "--unshare-net":
		return on(func(l *Line) []*bool { return []*bool{&l.net} })
	case "--unshare-uts":
		return on(func(l *Line) []*bool { return []*bool{&l.uts} })
	case "--unshare-cgroup":
		return on(func(l *Line) []*bool { return []*bool{&l.cgroup} })
	case "--unshare-cgroup-try":
		return on(func(l *Line) []*bool { return []*bool{&l.cgroupTry} })
	case "--share-net":
		return func(p *parser, _ []string) error { p.line.net = false; return nil }
	case "--disable-userns":
		return on(func(l *Line) []*bool { return []*bool{&l.disableUsers} })
	case "--assert-userns-disabled":
		return on(func(l *Line) []*bool { return []*bool{&l.assertDisabled} })
	case "--clearenv":
		return func(p *parser, _ []string) error { p.line.env = nil; return nil }
	case "--new-session":
		return on(func(l *Line) []*bool { return []*bool{&l.newSession} })
	case "--die-with-parent":
		return on(func(l *Line) []*bool { return []*bool{&l.dieWithParent} })
	case "--as-pid-1":
		return on(func(l *Line) []*bool { return []*bool{&l.asPID1} })
	}
	return nil
}

// findDescriptor knows the options with one argument that is a descriptor, of which the last counts.
func findDescriptor(name string) apply {
	descriptor := func(of func(l *Line) *fd) apply {
		return func(p *parser, a []string) error { return p.descriptor(of(p.line), a) }
	}
	switch name {
	case "--userns":
		return descriptor(func(l *Line) *fd { return &l.users })
	case "--userns2":
		return descriptor(func(l *Line) *fd { return &l.users2 })
	case "--pidns":
		return descriptor(func(l *Line) *fd { return &l.pids })
	case "--sync-fd":
		return descriptor(func(l *Line) *fd { return &l.sync })
	case "--block-fd":
		return descriptor(func(l *Line) *fd { return &l.block })
	case "--userns-block-fd":
		return descriptor(func(l *Line) *fd { return &l.usersBlock })
	case "--info-fd":
		return descriptor(func(l *Line) *fd { return &l.info })
	case "--json-status-fd":
		return descriptor(func(l *Line) *fd { return &l.status })
	}
	return nil
}

// findUnary knows the other options with one argument.
func findUnary(name string) apply {
	at := func(k kind, perms uint32) apply {
		return func(p *parser, a []string) error { return p.operation(operation{kind: k, dest: a[0]}, perms) }
	}
	text := func(of func(l *Line) **string) apply {
		return func(p *parser, a []string) error { return p.text(of(p.line), a) }
	}
	switch name {
	case "--args":
		return (*parser).args
	case "--argv0":
		return (*parser).setArgv0
	case "--seccomp":
		return (*parser).setSeccomp
	case "--add-seccomp-fd":
		return (*parser).addSeccomp
	case "--uid":
		return func(p *parser, a []string) error { return p.id(&p.line.uid, "uid", a) }
	case "--gid":
		return func(p *parser, a []string) error { return p.id(&p.line.gid, "gid", a) }
	case "--hostname":
		return text(func(l *Line) **string { return &l.hostname })
	case "--chdir":
		return text(func(l *Line) **string { return &l.chdir })
	case "--exec-label", "--file-label":
		return func(*parser, []string) error { return die("labeling not supported on this system") }
	case "--unsetenv":
		return (*parser).unsetEnv
	case "--lock-file":
		return func(p *parser, a []string) error { p.line.locks = append(p.line.locks, a[0]); return nil }
	case "--cap-add":
		return func(p *parser, a []string) error { return p.capability(true, a) }
	case "--cap-drop":
		return func(p *parser, a []string) error { return p.capability(false, a) }
	case "--perms":
		return (*parser).setPerms
	case "--size":
		return (*parser).setSize
	case "--overlay-src":
		return func(p *parser, a []string) error { p.lower = append(p.lower, a[0]); return nil }
	case "--tmp-overlay":
		return func(p *parser, a []string) error { return p.overlay(tmpOverlay, a) }
	case "--ro-overlay":
		return func(p *parser, a []string) error { return p.overlay(roOverlay, a) }
	case "--remount-ro":
		return at(remountRO, 0)
	case "--proc":
		return at(proc, 0)
	case "--dev":
		return at(dev, 0)
	case "--tmpfs":
		return (*parser).tmpfs
	case "--mqueue":
		return at(mqueue, 0)
	case "--dir":
		return at(dir, 0o755)
	}
	return nil
}

// findBinary knows the options with two arguments.
func findBinary(name string) apply {
	binds := func(k kind) apply {
		return func(p *parser, a []string) error { return p.bind(k, a) }
	}
	switch name {
	case "--bind", "--bind-try":
		return binds(bind)
	case "--ro-bind", "--ro-bind-try":
		return binds(roBind)
	case "--dev-bind", "--dev-bind-try":
		return binds(devBind)
	case "--bind-fd":
		return func(p *parser, a []string) error { return p.bindFD(bind, a) }
	case "--ro-bind-fd":
		return func(p *parser, a []string) error { return p.bindFD(roBind, a) }
	case "--file":
		return func(p *parser, a []string) error { return p.data(file, a, 0o666) }
	case "--bind-data":
		return func(p *parser, a []string) error { return p.data(bindData, a, 0o600) }
	case "--ro-bind-data":
		return func(p *parser, a []string) error { return p.data(roBindData, a, 0o600) }
	case "--symlink":
		return func(p *parser, a []string) error {
			return p.operation(operation{kind: symlink, source: a[0], dest: a[1]}, 0)
		}
	case "--chmod":
		return (*parser).chmod
	case "--setenv":
		return (*parser).setEnv
	}
	return nil
}
