package bwrap

// check refuses what does not go together, in bubblewrap's order.
func (l *Line) check() error {
	for _, c := range []struct {
		wrong bool
		text  string
	}{
		{l.usersBlock.given && !l.user, "--userns-block-fd requires --unshare-user"},
		{l.usersBlock.given && !l.info.given, "--userns-block-fd requires --info-fd"},
		{l.users.given && l.user, "--userns not compatible --unshare-user"},
		{l.users.given && l.userTry, "--userns not compatible --unshare-user-try"},
		{l.disableUsers && !l.user, "--disable-userns requires --unshare-user"},
		{l.disableUsers && l.usersBlock.given, "--disable-userns is not compatible with  --userns-block-fd"},
	} {
		if c.wrong {
			return die(c.text)
		}
	}
	return nil
}

// checkHost refuses what the namespaces that there will be do not allow. user reports whether there
// is a new user namespace.
func (l *Line) checkHost(user bool, uid, gid uint32) error {
	mapped := user || l.users.given
	for _, c := range []struct {
		wrong bool
		text  string
	}{
		{!mapped && l.uid != nil && *l.uid != uid, "Specifying --uid requires --unshare-user or --userns"},
		{!mapped && l.gid != nil && *l.gid != gid, "Specifying --gid requires --unshare-user or --userns"},
		{!l.uts && l.hostname != nil, "Specifying --hostname requires --unshare-uts"},
		{l.asPID1 && !l.pid, "Specifying --as-pid-1 requires --unshare-pid"},
		{l.asPID1 && len(l.locks) > 0, "Specifying --as-pid-1 and --lock-file is not permitted"},
	} {
		if c.wrong {
			return die(c.text)
		}
	}
	return nil
}
