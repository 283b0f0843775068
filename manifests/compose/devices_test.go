package compose_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/compose"
	"snug/sandbox"
)

// fidoReports is the descriptor of a security key, as Yubico's have it.
const fidoReports = "06d0f1 0901 a101 0920 1500 26ff00 7508 9540 8102 0921 1500 26ff00 7508 9540 9102 c0"

func TestIsSecurityKey(t *testing.T) {
	for _, test := range []struct {
		name, descriptor string
		want             bool
	}{
		{"a security key", fidoReports, true},
		{"two of them", fidoReports + fidoReports, true},
		{"the page of four bytes", "07d0f10000 0901 a101 c0", true},
		{"the page in the usage", "0501 0b0100d0f1 a101 c0", true},
		{"the usage before the page", "0901 06d0f1 a101 c0", true},
		{"a page that was pushed", "06d0f1 a4 0501 b4 0901 a101 c0", true},
		{"the first of two usages", "06d0f1 0901 0906 a101 c0", true},
		{"nothing", "", false},
		{"a keyboard", "0501 0906 a101 c0", false},
		{"a keyboard first", "0501 0906 a101 c0" + fidoReports, false},
		{"a keyboard behind", fidoReports + "0501 0906 a101 c0", false},
		{"a keyboard by its usage alone", fidoReports + "0b06000100 a101 c0", false},
		{"a collection of no usage", fidoReports + "a101 c0", false},
		{"inside another collection", "0501 0906 a101 06d0f1 0901 a101 c0 c0", false},
		{"another usage", "06d0f1 0902 a101 c0", false},
		{"another usage first", "06d0f1 0902 0901 a101 c0", false},
		{"a range of usages", "06d0f1 1900 2901 a101 c0", false},
		{"the words in a constant", "0501 0906 a101 2706d0f109 c0", false},
		{"a usage of an earlier item", "06d0f1 0901 a101 0901 8102 c0 a101 c0", false},
		{"a page that was never pushed", "06d0f1 b4 0901 a101 c0", false},
		{"an open collection", "06d0f1 0901 a101", false},
		{"one end too many", fidoReports + "c0", false},
		{"half an item", fidoReports + "26ff", false},
		{"reports of no collection", fidoReports + "7508 9540 8102", false},
		{"a long item", fidoReports + "fe0001", false},
		{"deep", "06d0f1 0901" + strings.Repeat("a101", 65) + strings.Repeat("c0", 65), false},
		{"pages without an end", strings.Repeat("a4", 65) + fidoReports, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			descriptor, err := hex.DecodeString(strings.ReplaceAll(test.descriptor, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			if got := compose.IsSecurityKey(descriptor); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// FuzzIsSecurityKey: what is taken for a key names the page of keys, its end is where its last
// collection ends, and with a keyboard behind it it is none.
func FuzzIsSecurityKey(f *testing.F) {
	for _, seed := range []string{fidoReports, "0501 0b0100d0f1 a101 c0", "06d0f1 a4 0501 b4 0901 a101 c0"} {
		descriptor, _ := hex.DecodeString(strings.ReplaceAll(seed, " ", ""))
		f.Add(descriptor)
	}
	keyboard := []byte{0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0xc0}
	f.Fuzz(func(t *testing.T, descriptor []byte) {
		if !compose.IsSecurityKey(descriptor) {
			return
		}
		if !bytes.Contains(descriptor, []byte{0xd0, 0xf1}) {
			t.Errorf("%x is a key without the page of keys", descriptor)
		}
		if compose.IsSecurityKey(append(keyboard, descriptor...)) {
			t.Errorf("%x behind a keyboard is a key", descriptor)
		}
		if compose.IsSecurityKey(descriptor[:bytes.LastIndexByte(descriptor, 0xc0)]) {
			t.Errorf("%x without its last end is a key", descriptor)
		}
	})
}

// TestHostileDevices is about what /dev and /sys cannot hold unless somebody has made it up.
func TestHostileDevices(t *testing.T) {
	const folder = "/sys/devices/pci0000:00/usb1/1-2/1-2:1.1/0003:1050:0407.0002"
	usual := func(files fakeFiles) {
		files.plant(t, "c /dev/hidraw1 240:1\nl /sys/dev/char/240:1 "+folder+"/hidraw/hidraw1\nd "+folder+"/hidraw/hidraw1\n"+
			"b "+folder+"/report_descriptor "+strings.ReplaceAll(fidoReports, " ", ""))
	}
	for _, test := range []struct {
		name   string
		change func(fakeFiles)
		want   string
	}{
		{"the control", func(fakeFiles) {}, "/dev/hidraw1"},
		{"a name of two lines", func(f fakeFiles) { f["/dev/hidraw1\n2"] = f["/dev/hidraw1"]; delete(f, "/dev/hidraw1") }, ""},
		{"a name without a number", func(f fakeFiles) { f["/dev/hidraw"] = f["/dev/hidraw1"]; delete(f, "/dev/hidraw1") }, ""},
		{"a number that is another's", func(f fakeFiles) { f["/dev/hidraw2"] = f["/dev/hidraw1"]; delete(f, "/dev/hidraw1") }, ""},
		{"no device", func(f fakeFiles) { f["/dev/hidraw1"].Mode = unix.S_IFREG | 0o666 }, ""},
		{"a disk", func(f fakeFiles) { f["/dev/hidraw1"].Mode = unix.S_IFBLK | 0o666 }, ""},
		{"a huge descriptor", func(f fakeFiles) {
			f[folder+"/report_descriptor"].content += strings.Repeat("\x09\x01", 40<<10)
		}, ""},
		{"a descriptor that is a FIFO", func(f fakeFiles) { f[folder+"/report_descriptor"].Mode = unix.S_IFIFO | 0o644 }, ""},
		{"a folder that is a file", func(f fakeFiles) { f[folder+"/hidraw/hidraw1"].Mode = unix.S_IFREG | 0o644 }, ""},
		{"a link in a circle", func(f fakeFiles) { f["/sys/dev/char/240:1"].content = "240:1" }, ""},
		{"a link that leads to all devices", func(f fakeFiles) { f["/sys/dev/char/240:1"].content = "/sys/devices" }, ""},
		{"a link out of /sys", func(f fakeFiles) {
			f.plant(t, "d /tmp/hidraw/hidraw1\nb /tmp/report_descriptor "+strings.ReplaceAll(fidoReports, " ", ""))
			f["/sys/dev/char/240:1"].content = "/tmp/hidraw/hidraw1"
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := fakeWorld(t, "", "")
			files := w.Files.(fakeFiles)
			usual(files)
			test.change(files)
			m, err := merge(t, manifests.Facts{}, nil, "devices.fido = true")
			if err != nil {
				t.Fatal(err)
			}
			s, err := compose.Compose(m, w, compose.Command{Argv: []string{"app"}, Fixed: 1})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, step := range s.Spec.Root {
				if bind, ok := step.(*sandbox.Bind); ok && bind.Devices {
					got += bind.Source
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
