package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// flatpak compares the two at what Flatpak asks for: the words of one "flatpak run" of this machine,
// with the descriptors that they name, are kept and given to both again and again.
func (b *bench) flatpak() error {
	for _, name := range []string{"flatpak", "busybox"} {
		if _, err := exec.LookPath(name); err != nil {
			fmt.Println("flatpak run: not measured:", err)
			return nil
		}
	}
	dir := filepath.Join(b.dir, "kept")
	if err := b.keep(dir); err != nil {
		return err
	}
	list, err := os.ReadFile(dir + "/args")
	if err != nil {
		return err
	}
	words := strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00")
	named := descriptors(words)
	args := slices.Max(named) + 1
	b.files = func() ([]*os.File, error) { return reopen(dir, named, args) }
	defer func() { b.files = nil }()
	line := []string{"--args", strconv.Itoa(args), "--", "true"}
	a, z, err := b.compare(b.pairs, append([]string{b.snugBwrap}, line...), append([]string{b.bwrap}, line...))
	if err != nil {
		return err
	}
	b.ratio("snug-bwrap, flatpak run, "+strconv.Itoa(len(words))+" words", a, z, 0)
	return nil
}

// keep lets Flatpak run an app, with a script in the place of bubblewrap that copies its words and
// what is behind its descriptors before it goes on.
func (b *bench) keep(dir string) error {
	script := b.dir + "/keep.sh"
	err := os.WriteFile(script, []byte(`#!/bin/sh
for word; do [ "$last" != --args ] || list=$word; last=$word; done
mkdir "`+dir+`" && cd "`+dir+`" && cp /proc/self/fd/$list args
for f in /proc/$$/fd/*; do
	if [ -d $f ]; then readlink $f >folder.${f##*/}; elif [ -f $f ]; then cp /proc/self/fd/${f##*/} file.${f##*/}; fi
done
exec `+b.bwrap+` "$@"
`), 0o700)
	if err != nil {
		return err
	}
	source, err := filepath.Abs("tests/flatpak.sh")
	if err != nil {
		return err
	}
	for _, c := range []struct {
		program string
		words   []string
	}{
		{b.bwrap, []string{"/bin/sh", source, "runtime"}},
		{b.bwrap, []string{"/bin/sh", source, "app"}},
		{script, []string{"flatpak", "run", "--user", "--filesystem=home", "--share=network", "org.example.App"}},
	} {
		cmd := b.command(c.words)
		cmd.Dir = b.dir
		cmd.Env = append(cmd.Env, "FLATPAK_SYSTEM_HELPER_ON_SESSION=1", "FLATPAK_BWRAP="+c.program)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(c.words, " "), err, out)
		}
	}
	return nil
}

// descriptors are the numbers that the words name.
func descriptors(words []string) (list []int) {
	for i, w := range words[:len(words)-1] {
		switch w {
		case "--ro-bind-fd", "--bind-fd", "--file", "--ro-bind-data", "--bind-data", "--seccomp", "--info-fd":
			if n, err := strconv.Atoi(words[i+1]); err == nil {
				list = append(list, n)
			}
		}
	}
	return list
}

// reopen opens what was kept of descriptors, each under its number, and the list of words as args.
func reopen(dir string, named []int, args int) ([]*os.File, error) {
	files := make([]*os.File, args-2)
	open := func(n int, path string, flags int) (err error) {
		files[n-3], err = os.OpenFile(path, flags, 0)
		return err
	}
	err := open(args, dir+"/args", os.O_RDONLY)
	for _, n := range named {
		path, flags := dir+"/file."+strconv.Itoa(n), os.O_RDWR
		if folder, e := os.ReadFile(dir + "/folder." + strconv.Itoa(n)); e == nil {
			path, flags = strings.TrimSuffix(string(folder), "\n"), unix.O_PATH
		}
		if err == nil {
			err = open(n, path, flags)
		}
	}
	if err != nil {
		closeAll(files)
		return nil, err
	}
	return files, nil
}
