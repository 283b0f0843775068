package tests_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// madeUp gives an ordinary user a machine with a security key and a keyboard, in a mount namespace of its
// own: the key's node is /dev/zero by its number, the keyboard's /dev/null, and /sys and udev say what
// they are. The node of the USB device of both is /dev/full.
const madeUp = `set -eu
mount -t tmpfs tmpfs /mnt
mkdir -p /mnt/bus/usb/001
for d in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 hidraw0:1:3 hidraw1:1:5 bus/usb/001/002:1:7; do
	IFS=: read -r name major minor <<-end
	$d
	end
	mknod -m 0666 "/mnt/$name" c "$major" "$minor"
done
mkdir /mnt/pts /mnt/shm
mount --bind /dev/pts /mnt/pts
ln -s /proc/self/fd /mnt/fd
mount --move /mnt /dev
mount -t tmpfs tmpfs /sys/devices
mount -t tmpfs tmpfs /sys/dev
mkdir -p /sys/dev/char /run/udev
mount -t tmpfs tmpfs /run/udev
mkdir -p /run/udev/data
usb=/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2
key=$usb/1-2:1.1/0003:1050:0407.0002
board=$usb/1-2:1.0/0003:1050:0407.0001
mkdir -p "$key/hidraw/hidraw1" "$board/hidraw/hidraw0"
printf '\006\320\361\011\001\241\001\300' >"$key/report_descriptor"
printf '\005\001\011\006\241\001\300' >"$board/report_descriptor"
echo 1050 >"$usb/idVendor"
echo 0407 >"$usb/idProduct"
echo 00 >"$usb/bDeviceClass"
ln -s "$key/hidraw/hidraw1" /sys/dev/char/1:5
ln -s "$board/hidraw/hidraw0" /sys/dev/char/1:3
ln -s "$usb" /sys/dev/char/1:7
echo E:ID_FIDO_TOKEN=1 >/run/udev/data/c1:5
exec setpriv --reuid 65534 --regid 65534 --clear-groups env -i PATH="$PATH" HOME="$1" sh -c 'cd; exec "$@"' sh "$2" run "$3" -- sh -c "$4"
`

// TestRootDevices: an app gets the node of the security key, which works, what /sys and udev know of it,
// and nothing of the keyboard beside it.
func TestRootDevices(t *testing.T) {
	if os.Getuid() != 0 {
		need.Elsewhere(t, "wanted root, to make device nodes; got an ordinary user")
	}
	need.Program(t, "setpriv")
	home := t.TempDir()
	for dir := home; dir != "/tmp"; dir = dir[:strings.LastIndexByte(dir, '/')] {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(home, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	const look = `cd /dev; find . -name 'hidraw*' -o -path './bus/*' ! -type d | sort; for n in hidraw1 bus/usb/001/002; do head -c 2 $n 2>/dev/null | od -An -tx1; done
cd /sys 2>/dev/null || exit 0; find . -type l -o -name idVendor -o -name report_descriptor | sort; ls /run/udev/data 2>/dev/null
for f in $(find . -name idVendor -o -name report_descriptor); do echo x 2>/dev/null >$f && echo changed; done; true`
	const device = "./devices/pci0000:00/0000:00:14.0/usb1/1-2"
	for _, test := range []struct{ flag, want string }{
		{"--gpu=false", ""},
		{"--devices-fido", `./hidraw1
 00 00
./class/hidraw/hidraw1
./dev/char/1:5
` + device + `/1-2:1.1/0003:1050:0407.0002/report_descriptor
c1:5
`},
		{"--devices-usb=1050:0407", `./bus/usb/001/002
 00 00
./bus/usb/devices/1-2
./dev/char/1:7
` + device + `/1-2:1.0/0003:1050:0407.0001/report_descriptor
` + device + `/1-2:1.1/0003:1050:0407.0002/report_descriptor
` + device + `/idVendor
`},
		{"--devices-usb=1050:0408", `snug: warning: devices.usb = "1050:0408": no such device is plugged in (--devices-usb, argument 1)
hint: plug it in and start the app again
`},
	} {
		cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", madeUp, "sh", home, bed.Built(t, "snug"), test.flag, look)
		out, err := cmd.CombinedOutput()
		if string(out) != test.want || err != nil {
			t.Errorf("%s: %v, got\n%s", test.flag, err, out)
		}
	}
}
