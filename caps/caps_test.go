package caps_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/tests/need"
)

func TestNumbers(t *testing.T) {
	tests := []struct {
		name   string
		set    caps.Set
		number int
	}{
		{"first", caps.Chown, unix.CAP_CHOWN},
		{"dac_read_search", caps.DACReadSearch, unix.CAP_DAC_READ_SEARCH},
		{"setpcap", caps.Setpcap, unix.CAP_SETPCAP},
		{"net_admin", caps.NetAdmin, unix.CAP_NET_ADMIN},
		{"net_raw", caps.NetRaw, unix.CAP_NET_RAW},
		{"sys_module", caps.SysModule, unix.CAP_SYS_MODULE},
		{"sys_rawio", caps.SysRawio, unix.CAP_SYS_RAWIO},
		{"sys_chroot", caps.SysChroot, unix.CAP_SYS_CHROOT},
		{"sys_ptrace", caps.SysPtrace, unix.CAP_SYS_PTRACE},
		{"sys_admin", caps.SysAdmin, unix.CAP_SYS_ADMIN},
		{"mknod", caps.Mknod, unix.CAP_MKNOD},
		{"setfcap", caps.Setfcap, unix.CAP_SETFCAP},
		{"syslog", caps.Syslog, unix.CAP_SYSLOG},
		{"audit_read", caps.AuditRead, unix.CAP_AUDIT_READ},
		{"bpf", caps.BPF, unix.CAP_BPF},
		{"last", caps.CheckpointRestore, unix.CAP_CHECKPOINT_RESTORE},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if want := caps.Set(1) << tt.number; tt.set != want {
				t.Errorf("got %#x, want %#x", uint64(tt.set), uint64(want))
			}
		})
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       caps.Set
	}{
		{"empty", "", 0},
		{"blank", "  ", 0},
		{"none", "none", 0},
		{"kernel name", "CAP_NET_ADMIN", caps.NetAdmin},
		{"short name", "net_admin", caps.NetAdmin},
		{"mixed case", "Cap_Net_Admin", caps.NetAdmin},
		{"two", "chown,kill", caps.Chown | caps.Kill},
		{"spaces", " chown , kill ", caps.Chown | caps.Kill},
		{"twice", "chown,CAP_CHOWN", caps.Chown},
		{"all", "all", caps.All},
		{"ALL", "ALL", caps.All},
		{"all but one", "all,-sys_rawio", caps.All &^ caps.SysRawio},
		{"all but two", "all,-sys_rawio,-CAP_SYS_ADMIN", caps.All &^ caps.SysRawio &^ caps.SysAdmin},
		{"order counts", "all,-all,chown", caps.Chown},
		{"taken and given back", "chown,-chown,chown", caps.Chown},
		{"taking what is absent", "chown,-kill", caps.Chown},
		{"number", "41", 1 << 41},
		{"last number", "63", 1 << 63},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := caps.Parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"typing error", "net_admn", `capability "net_admn": unknown name; did you mean "net_admin"?`},
		{"with prefix", "CAP_SYS_ADMINN", `capability "CAP_SYS_ADMINN": unknown name; did you mean "sys_admin"?`},
		{"taken away", "all,-sys_rawoi", `capability "sys_rawoi": unknown name; did you mean "sys_rawio"?`},
		{"nothing near", "frobnicate", `capability "frobnicate": unknown name`},
		{"long", strings.Repeat("x", 99), `capability "` + strings.Repeat("x", 99) + `": unknown name`},
		{"empty item", "chown,,kill", `capability "": unknown name`},
		{"trailing comma", "chown,", `capability "": unknown name`},
		{"two signs", "all,--chown", `capability "-chown": unknown name; did you mean "chown"?`},
		{"plus", "+chown", `capability "+chown": unknown name; did you mean "chown"?`},
		{"only minus", "-sys_rawio", `capabilities "-sys_rawio": nothing to take away from; did you mean "all,-sys_rawio"?`},
		{"number too large", "64", `capability "64": unknown name`},
		{"prefix alone", "cap_", `capability "cap_": unknown name`},
		{"control bytes", "chown\x1b", "capability \"chown\\x1b\": unknown name; did you mean \"chown\"?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := caps.Parse(tt.text)
			if err == nil {
				t.Fatalf("accepted as %v", got)
			}
			if err.Error() != tt.want {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
		})
	}
}

func TestString(t *testing.T) {
	tests := []struct {
		name string
		set  caps.Set
		want string
	}{
		{"none", 0, "none"},
		{"one", caps.SysAdmin, "sys_admin"},
		{"kernel order", caps.Kill | caps.Chown, "chown,kill"},
		{"all", caps.All, "all"},
		{"without a name", caps.BPF | 1<<41, "bpf,41"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.set.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestUpTo(t *testing.T) {
	tests := []struct {
		name string
		last int
		want caps.Set
	}{
		{"nonsense", -1, 0},
		{"one", 0, caps.Chown},
		{"Linux 5.7", 37, caps.All &^ (caps.Perfmon | caps.BPF | caps.CheckpointRestore)},
		{"Linux 5.9", 40, caps.All},
		{"a kernel to come", 41, caps.All | 1<<41},
		{"62", 62, ^caps.Set(0) >> 1},
		{"63", 63, ^caps.Set(0)},
		{"beyond", 1000, ^caps.Set(0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := caps.UpTo(tt.last); got != tt.want {
				t.Errorf("got %#x, want %#x", uint64(got), uint64(tt.want))
			}
		})
	}
}

// TestUpToThisKernel fails when a kernel knows a capability that we do not name.
func TestUpToThisKernel(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		need.Missingf(t, "wanted the last capability of this kernel, got: %v", err)
	}
	last, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if extra := caps.UpTo(last) &^ caps.All; extra != 0 {
		t.Errorf("this kernel knows capabilities without a name here: %v", extra)
	}
}

func TestHas(t *testing.T) {
	set := caps.Chown | caps.Kill
	tests := []struct {
		name string
		of   caps.Set
		want bool
	}{
		{"nothing", 0, true},
		{"one", caps.Kill, true},
		{"both", caps.Chown | caps.Kill, true},
		{"one of two", caps.Chown | caps.BPF, false},
		{"another", caps.BPF, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := set.Has(tt.of); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSetsValidate(t *testing.T) {
	const a, b = caps.NetAdmin, caps.SysAdmin
	tests := []struct {
		name string
		sets caps.Sets
		want string
	}{
		{"strictest", caps.Sets{}, ""},
		{"root", caps.Sets{Bounding: caps.All, Permitted: caps.All, Effective: caps.All}, ""},
		{"permitted beyond bounding", caps.Sets{Permitted: a}, ""},
		{"ambient", caps.Sets{Bounding: a, Permitted: a, Inheritable: a, Ambient: a}, ""},
		{"effective", caps.Sets{Bounding: a | b, Permitted: a, Effective: a | b},
			`effective capabilities "sys_admin": not in the permitted set, which the kernel demands`},
		{"inheritable", caps.Sets{Bounding: b, Permitted: a, Inheritable: a},
			`inheritable capabilities "net_admin": not in the bounding set, which the kernel demands`},
		{"ambient without permitted", caps.Sets{Bounding: a, Inheritable: a, Ambient: a},
			`ambient capabilities "net_admin": not in the permitted set, which the kernel demands`},
		{"ambient without inheritable", caps.Sets{Bounding: a, Permitted: a, Ambient: a},
			`ambient capabilities "net_admin": not in the inheritable set, which the kernel demands`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.sets.Validate(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "all", "all,-sys_rawio", "CAP_CHOWN", "41,bpf", "-x", ",", "cap_cap_chown"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := caps.Parse(text)
		if err != nil {
			if set != 0 {
				t.Fatalf("an error came with the set %v", set)
			}
			return
		}
		again, err := caps.Parse(set.String())
		if err != nil || again != set {
			t.Fatalf("%q gave %v, printed and read again %v, %v", text, set, again, err)
		}
	})
}

// A profile names each capability once, with a reason, and none that reaches beyond a user namespace's
// own resources or that systemd would take for a promise.
func TestProfile(t *testing.T) {
	for _, name := range []string{"system", "least"} {
		list := caps.Profile(name)
		var seen caps.Set
		for _, r := range list {
			if strings.Contains(r.Capability.String(), ",") || seen.Has(r.Capability) || r.Why == "" {
				t.Errorf("%s: want %s once, alone and with a reason", name, r.Capability)
			}
			seen |= r.Capability
		}
		if seen == 0 || seen != caps.Union(list) {
			t.Errorf("%s: want %s, got %s", name, seen, caps.Union(list))
		}
		if never := caps.SysRawio | caps.SysModule | caps.Mknod | caps.SysTime | caps.MACAdmin | caps.MACOverride; seen&never != 0 {
			t.Errorf("%s: want none of %s, got %s", name, never, seen)
		}
	}
	if caps.Profile("other") != nil {
		t.Error("want no profile of another name")
	}
}
