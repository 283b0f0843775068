package tests

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"snug/tests/bed"
)

// The scripts are what a person does and sees, a story for each verb. In each, HOME is $WORK/home
// and XDG_RUNTIME_DIR is $WORK/run. Beside the commands of testscript there are
//
//	status N COMMAND...    run it; the exit status must be N
//	poll COMMAND...        run it until it succeeds, for 10 seconds at most
//	fits FILE              the file fits a terminal of 24 lines and 80 columns
func TestScripts(t *testing.T) {
	bin := filepath.Dir(bed.Built(t, "snug"))
	testscript.Run(t, testscript.Params{
		Dir:                "script",
		WorkdirRoot:        bed.Folder(t),
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			for _, dir := range []string{"home", "run"} {
				if err := os.Mkdir(filepath.Join(e.WorkDir, dir), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
					return err
				}
			}
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("XDG_RUNTIME_DIR", filepath.Join(e.WorkDir, "run"))
			e.Setenv("PATH", bin+":/usr/local/bin:/usr/bin:/bin")
			e.Setenv("LANG", "C.UTF-8")
			e.Setenv("UID", strconv.Itoa(os.Getuid()))
			e.Setenv("SNUG", bin)
			return os.Chmod(filepath.Join(e.WorkDir, "run"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": cmdStatus, "poll": cmdPoll, "fits": cmdFits,
		},
	})
}

func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: status N COMMAND...")
	}
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("status: want %d, got %d", want, got)
	}
}

func cmdPoll(ts *testscript.TestScript, neg bool, args []string) {
	end := time.Now().Add(10 * time.Second)
	for {
		err := ts.Exec(args[0], args[1:]...)
		if (err == nil) != neg {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("not after 10 seconds: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func cmdFits(ts *testscript.TestScript, neg bool, args []string) {
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"), "\n")
	if len(lines) > 24 {
		ts.Fatalf("%d lines, at most 24", len(lines))
	}
	for _, l := range lines {
		if n := len([]rune(l)); n > 80 {
			ts.Fatalf("%d columns, at most 80: %s", n, l)
		}
	}
}
