package caps

// The capabilities in the kernel's order: include/uapi/linux/capability.h and
// capabilities(7), with the kernel that brought those younger than Linux 2.2.
// Each is a Set of one, so that sets are written with |.
const (
	// Chown is CAP_CHOWN: changes owners and groups of files at will.
	Chown Set = 1 << iota
	// DACOverride is CAP_DAC_OVERRIDE: passes over permission bits for reading, writing and executing.
	DACOverride
	// DACReadSearch is CAP_DAC_READ_SEARCH: passes over permission bits for reading files and searching folders, and opens by handle.
	DACReadSearch
	// Fowner is CAP_FOWNER: does what only a file's owner may do.
	Fowner
	// Fsetid is CAP_FSETID: keeps set-user-ID and set-group-ID bits when a file changes.
	Fsetid
	// Kill is CAP_KILL: signals processes of other users.
	Kill
	// Setgid is CAP_SETGID: changes group ids and the list of groups.
	Setgid
	// Setuid is CAP_SETUID: changes user ids.
	Setuid
	// Setpcap is CAP_SETPCAP: takes from the bounding set and adds to the inheritable set.
	Setpcap
	// LinuxImmutable is CAP_LINUX_IMMUTABLE: sets the immutable and append-only flags of inodes.
	LinuxImmutable
	// NetBindService is CAP_NET_BIND_SERVICE: binds ports below 1024.
	NetBindService
	// NetBroadcast is CAP_NET_BROADCAST: is unused by the kernel.
	NetBroadcast
	// NetAdmin is CAP_NET_ADMIN: configures interfaces, routes and packet filters.
	NetAdmin
	// NetRaw is CAP_NET_RAW: opens raw and packet sockets.
	NetRaw
	// IPCLock is CAP_IPC_LOCK: locks memory beyond the limit.
	IPCLock
	// IPCOwner is CAP_IPC_OWNER: passes over permissions of System V IPC objects.
	IPCOwner
	// SysModule is CAP_SYS_MODULE: loads and unloads kernel modules.
	SysModule
	// SysRawio is CAP_SYS_RAWIO: reaches I/O ports, /dev/mem and raw device commands.
	SysRawio
	// SysChroot is CAP_SYS_CHROOT: calls chroot and joins mount namespaces.
	SysChroot
	// SysPtrace is CAP_SYS_PTRACE: traces any process of its user namespace.
	SysPtrace
	// SysPacct is CAP_SYS_PACCT: turns process accounting on and off.
	SysPacct
	// SysAdmin is CAP_SYS_ADMIN: does the many things that nothing narrower covers, mounting first.
	SysAdmin
	// SysBoot is CAP_SYS_BOOT: reboots and loads another kernel.
	SysBoot
	// SysNice is CAP_SYS_NICE: raises priorities and sets real-time scheduling.
	SysNice
	// SysResource is CAP_SYS_RESOURCE: passes over resource limits and quotas.
	SysResource
	// SysTime is CAP_SYS_TIME: sets the clock.
	SysTime
	// SysTTYConfig is CAP_SYS_TTY_CONFIG: hangs up and configures virtual terminals.
	SysTTYConfig
	// Mknod is CAP_MKNOD: creates device nodes (Linux 2.4).
	Mknod
	// Lease is CAP_LEASE: takes leases on any file (Linux 2.4).
	Lease
	// AuditWrite is CAP_AUDIT_WRITE: writes to the audit log (Linux 2.6.11).
	AuditWrite
	// AuditControl is CAP_AUDIT_CONTROL: configures auditing (Linux 2.6.11).
	AuditControl
	// Setfcap is CAP_SETFCAP: sets file capabilities, and maps uid 0 into a user namespace (Linux 2.6.24).
	Setfcap
	// MACOverride is CAP_MAC_OVERRIDE: passes over mandatory access control (Linux 2.6.25).
	MACOverride
	// MACAdmin is CAP_MAC_ADMIN: configures mandatory access control (Linux 2.6.25).
	MACAdmin
	// Syslog is CAP_SYSLOG: reads and clears the kernel log (Linux 2.6.37).
	Syslog
	// WakeAlarm is CAP_WAKE_ALARM: sets timers that wake the machine (Linux 3.0).
	WakeAlarm
	// BlockSuspend is CAP_BLOCK_SUSPEND: keeps the machine awake (Linux 3.5).
	BlockSuspend
	// AuditRead is CAP_AUDIT_READ: reads the audit log by multicast netlink (Linux 3.16).
	AuditRead
	// Perfmon is CAP_PERFMON: uses performance monitoring (Linux 5.8).
	Perfmon
	// BPF is CAP_BPF: loads privileged BPF programs (Linux 5.8).
	BPF
	// CheckpointRestore is CAP_CHECKPOINT_RESTORE: chooses process ids and reads others' map files (Linux 5.9).
	CheckpointRestore
)

// names is indexed by capability number. It holds constants only, so that the
// compiler lays it out and nothing runs at start.
var names = [...]string{
	"chown",
	"dac_override",
	"dac_read_search",
	"fowner",
	"fsetid",
	"kill",
	"setgid",
	"setuid",
	"setpcap",
	"linux_immutable",
	"net_bind_service",
	"net_broadcast",
	"net_admin",
	"net_raw",
	"ipc_lock",
	"ipc_owner",
	"sys_module",
	"sys_rawio",
	"sys_chroot",
	"sys_ptrace",
	"sys_pacct",
	"sys_admin",
	"sys_boot",
	"sys_nice",
	"sys_resource",
	"sys_time",
	"sys_tty_config",
	"mknod",
	"lease",
	"audit_write",
	"audit_control",
	"setfcap",
	"mac_override",
	"mac_admin",
	"syslog",
	"wake_alarm",
	"block_suspend",
	"audit_read",
	"perfmon",
	"bpf",
	"checkpoint_restore",
}
