package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// images times imports, and boots of images that have booted before. The folder holds large.tar, the same as the
// layout oci:large, small.tar and huge.tar.
func images(user, snug, rounds, dir string) error {
	n, err := strconv.Atoi(rounds)
	if err != nil || n < 1 {
		return errors.New("rounds: a number above 0")
	}
	b := &imageBench{user: user, dir: dir, root: dir + "/root", image: filepath.Dir(snug) + "/snug-image", snug: snug}
	defer b.unmount()
	if err := b.imports(n); err != nil {
		return err
	}
	return b.again(n)
}

// imageBench measures on a file system of its own, made anew before each measurement: a sync waits for what others
// have written to the same one, and ext4 passes over each inode that was freed in the last minutes.
type imageBench struct {
	user, image, snug string
	dir, root         string
	device            string // that is mounted on root
}

// fresh makes the file system anew.
func (b *imageBench) fresh() error {
	b.unmount()
	disk := b.dir + "/disk"
	if err := quiet("mkfs.ext4", "-q", "-F", "-N", "262144", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", disk); err != nil {
		return err
	}
	device, err := exec.Command("losetup", "--find", "--show", "--direct-io=on", disk).Output()
	if err != nil {
		return err
	}
	b.device = strings.TrimSpace(string(device))
	for _, words := range [][]string{{"mount", b.device, b.root}, {"install", "-d", "-o", b.user, b.root + "/own"}, {"sync"}} {
		if err := quiet(words...); err != nil {
			return err
		}
	}
	return nil
}

func (b *imageBench) unmount() {
	if b.device != "" {
		quiet("umount", b.root)
		quiet("losetup", "--detach", b.device)
		b.device = ""
	}
}

func quiet(words ...string) error {
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(words, " "), err, out)
	}
	return nil
}

// as is a command of the user's, whose home is on the file system that is measured.
func (b *imageBench) as(words ...string) []string {
	return append([]string{"runuser", "-u", b.user, "--", "env", "-i", "HOME=" + b.root + "/own", "USER=" + b.user, "PATH=/usr/bin:/bin:/usr/sbin",
		"XDG_RUNTIME_DIR=" + os.Getenv("XDG_RUNTIME_DIR"), "NOTIFY_SOCKET=" + b.dir + "/notify"}, words...)
}

// imports compares imports with what unpacks the same in a user namespace.
func (b *imageBench) imports(rounds int) error {
	inside := func(script string) []string {
		return b.as("unshare", "--user", "--map-auto", "--map-root-user", "sh", "-ec", script, "sh", b.root+"/own/tree", b.dir)
	}
	const unpack = `mkdir "$1"; tar -C "$1" -xpf "$2/large.tar" --numeric-owner --exclude="./dev/*"`
	for _, pair := range []struct {
		other []string // the name and the words
		ours  string
		want  float64
	}{
		{append([]string{"tar -x"}, inside(unpack)...), b.dir + "/large.tar", 1.15},
		{append([]string{"tar -x, and sync, as snug does"}, inside(unpack+`; sync -f "$1"`)...), b.dir + "/large.tar", 0},
		{append([]string{"umoci unpack"}, inside(`umoci unpack --image "$2/large:base" "$1"`)...), "oci:" + b.dir + "/large:base", 0.6},
	} {
		ways := []way{{name: pair.other[0], words: pair.other[1:]}, {name: "  snug image import of the same", words: b.as(b.image, "import", pair.ours, "large")}}
		for i := range 2 * rounds {
			w := &ways[(i+i/2)%2] // who begins alternates
			if err := b.fresh(); err != nil {
				return err
			}
			began := time.Now()
			if err := quiet(w.words...); err != nil {
				return err
			}
			w.took = append(w.took, time.Since(began))
		}
		b.print(ways, pair.want)
	}
	return nil
}

// print prints a comparison with the first of two.
func (b *imageBench) print(ways []way, want float64) {
	fmt.Println(ways[0].line(&ways[0]))
	line := ways[1].line(&ways[0])
	if want > 0 {
		line += fmt.Sprintf("   want <= %.2f", want)
	}
	fmt.Println(line)
}

// again boots a small and a large image, which have booted before: nothing of them is copied.
func (b *imageBench) again(rounds int) error {
	if err := b.fresh(); err != nil {
		return err
	}
	var ways []way
	for _, name := range []string{"small", "huge"} {
		st, err := os.Stat(b.dir + "/" + name + ".tar")
		if err != nil {
			return err
		}
		if err := quiet(b.as(b.image, "import", b.dir+"/"+name+".tar", name)...); err != nil {
			return err
		}
		ways = append(ways, way{name: fmt.Sprintf("second boot of an image of %d MB", st.Size()/1e6), words: b.as(b.snug, "boot", "--name", name, name)})
	}
	for i := range 2*rounds + 2 {
		w := &ways[(i+i/2)%2]
		took, err := w.boot(b.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if i >= 2 { // the first boot makes what is kept
			w.took = append(w.took, took)
		}
	}
	b.print(ways, 1.1)
	return nil
}
