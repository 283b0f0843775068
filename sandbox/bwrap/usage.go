package bwrap

// dialect is the version of bubblewrap whose command line this is.
const dialect = "0.11.1"

// usage is what --help prints. Callers look in it for options, so each stands in it by its name.
func usage(name string) string {
	return "usage: " + name + ` [OPTIONS...] [--] COMMAND [ARGS...]

    --help                       print this and exit
    --version                    print the version of this command line and exit
    --args FD                    read more options from FD, each word ended by a NUL
    --argv0 VALUE                what the command is told that it is called
    --level-prefix               put <3>, <4> before messages, for logger --prio-prefix

  namespaces
    --unshare-all                new ones of every kind, users and cgroups if possible
    --share-net                  keep the network after all
    --unshare-user               new users; implied if the caller is not root
    --unshare-user-try           the same, if the kernel has them
    --unshare-ipc                new System V and POSIX message queues and shared memory
    --unshare-pid                new process ids: nothing outside can be seen or signalled
    --unshare-net                a new network with nothing but its loopback
    --unshare-uts                a new host name
    --unshare-cgroup             a new view of cgroups
    --unshare-cgroup-try         the same, if the kernel has them
    --userns FD                  join these users
    --userns2 FD                 join these when everything is set up, with --userns
    --disable-userns             no further user namespaces inside, with --unshare-user
    --assert-userns-disabled     fail if there could be
    --pidns FD                   join these process ids
    --uid UID                    the user inside, with --unshare-user or --userns
    --gid GID                    the group inside, likewise
    --hostname NAME              with --unshare-uts

  the command
    --chdir DIR                  start in DIR
    --clearenv                   start with PWD alone
    --setenv VAR VALUE           set a variable
    --unsetenv VAR               take one away
    --new-session                a session of its own, away from the caller's terminal
    --die-with-parent            end when the caller does
    --as-pid-1                   be PID 1, without a process that reaps, with --unshare-pid
    --cap-add CAP                keep a capability, or ALL
    --cap-drop CAP               take one away, or ALL
    --seccomp FD                 a compiled filter; the last counts
    --add-seccomp-fd FD          one more
    --exec-label LABEL           needs SELinux
    --file-label LABEL           needs SELinux
    --lock-file DEST             lock DEST for reading while the sandbox lives
    --sync-fd FD                 keep FD open while the sandbox lives

  files, in order; a folder on the way is made
    --bind SRC DEST              SRC of the host on DEST
    --bind-try SRC DEST          the same, if there is a SRC
    --dev-bind SRC DEST          with devices that work
    --dev-bind-try SRC DEST      the same, if there is a SRC
    --ro-bind SRC DEST           read-only
    --ro-bind-try SRC DEST       the same, if there is a SRC
    --bind-fd FD DEST            what FD has open
    --ro-bind-fd FD DEST         the same, read-only
    --remount-ro DEST            make the mount on DEST read-only, not those below it
    --overlay-src SRC            the next lower layer of the overlay that follows
    --overlay RWSRC WORKDIR DEST an overlay; changes go to RWSRC
    --tmp-overlay DEST           an overlay; changes are lost
    --ro-overlay DEST            an overlay without changes
    --proc DEST                  a procfs
    --dev DEST                   a minimal /dev
    --tmpfs DEST                 an empty file system in memory
    --mqueue DEST                the message queues
    --dir DEST                   a folder
    --file FD DEST               a file with what FD holds
    --bind-data FD DEST          the same, as a mount
    --ro-bind-data FD DEST       the same, read-only
    --symlink SRC DEST           a link that says SRC
    --perms OCTAL                the mode of the next operation
    --size BYTES                 the size of the next --tmpfs
    --chmod OCTAL PATH           change a mode

  telling others
    --block-fd FD                wait for a byte before the command starts
    --userns-block-fd FD         wait for a byte before users are mapped, by others
    --info-fd FD                 write process id and namespaces, as JSON
    --json-status-fd FD          the same and the exit status, as lines of JSON

exit status: the command's, 128+n if signal n ended it, 1 if it could not be started
SNUG_EXPLAIN=FILE in the environment writes what is granted, and by which word, to FILE

example: ` + name + ` --ro-bind /usr /usr --symlink usr/lib64 /lib64 --proc /proc --dev /dev --unshare-all /usr/bin/ls /
`
}
