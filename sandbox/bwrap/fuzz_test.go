package bwrap_test

import (
	"reflect"
	"runtime"
	"strings"
	"testing"

	"snug/sandbox"
	"snug/sandbox/bwrap"
)

// FuzzParse reads a command line whose words end in NULs, with another as descriptor 3. Whatever they
// are, nothing panics or needs memory out of proportion, and the same words mean the same again.
func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{
		{"--ro-bind\x00/\x00/\x00true\x00", ""},
		{"--args\x003\x00--perms\x000700\x00--dir\x00/x\x00--\x00a\x00b", "--setenv\x00A\x00b\x00--args\x003\x00"},
		{"--overlay-src\x00a\x00--overlay-src\x00b\x00--ro-overlay\x00/x\x00true", ""},
		{"--size\x000x10\x00--tmpfs\x00/\x00--file\x003\x00/f\x00--chmod\x000\x00/f\x00true", "text"},
		{"--add-seccomp-fd\x003\x00--cap-add\x00ALL\x00--unshare-user\x00--disable-userns\x00true", "\x06\x00\x00\x00\x00\x00\xff\x7f"},
		{"--uid\x00 +0\x00--chdir\x00\x00--chdir\x00\xff\x00--level-prefix\x00--version", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, line, list string) {
		if len(line)+len(list) > 1<<16 {
			return
		}
		words := strings.Split(line, "\x00")
		read := holding(map[int]string{3: list})
		before := allocated()
		first, err := bwrap.Parse(words, []string{"A=1"}, read)
		if used := allocated() - before; used > 64<<20 {
			t.Errorf("%d bytes of memory for %d of words", used, len(line)+len(list))
		}
		second, again := bwrap.Parse(words, []string{"A=1"}, read)
		if (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() || !reflect.DeepEqual(first, second) {
			t.Fatalf("the same words differ:\n%#v %v\n%#v %v", first, err, second, again)
		}
		if err != nil || first.Help || first.Version {
			return
		}
		c := caller()
		c.Read = read
		s, err := first.Spec(machine(), c)
		if err != nil {
			return
		}
		// The engine may refuse, but not fall over.
		if p, err := sandbox.Compile(s, machine(), sandbox.Sources{}); err == nil {
			_ = p.String()
		}
	})
}

// allocated is how many bytes have been allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
