package subid

import (
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const many = "ann:100000:65536\nbob:165536:65536\n"
	for _, tt := range []struct {
		name, text string
		names      []string
		want       string
	}{
		{"one range", many, []string{"ann", "1000"}, "0=1000+1 1=100000+65535"},
		{"by number", "1000:200000:70000\n", []string{"ann", "1000"}, "0=1000+1 1=200000+65535"},
		{"two ranges", "ann:100000:60000\nann:300000:60000\n", []string{"ann"}, "0=1000+1 1=100000+60000 60001=300000+5535"},
		{"none", many, []string{"eve"}, "0=1000+1"},
		{"too few", "ann:100000:1000\n", []string{"ann"}, "0=1000+1 1=100000+1000"},
		{"odd lines", "ann:x:1\nann:1\n:5:5\nann:4294967290:65536\nann:100000:0\nann:100000:65536\n", []string{"ann"}, "0=1000+1 1=100000+65535"},
		{"no name", ":100000:65536\n", []string{""}, "0=1000+1"},
	} {
		var got []string
		for _, r := range parse(tt.text, tt.names, 1000) {
			got = append(got, fmt.Sprintf("%d=%d+%d", r.Inside, r.Outside, r.Count))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: want %s, got %s", tt.name, tt.want, got)
		}
	}
}

func TestOwner(t *testing.T) {
	const passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n"
	for _, tt := range []struct {
		uid  int
		want string
	}{{1000, "ann [ann 1000]"}, {1001, "1001 [session 1001]"}, {100, "100 [session 100]"}} {
		name, names := owner(passwd, tt.uid, []string{"session"})
		if got := fmt.Sprint(name, " ", names); got != tt.want {
			t.Errorf("%d: want %s, got %s", tt.uid, tt.want, got)
		}
	}
}

func TestTooFew(t *testing.T) {
	err := &TooFew{"/etc/subuid", "ann", 0}
	if got := err.Error(); got != "/etc/subuid gives ann 0 subordinate ids, and a system needs 65535" || !strings.HasSuffix(err.Fix(), " ann") {
		t.Errorf("got %s, %s", got, err.Fix())
	}
}
