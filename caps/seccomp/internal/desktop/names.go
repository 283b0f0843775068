package desktop

// The lists below are data: constants that the compiler lays out.

// everyday calls exist on x86-64 and arm64 and pass whatever their arguments.
var everyday = []string{
	// files and folders
	"openat", "openat2", "close", "close_range", "read", "write", "readv", "writev", "pread64",
	"pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "lseek", "ftruncate", "truncate", "fallocate",
	"fadvise64", "readahead", "sync", "syncfs", "fsync", "fdatasync", "sync_file_range",
	"copy_file_range", "sendfile", "splice", "tee", "vmsplice", "fstat", "newfstatat", "statx", "statfs",
	"fstatfs", "faccessat", "faccessat2", "getdents64", "getcwd", "chdir", "fchdir", "readlinkat",
	"mkdirat", "mknodat", "unlinkat", "symlinkat", "linkat", "renameat", "renameat2", "fchmod",
	"fchmodat", "fchmodat2", "fchown", "fchownat", "utimensat", "umask", "fcntl", "flock", "dup", "dup3",
	"cachestat", "file_getattr", "file_setattr", "setxattr", "lsetxattr", "fsetxattr", "setxattrat",
	"getxattr", "lgetxattr", "fgetxattr", "getxattrat", "listxattr", "llistxattr", "flistxattr",
	"listxattrat", "removexattr", "lremovexattr", "fremovexattr", "removexattrat", "inotify_init1",
	"inotify_add_watch", "inotify_rm_watch", "memfd_create", "memfd_secret",
	// waiting
	"pipe2", "ppoll", "pselect6", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "eventfd2",
	"signalfd4", "io_setup", "io_submit", "io_getevents", "io_pgetevents", "io_cancel", "io_destroy",
	// sockets, once made
	"bind", "connect", "listen", "accept", "accept4", "getsockname", "getpeername", "sendto", "recvfrom",
	"sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown", "setsockopt", "getsockopt",
	// memory
	"mmap", "mprotect", "munmap", "mremap", "msync", "madvise", "brk", "mincore", "mlock", "mlock2",
	"munlock", "mlockall", "munlockall", "mseal", "pkey_mprotect", "pkey_alloc", "pkey_free",
	"remap_file_pages", "membarrier", "process_madvise", "process_mrelease", "map_shadow_stack",
	// processes and threads
	"execve", "execveat", "exit", "exit_group", "wait4", "waitid", "getpid", "gettid", "getppid",
	"getpgid", "setpgid", "getsid", "setsid", "kill", "tkill", "tgkill", "pidfd_open",
	"pidfd_send_signal", "set_tid_address", "set_robust_list", "get_robust_list", "futex", "futex_wait",
	"futex_wake", "futex_requeue", "futex_waitv", "rseq", "rseq_slice_yield", "restart_syscall", "prctl",
	"getcpu",
	// signals
	"rt_sigaction", "rt_sigprocmask", "rt_sigpending", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
	"rt_sigqueueinfo", "rt_tgsigqueueinfo", "sigaltstack",
	// identity; without capabilities the kernel refuses what matters
	"getuid", "geteuid", "getgid", "getegid", "setuid", "setgid", "setreuid", "setregid", "setresuid",
	"setresgid", "getresuid", "getresgid", "setfsuid", "setfsgid", "getgroups", "setgroups", "capget",
	"capset",
	// scheduling and limits
	"sched_yield", "sched_setparam", "sched_getparam", "sched_setscheduler", "sched_getscheduler",
	"sched_setattr", "sched_getattr", "sched_get_priority_max", "sched_get_priority_min",
	"sched_rr_get_interval", "sched_setaffinity", "sched_getaffinity", "getpriority", "setpriority",
	"ioprio_get", "ioprio_set", "getrlimit", "setrlimit", "prlimit64", "getrusage", "times",
	// time; adjtimex and clock_adjtime also only read
	"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "adjtimex",
	"clock_adjtime", "getitimer", "setitimer", "timer_create", "timer_settime", "timer_gettime",
	"timer_getoverrun", "timer_delete", "timerfd_create", "timerfd_settime", "timerfd_gettime",
	// System V and POSIX IPC, of the sandbox's own namespace
	"shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop", "semctl", "msgget", "msgsnd",
	"msgrcv", "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify",
	"mq_getsetattr",
	// filters that an app puts on itself
	"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
	// the rest
	"uname", "sysinfo", "getrandom",
}

// older calls exist on x86-64 and on 32-bit ABIs, arm64 never had them. The last line
// is x86's own: thread-local storage, and the kernel's probe trampolines, which it
// guards itself (Linux 6.11).
var older = []string{
	// files and folders
	"open", "creat", "stat", "lstat", "access", "readlink", "mkdir", "rmdir", "mknod", "unlink",
	"symlink", "link", "rename", "chmod", "chown", "lchown", "utime", "utimes", "futimesat", "getdents",
	"dup2", "inotify_init",
	// waiting
	"pipe", "poll", "select", "epoll_create", "epoll_wait", "eventfd", "signalfd",
	// processes and time
	"fork", "vfork", "getpgrp", "pause", "alarm", "time",
	// x86
	"arch_prctl", "set_thread_area", "get_thread_area", "uretprobe", "uprobe",
}

// narrow calls exist on 32-bit ABIs only.
var narrow = []string{
	// wide offsets and ids
	"_llseek", "stat64", "lstat64", "fstat64", "fstatat64", "statfs64", "fstatfs64", "truncate64",
	"ftruncate64", "sendfile64", "fcntl64", "fadvise64_64", "arm_fadvise64_64", "arm_sync_file_range",
	"sync_file_range2", "mmap2", "chown32", "lchown32", "fchown32", "getuid32", "geteuid32", "getgid32",
	"getegid32", "setuid32", "setgid32", "setreuid32", "setregid32", "setresuid32", "setresgid32",
	"getresuid32", "getresgid32", "setfsuid32", "setfsgid32", "getgroups32", "setgroups32", "ugetrlimit",
	// 64-bit time, Linux 5.1
	"clock_gettime64", "clock_getres_time64", "clock_nanosleep_time64", "clock_adjtime64",
	"timer_gettime64", "timer_settime64", "timerfd_gettime64", "timerfd_settime64", "utimensat_time64",
	"pselect6_time64", "ppoll_time64", "io_pgetevents_time64", "recvmmsg_time64", "mq_timedsend_time64",
	"mq_timedreceive_time64", "semtimedop_time64", "rt_sigtimedwait_time64", "futex_time64",
	"sched_rr_get_interval_time64",
	// i386 of old
	"oldstat", "oldlstat", "oldfstat", "oldolduname", "olduname", "readdir", "_newselect", "signal",
	"sigaction", "sigpending", "sigprocmask", "sigreturn", "sigsuspend", "sgetmask", "ssetmask",
	"waitpid", "nice", "ipc", "send", "recv",
	// ARM
	"breakpoint", "cacheflush", "set_tls", "get_tls",
}

// privileged calls are EPERM in every variant, see "What is refused" in policy.go.
var privileged = []string{
	// keyrings
	"add_key", "keyctl", "request_key",
	// large or young attack surface
	"bpf", "perf_event_open", "userfaultfd", "fanotify_init", "fanotify_mark",
	// other processes' descriptors, files by handle
	"pidfd_getfd", "open_by_handle_at",
	// the machine
	"acct", "quotactl", "quotactl_fd", "swapon", "swapoff", "reboot", "kexec_load", "kexec_file_load",
	"init_module", "finit_module", "delete_module", "syslog", "settimeofday", "clock_settime",
	"clock_settime64", "stime", "iopl", "ioperm", "vhangup", "pciconfig_iobase", "pciconfig_read",
	"pciconfig_write",
}

// absent calls are ENOSYS in every variant, and would be without this list: it says
// that they were thought of, and a test fails for a call that is in no list.
var absent = []string{
	// io_uring
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	// NUMA placement
	"mbind", "get_mempolicy", "set_mempolicy", "set_mempolicy_home_node", "migrate_pages", "move_pages",
	// what tells of the world outside
	"name_to_handle_at", "lookup_dcookie", "listns", "lsm_get_self_attr", "lsm_set_self_attr",
	"lsm_list_modules",
	// segments and modes of old processors
	"modify_ldt", "vm86", "vm86old", "usr26", "usr32",
	// calls that no kernel of today answers
	"uselib", "_sysctl", "sysfs", "ustat", "nfsservctl", "create_module", "get_kernel_syms",
	"query_module", "afs_syscall", "getpmsg", "putpmsg", "security", "tuxcall", "vserver",
	"epoll_ctl_old", "epoll_wait_old", "bdflush", "break", "ftime", "gtty", "idle", "lock", "mpx", "prof",
	"profil", "stty", "ulimit",
}
