package bed

import (
	"bytes"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"snug/tests/need"
)

// Sway starts a Wayland compositor that draws into memory.
func (b *Bed) Sway() {
	b.Helper()
	b.SwayBy("sway")
}

// SwayBy is Sway for another one than the machine's, by the words that start it.
func (b *Bed) SwayBy(words ...string) {
	b.Helper()
	for _, p := range []string{"swaymsg", "grim"} {
		need.Program(b, p)
	}
	config, up := b.Dir+"/sway.conf", b.Dir+"/up"
	Write(b, config, "output HEADLESS-1 resolution 1024x768\nxwayland disable\n"+
		"exec sh -c 'echo $WAYLAND_DISPLAY $SWAYSOCK >"+up+".new && mv "+up+".new "+up+"'\n")
	sway := b.Command(append(slices.Clip(words), "-c", config)...)
	sway.Env = append(sway.Env, "WLR_BACKENDS=headless", "WLR_LIBINPUT_NO_DEVICES=1", "WLR_RENDERER=pixman")
	b.Launch(sway)
	b.Poll("the compositor is up", func() bool { return Exists(up) })
	names := strings.Fields(Read(b, up))
	b.Env = append(b.Env, "WAYLAND_DISPLAY="+names[0], "SWAYSOCK="+names[1])
}

// Xvfb starts an X server that draws into memory. It chooses the display's number itself.
func (b *Bed) Xvfb() {
	b.Helper()
	for _, p := range []string{"Xvfb", "xdotool", "xwd", "convert"} {
		need.Program(b, p)
	}
	number := b.Dir + "/display"
	b.Start("sh", "-c", "exec Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp -noreset 3>"+number)
	b.Poll("the X server is up", func() bool { return strings.HasSuffix(Read(b, number), "\n") })
	b.Env = append(b.Env, "DISPLAY=:"+strings.TrimSpace(Read(b, number)))
	b.x11 = true
}

// Window is one of the screen's. Of an X server's no more is told than the name.
type Window struct {
	Name    string
	App     string `json:"app_id"`
	PID     int
	Focused bool
}

// Called reports whether a word is part of the window's title, or of its application's id.
func (w Window) Called(word string) bool {
	return strings.Contains(w.Name, word) || strings.Contains(w.App, word)
}

// Windows are all that the screen has.
func (b *Bed) Windows() (list []Window) {
	b.Helper()
	if b.x11 {
		for name := range strings.Lines(b.Outside("xdotool", "search", "--name", "", "getwindowname", "%@")) {
			list = append(list, Window{Name: name})
		}
		return list
	}
	type node struct {
		Window
		Nodes  []node
		Floats []node `json:"floating_nodes"`
	}
	var root node
	text := b.Outside("swaymsg", "-r", "-t", "get_tree")
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		b.Fatalf("the compositor is gone: %v: %s", err, text)
	}
	for nodes := []node{root}; len(nodes) > 0; nodes = nodes[1:] {
		if nodes[0].PID != 0 {
			list = append(list, nodes[0].Window)
		}
		nodes = append(append(nodes, nodes[0].Nodes...), nodes[0].Floats...)
	}
	return list
}

// Await waits for a window, and tells which there were if it does not come.
func (b *Bed) Await(what string, is func(Window) bool) {
	b.Helper()
	var all []Window
	defer func() {
		if b.Failed() {
			b.Logf("windows, waiting for %s: %+v", what, all)
		}
	}()
	b.Poll("there is "+what, func() bool {
		all = b.Windows()
		return slices.ContainsFunc(all, is)
	})
}

// Screenshot takes a picture, a PNG, and keeps it below $ARTIFACTS if that is set.
func (b *Bed) Screenshot(name string) []byte {
	b.Helper()
	dir := os.Getenv("ARTIFACTS")
	if dir == "" {
		dir = b.Dir
	}
	file := filepath.Join(dir, strings.ReplaceAll(b.Name(), "/", "-")+"-"+name+".png")
	shoot := []string{"grim", file}
	if b.x11 {
		shoot = []string{"sh", "-c", "xwd -root -silent | convert xwd:- " + file}
	}
	b.Must(shoot...)
	return []byte(Read(b, file))
}

// Share is how many parts in a hundred of the screen have a colour.
func (b *Bed) Share(is func(red, green, blue uint32) bool) int {
	b.Helper()
	screen, err := png.Decode(bytes.NewReader(b.Screenshot("screen")))
	if err != nil {
		b.Fatal(err)
	}
	count, area := 0, screen.Bounds()
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if red, green, blue, _ := screen.At(x, y).RGBA(); is(red, green, blue) {
				count++
			}
		}
	}
	return 100 * count / (area.Dx() * area.Dy())
}

// Drawn waits until two pictures in a row are alike and not like the one before: a window has come and
// drawn what it had to.
func (b *Bed) Drawn(name string, before []byte) []byte {
	b.Helper()
	var last []byte
	b.Poll("the screen shows something new", func() bool {
		now := b.Screenshot(name)
		done := !bytes.Equal(now, before) && bytes.Equal(now, last)
		if last = now; !done {
			time.Sleep(200 * time.Millisecond) // between two pictures that are compared
		}
		return done
	})
	return last
}

// Keys types. A fresh wtype loses what comes before its keyboard is there, hence the pause and a key
// that means nothing; and GTK 3 finds no binding for the last key of a keymap, which wtype makes of
// what it types, hence another.
func (b *Bed) Keys(words ...string) {
	b.Helper()
	line := append([]string{"wtype", "-s", "100", "-k", "F19", "-s", "20"}, words...)
	if out := b.Outside(append(line, "-k", "F20")...); out != "" {
		b.Fatalf("keys %q: %s", words, out)
	}
}

// Enter enters something until a file has a word of it. A program that has just come may lose the
// first keys, so it is done again.
func (b *Bed) Enter(file, word string, enter func()) {
	b.Helper()
	has := func() bool { return strings.Contains(Read(b, file), word) }
	for end := time.Now().Add(time.Minute); !has(); {
		if time.Now().After(end) {
			b.Screenshot("failed")
			b.Fatalf("want %q in %s, got %q", word, file, Read(b, file))
		}
		enter()
		for wait := time.Now().Add(3 * time.Second); !has() && time.Now().Before(wait); {
			time.Sleep(20 * time.Millisecond)
		}
	}
}
