package landlock_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"snug/caps/landlock"
)

func TestKernelValues(t *testing.T) {
	tests := []struct {
		name      string
		got, want uint64
	}{
		{"execute", uint64(landlock.Execute), unix.LANDLOCK_ACCESS_FS_EXECUTE},
		{"write_file", uint64(landlock.WriteFile), unix.LANDLOCK_ACCESS_FS_WRITE_FILE},
		{"read_file", uint64(landlock.ReadFile), unix.LANDLOCK_ACCESS_FS_READ_FILE},
		{"read_dir", uint64(landlock.ReadDir), unix.LANDLOCK_ACCESS_FS_READ_DIR},
		{"remove_dir", uint64(landlock.RemoveDir), unix.LANDLOCK_ACCESS_FS_REMOVE_DIR},
		{"remove_file", uint64(landlock.RemoveFile), unix.LANDLOCK_ACCESS_FS_REMOVE_FILE},
		{"make_char", uint64(landlock.MakeChar), unix.LANDLOCK_ACCESS_FS_MAKE_CHAR},
		{"make_dir", uint64(landlock.MakeDir), unix.LANDLOCK_ACCESS_FS_MAKE_DIR},
		{"make_reg", uint64(landlock.MakeReg), unix.LANDLOCK_ACCESS_FS_MAKE_REG},
		{"make_sock", uint64(landlock.MakeSock), unix.LANDLOCK_ACCESS_FS_MAKE_SOCK},
		{"make_fifo", uint64(landlock.MakeFifo), unix.LANDLOCK_ACCESS_FS_MAKE_FIFO},
		{"make_block", uint64(landlock.MakeBlock), unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK},
		{"make_sym", uint64(landlock.MakeSym), unix.LANDLOCK_ACCESS_FS_MAKE_SYM},
		{"refer", uint64(landlock.Refer), unix.LANDLOCK_ACCESS_FS_REFER},
		{"truncate", uint64(landlock.Truncate), unix.LANDLOCK_ACCESS_FS_TRUNCATE},
		{"ioctl_dev", uint64(landlock.IoctlDev), unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
		{"bind_tcp", uint64(landlock.BindTCP), unix.LANDLOCK_ACCESS_NET_BIND_TCP},
		{"connect_tcp", uint64(landlock.ConnectTCP), unix.LANDLOCK_ACCESS_NET_CONNECT_TCP},
		{"abstract_unix_socket", uint64(landlock.ScopeAbstractUnix), unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET},
		{"signal", uint64(landlock.ScopeSignal), unix.LANDLOCK_SCOPE_SIGNAL},
		{"log_same_exec_off", uint64(landlock.LogSameExecOff), unix.LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF},
		{"log_new_exec_on", uint64(landlock.LogNewExecOn), unix.LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON},
		{"log_subdomains_off", uint64(landlock.LogSubdomainsOff), unix.LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF},
		{"path rule", landlock.RulePathBeneath, unix.LANDLOCK_RULE_PATH_BENEATH},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %#x, want %#x", tt.got, tt.want)
			}
		})
	}
}

func TestString(t *testing.T) {
	tests := []struct {
		name string
		got  string
		want string
	}{
		{"none", landlock.AccessFS(0).String(), "none"},
		{"files", (landlock.Execute | landlock.IoctlDev).String(), "execute+ioctl_dev"},
		{"unknown", landlock.AccessFS(1 << 16).String(), "bit 16"},
		{"network", (landlock.BindTCP | landlock.ConnectTCP).String(), "bind_tcp+connect_tcp"},
		{"scope", landlock.ScopeSignal.String(), "signal"},
		{"log", landlock.LogNewExecOn.String(), "log_new_exec_on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

const (
	abi1 = landlock.AccessFS(1<<13 - 1)
	abi2 = abi1 | landlock.Refer
	abi3 = abi2 | landlock.Truncate
	abi5 = abi3 | landlock.IoctlDev
)

// whole is a Ruleset that needs ABI 7 in every part.
func whole() landlock.Ruleset {
	return landlock.Ruleset{
		FS: abi5, Net: landlock.BindTCP | landlock.ConnectTCP,
		Scoped: landlock.ScopeAbstractUnix | landlock.ScopeSignal, Log: landlock.LogSubdomainsOff,
		Paths: []landlock.PathRule{
			{Path: "/usr", Allowed: landlock.Execute | landlock.ReadFile | landlock.ReadDir},
			{Path: "/home", Allowed: abi5},
			{Path: "/dev", Allowed: landlock.IoctlDev},
		},
		Ports: []landlock.PortRule{{Port: 443, Allowed: landlock.ConnectTCP}},
	}
}

func TestDowngradeEveryABI(t *testing.T) {
	usr := landlock.PathRule{Path: "/usr", Allowed: landlock.Execute | landlock.ReadFile | landlock.ReadDir}
	home := func(fs landlock.AccessFS) []landlock.PathRule {
		return []landlock.PathRule{usr, {Path: "/home", Allowed: fs}}
	}
	files := "execute+write_file+read_file+read_dir+remove_dir+remove_file+make_char+make_dir+make_reg+make_sock+make_fifo+make_block+make_sym" +
		" cannot be denied, that takes ABI 1 (Linux 5.13)"
	refer := "refer cannot be granted, that takes ABI 2 (Linux 5.19)"
	truncate := "truncate cannot be denied, that takes ABI 3 (Linux 6.2)"
	network := "bind_tcp+connect_tcp cannot be denied, that takes ABI 4 (Linux 6.7)"
	ioctl := "ioctl_dev cannot be denied, that takes ABI 5 (Linux 6.10)"
	scope := "abstract_unix_socket+signal cannot be denied, that takes ABI 6 (Linux 6.12)"
	log := "log_subdomains_off cannot be set, that takes ABI 7 (Linux 6.15)"
	all := whole()
	tests := []struct {
		name string
		abi  int
		want landlock.Ruleset
		lost []string
	}{
		{"nonsense", -1, landlock.Ruleset{}, []string{files, "refer cannot be denied, that takes ABI 2 (Linux 5.19)", truncate, network, ioctl, scope, log}},
		{"no Landlock", 0, landlock.Ruleset{}, []string{files, "refer cannot be denied, that takes ABI 2 (Linux 5.19)", truncate, network, ioctl, scope, log}},
		{"ABI 1", 1, landlock.Ruleset{FS: abi1, Paths: home(abi1)}, []string{refer, truncate, network, ioctl, scope, log}},
		{"ABI 2", 2, landlock.Ruleset{FS: abi2, Paths: home(abi2)}, []string{truncate, network, ioctl, scope, log}},
		{"ABI 3", 3, landlock.Ruleset{FS: abi3, Paths: home(abi3)}, []string{network, ioctl, scope, log}},
		{"ABI 4", 4, landlock.Ruleset{FS: abi3, Net: all.Net, Paths: home(abi3), Ports: all.Ports}, []string{ioctl, scope, log}},
		{"ABI 5", 5, landlock.Ruleset{FS: abi5, Net: all.Net, Paths: all.Paths, Ports: all.Ports}, []string{scope, log}},
		{"ABI 6", 6, landlock.Ruleset{FS: abi5, Net: all.Net, Scoped: all.Scoped, Paths: all.Paths, Ports: all.Ports}, []string{log}},
		{"ABI 7", 7, all, nil},
		{"an ABI to come", 99, all, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, lost := landlock.Downgrade(whole(), tt.abi)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ruleset (-want +got):\n%s", diff)
			}
			var texts []string
			for _, l := range lost {
				texts = append(texts, l.String())
			}
			if diff := cmp.Diff(tt.lost, texts); diff != "" {
				t.Errorf("lost (-want +got):\n%s", diff)
			}
			if !got.Empty() {
				if _, err := got.Attr(tt.abi); err != nil {
					t.Errorf("what is left does not fit: %v", err)
				}
			}
			if diff := cmp.Diff(whole(), all); diff != "" {
				t.Errorf("the argument was changed:\n%s", diff)
			}
		})
	}
}

func TestDowngradeRefer(t *testing.T) {
	tests := []struct {
		name string
		set  landlock.Ruleset
		want []landlock.Lost
	}{
		{"denied with others: nothing is lost", landlock.Ruleset{FS: landlock.ReadFile | landlock.Refer}, nil},
		{"denied alone: ABI 1 cannot", landlock.Ruleset{FS: landlock.Refer},
			[]landlock.Lost{{Kind: landlock.Protection, What: "refer", ABI: 2}}},
		{"granted: the app may fail", landlock.Ruleset{FS: landlock.ReadFile | landlock.Refer,
			Paths: []landlock.PathRule{{Path: "/home", Allowed: landlock.Refer}}},
			[]landlock.Lost{{Kind: landlock.Grant, What: "refer", ABI: 2}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got := landlock.Downgrade(tt.set, 1)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name string
		set  landlock.Ruleset
		want string
	}{
		{"whole", whole(), ""},
		{"empty", landlock.Ruleset{}, ""},
		{"unknown right", landlock.Ruleset{FS: landlock.ReadFile | 1<<16}, "landlock: unknown right bit 16"},
		{"unknown network right", landlock.Ruleset{Net: 1 << 2}, "landlock: unknown right bit 2"},
		{"unknown scope", landlock.Ruleset{Scoped: 1 << 2}, "landlock: unknown scope bit 2"},
		{"unknown flag", landlock.Ruleset{Log: 1 << 3}, "landlock: unknown flag bit 3"},
		{"path of nothing", landlock.Ruleset{FS: abi1, Paths: []landlock.PathRule{{Path: "/a"}}},
			`landlock rule for "/a": grants nothing`},
		{"path beyond", landlock.Ruleset{FS: landlock.ReadFile, Paths: []landlock.PathRule{{Path: "/a", Allowed: landlock.ReadFile | landlock.Execute}}},
			`landlock rule for "/a": grants execute, which the ruleset does not handle`},
		{"port of nothing", landlock.Ruleset{Net: landlock.BindTCP, Ports: []landlock.PortRule{{Port: 80}}},
			"landlock rule for port 80: grants nothing"},
		{"port beyond", landlock.Ruleset{Net: landlock.BindTCP, Ports: []landlock.PortRule{{Port: 80, Allowed: landlock.ConnectTCP}}},
			"landlock rule for port 80: grants connect_tcp, which the ruleset does not handle"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.set.Validate(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			small, _ := landlock.Downgrade(tt.set, landlock.LatestABI)
			if (small.Validate() == nil) != (tt.want == "") {
				t.Errorf("a downgrade to the latest ABI changed the verdict")
			}
		})
	}
}

func TestAttr(t *testing.T) {
	all := whole()
	tests := []struct {
		name string
		set  landlock.Ruleset
		abi  int
		want string // hexadecimal, little endian
		fail string
	}{
		{"ABI 1", landlock.Ruleset{FS: abi1}, 1, "ff1f000000000000", ""},
		{"ABI 3", landlock.Ruleset{FS: abi3}, 3, "ff7f000000000000", ""},
		{"ABI 4", landlock.Ruleset{FS: abi3, Net: landlock.BindTCP}, 4, "ff7f0000000000000100000000000000", ""},
		{"ABI 5", landlock.Ruleset{FS: abi5}, 5, "ffff0000000000000000000000000000", ""},
		{"ABI 6", landlock.Ruleset{Scoped: landlock.ScopeSignal}, 6, "000000000000000000000000000000000200000000000000", ""},
		{"ABI 7", all, 7, "ffff00000000000003000000000000000300000000000000", ""},
		{"empty", landlock.Ruleset{Log: landlock.LogNewExecOn}, 7, "", "landlock ruleset: handles nothing"},
		{"too new", landlock.Ruleset{Scoped: landlock.ScopeSignal}, 5, "",
			"landlock ABI 5: signal cannot be denied, that takes ABI 6 (Linux 6.12)"},
		{"invalid", landlock.Ruleset{FS: 1 << 40}, 7, "", "landlock: unknown right bit 40"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tt.set.Attr(tt.abi)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.fail || hex.EncodeToString(b) != tt.want {
				t.Errorf("got  %x, %q\nwant %s, %q", b, got, tt.want, tt.fail)
			}
		})
	}
}

func TestRuleBytes(t *testing.T) {
	path := landlock.PathRule{Path: "/usr", Allowed: landlock.ReadFile | landlock.IoctlDev}.Bytes()
	if got, want := hex.EncodeToString(path), "0480000000000000ffffffff"; got != want {
		t.Errorf("path: got %s, want %s", got, want)
	}
	if got := hex.EncodeToString(path[landlock.ParentFDOffset:]); got != "ffffffff" {
		t.Errorf("descriptor: got %s", got)
	}
	port := landlock.PortRule{Port: 443, Allowed: landlock.ConnectTCP}.Bytes()
	if got, want := hex.EncodeToString(port), "0200000000000000bb01000000000000"; got != want {
		t.Errorf("port: got %s, want %s", got, want)
	}
}

func TestLostOfUnknownABI(t *testing.T) {
	got := landlock.Lost{What: "x", ABI: 1000}.String()
	if !strings.Contains(got, "Linux unknown") {
		t.Errorf("got %q", got)
	}
}
