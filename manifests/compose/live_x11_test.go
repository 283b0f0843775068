package compose_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"snug/tests/need"
)

// TestLiveX11 starts an X server that lets in only who has its cookie, and a terminal in it.
func TestLiveX11(t *testing.T) {
	for _, program := range []string{"/usr/bin/Xvfb", "/usr/bin/xterm"} {
		if _, err := os.Stat(program); err != nil {
			need.Missingf(t, "wanted %s, got: %v", program, err)
		}
	}
	if os.Geteuid() == 0 {
		need.Elsewhere(t, "wanted an ordinary user, got root: its xterm changes groups first, which no sandbox allows")
	}
	w := session(t)
	host, _ := os.Hostname()
	const number = "87"
	cookie := xauth(256, host, number, magic, "0123456789abcdef")
	put(t, w.Home+"/.Xauthority", string(cookie)+string(xauth(256, "other", "1", magic, "another's secret")))
	server := exec.Command("/usr/bin/Xvfb", ":"+number, "-screen", "0", "640x480x24", "-nolisten", "tcp", "-auth", w.Home+"/.Xauthority")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Signal(unix.SIGTERM)
	w.Env = append(w.Env, "DISPLAY=:"+number)
	for wait := time.Now().Add(10 * time.Second); !w.Answers("/tmp/.X11-unix/X" + number); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(wait) {
			need.Missing(t, "wanted an X server, got none in 10 s")
		}
	}
	put(t, w.Home+"/out/.keep", "")
	const script = `xterm -e sh -c 'echo in the terminal > ~/out/said'; cat ~/out/said; grep -c "another's" $XAUTHORITY; ls ~/.Xauthority`
	out := sh(t, w, "display.x11 = \"raw\"\naccept = [\"x11-raw\"]\nfiles.write = [\"~/out\"]", script)
	if want := "in the terminal\n0\nls: cannot access '" + w.Home + "/.Xauthority': No such file or directory\n"; !strings.HasSuffix(out, want) {
		t.Errorf("got  %q\nwant %q", out, want)
	}
	out = sh(t, w, "", `DISPLAY=:`+number+` xterm -e true 2>&1 | grep -c "open display"`)
	expect(t, out, "1\n")
	out = sh(t, w, "network.mode = \"user\"", `DISPLAY=:`+number+` xterm -e true 2>&1 | grep -c "open display"`)
	expect(t, out, "1\n")
}
