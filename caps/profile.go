package caps

// Reason is a capability of a profile, and why it is in it.
type Reason struct {
	Capability Set
	Why        string
}

// Profile gives the capabilities of a named profile, for what boots as fake root in a user namespace of
// its own, or nil. There are "system", with which Debian 12, 13 and Ubuntu 24.04 come up without a failed
// unit, and "least", with which a plain Debian 12 does.
//
// None reaches beyond the user namespace: what the kernel asks of the initial one (user_namespaces(7))
// stays refused whatever stands here. A capability is left out for one of two reasons: systemd takes it for
// a promise that the kernel then does not keep (sys_rawio, sys_module: units that mount debugfs and load
// modules start and fail), or nothing that boots has been found to need it.
func Profile(name string) []Reason {
	switch name {
	case "system":
		return append(least(),
			Reason{SysAdmin, "mounts for hardened services: DynamicUser, PrivateTmp; hostnamectl"},
			Reason{Kill, "ends the processes of services that run as other users"},
			Reason{NetAdmin, "networkd configures interfaces of the machine's own network namespace"},
			Reason{Setfcap, "PrivateUsers; file capabilities, as of ping, when packages are installed"},
			Reason{Fsetid, "packages keep set-group-ID bits when they are unpacked"},
			Reason{DACReadSearch, "journald and backups read what belongs to others"},
			Reason{NetBindService, "services on ports below 1024"},
			Reason{NetRaw, "ping and DHCP in the machine's own network namespace"},
			Reason{SysNice, "services with Nice= and CPUSchedulingPolicy="},
			Reason{SysResource, "services raise their own soft limits; OOMScoreAdjust="},
			Reason{SysPtrace, "administrators look into processes of other users of the machine"},
			Reason{AuditWrite, "login and sudo write to the audit log, and go on when that is refused"},
			Reason{SysBoot, "tells reboot from poweroff by the signal that PID 1 ends with (reboot(2))"})
	case "least":
		return least()
	}
	return nil
}

func least() []Reason {
	return []Reason{
		{Chown, "networkd, resolved and user sessions own their folders"},
		{DACOverride, "logind, udevd and networkd set up their mount namespaces"},
		{Fowner, "tmpfiles changes what belongs to others"},
		{Setgid, "every service that is not root's"},
		{Setuid, "every service that is not root's: without it dbus fails and the start hangs"},
		{Setpcap, "journald, logind and udevd drop what they do not need"},
		{SysChroot, "logind, udevd and networkd enter their roots"},
	}
}

// Union gives all capabilities of a list.
func Union(list []Reason) (all Set) {
	for _, r := range list {
		all |= r.Capability
	}
	return all
}
