package tests

import (
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/tests/bed"
)

// What is left when any part of a sandbox is killed at any moment: nothing that runs, nothing
// mounted, no file that the next snug ps does not clean.

func TestKilledLeavesNothing(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 30
	}
	h := newHost(t)
	mounts := bed.Read(t, "/proc/self/mountinfo")
	groups := cgroups()
	random := rand.New(rand.NewPCG(1, 2))
	killed := map[string]int{}
	for range rounds {
		cmd := h.Command("snug", "run", "--read", filepath.Dir(h.program), "--", "sh", "-c", "sleep 1000 & sleep 1000 # "+h.Dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(12000)) * time.Microsecond) // the moment is the point
		killed[h.killOne(cmd.Process.Pid, random)]++
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Errorf("snug hangs 10 seconds after a part of it was killed: %v", killed)
			cmd.Process.Kill()
			<-done
		}
		bed.Poll(t, "every process of the sandbox has ended", 5*time.Second, func() bool { return len(h.Processes()) == 0 })
	}
	t.Logf("killed: %v", killed)
	if len(killed) < 3 {
		t.Errorf("want kills of snug, of the sandbox's first process and of the app, got %v", killed)
	}
	if out, err := h.Command("snug", "ps").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("snug ps: want nothing, got %v\n%s", err, out)
	}
	if list, _ := os.ReadDir(filepath.Join(h.Runtime, "snug")); len(list) > 0 {
		t.Errorf("left in XDG_RUNTIME_DIR after snug ps: %v", list)
	}
	if got := bed.Read(t, "/proc/self/mountinfo"); got != mounts {
		t.Errorf("mounts of the host have changed:\n%s", got)
	}
	added := cgroups()
	maps.DeleteFunc(added, func(path string, _ bool) bool { return groups[path] })
	bed.Poll(t, "no group is left that was not there before", 2*time.Minute, func() bool { // other tests make some beside
		maps.DeleteFunc(added, func(path string, _ bool) bool { return !bed.Exists(path) })
		return len(added) == 0
	})
}

// killOne kills snug, or one of those below it, and says which.
func (h *host) killOne(snugPid int, random *rand.Rand) string {
	children := func(pid int) []int {
		var list []int
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(pid) + "/children")
		tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
		for _, task := range tasks {
			more, _ := os.ReadFile(task)
			text = append(append(text, ' '), more...)
		}
		for w := range strings.FieldsSeq(string(text)) {
			n, _ := strconv.Atoi(w)
			list = append(list, n)
		}
		return list
	}
	target, who := snugPid, "snug"
	names := []string{"the first process", "the app", "the app's child"}
	for depth := random.IntN(4); depth > 0; depth-- {
		below := children(target)
		if len(below) == 0 {
			break
		}
		target, who = below[random.IntN(len(below))], names[0]
		names = names[1:]
	}
	syscall.Kill(target, syscall.SIGKILL)
	if who == "the app's child" { // its shell goes on: so end that too
		syscall.Kill(snugPid, syscall.SIGTERM)
		time.Sleep(20 * time.Millisecond)
		syscall.Kill(snugPid, syscall.SIGKILL)
	}
	return who
}

// cgroups gives the groups that there are.
func cgroups() map[string]bool {
	all := map[string]bool{}
	filepath.WalkDir("/sys/fs/cgroup", func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() && strings.Contains(path, "snug") {
			all[path] = true
		}
		return nil
	})
	return all
}

// A detached supervisor that is killed takes its sandbox along, and its file is cleaned up by who
// sees it.
func TestKilledSupervisor(t *testing.T) {
	h := newHost(t)
	h.Must("snug", "run", "--detach", "--name", "box", "--", "sleep", "1000")
	record := bed.Read(t, filepath.Join(h.Runtime, "snug", "box"))
	_, rest, _ := strings.Cut(record, "supervisor \"")
	number, _, _ := strings.Cut(rest, `"`)
	supervisor, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("want the supervisor's pid in the record, got %q", record)
	}
	_, rest, _ = strings.Cut(record, "process \"")
	number, _, _ = strings.Cut(rest, " ")
	first, err := strconv.Atoi(number)
	if err != nil || unix.Kill(first, 0) != nil {
		t.Fatalf("control: want the sandbox's first process alive, got %q, %v", number, err)
	}
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	bed.Poll(t, "the sandbox ends with its supervisor", 5*time.Second, func() bool { return unix.Kill(first, 0) == unix.ESRCH })
	if out, err := h.Command("snug", "ps").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("want nothing in snug ps, got %v\n%s", err, out)
	}
	if bed.Exists(filepath.Join(h.Runtime, "snug", "box")) {
		t.Error("the stale file is still there after snug ps")
	}
}

// 200 starts at once all succeed, within a bound, and under names of their own.
func TestManyAtOnce(t *testing.T) {
	const many = 200
	h := newHost(t)
	start := time.Now()
	var wait sync.WaitGroup
	failures := make(chan string, many)
	for i := range many {
		wait.Go(func() {
			out, err := h.Command("snug", "run", "--", "echo", strconv.Itoa(i)).CombinedOutput()
			if err != nil || string(out) != strconv.Itoa(i)+"\n" {
				failures <- string(out) + " " + errorText(err)
			}
		})
	}
	wait.Wait()
	close(failures)
	for f := range failures {
		t.Error(f)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("%d starts took %v, want 30 s at the most", many, took)
	} else {
		t.Logf("%d starts in %v", many, took)
	}
	if list, _ := os.ReadDir(filepath.Join(h.Runtime, "snug")); len(list) > 0 {
		t.Errorf("left in XDG_RUNTIME_DIR: %d files", len(list))
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A descriptor that leaks into snug does not reach the app (CVE-2024-21626), neither as such nor
// as a working directory; and standard descriptors that are closed become /dev/null.
func TestLeakedDescriptors(t *testing.T) {
	h := newHost(t)
	leak, err := os.Open(h.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer leak.Close()
	cmd := h.Command("snug", "run", "--", "sh", "-c", "ls /proc/self/fd; ls /proc/self/fd/5/ 2>&1; cat <&5")
	cmd.ExtraFiles = []*os.File{leak, leak, leak}
	out, _ := cmd.CombinedOutput()
	if strings.Contains(string(out), "tool") || !strings.Contains(string(out), "0\n1\n2\n3\n") {
		t.Errorf("want 0, 1, 2 and that of ls, got:\n%s", out)
	}
	control := exec.Command("sh", "-c", "ls /proc/self/fd/5/")
	control.ExtraFiles = cmd.ExtraFiles
	if out, _ := control.CombinedOutput(); !strings.Contains(string(out), "tool") {
		t.Errorf("control: want the folder outside, got %s", out)
	}
	shared := filepath.Join(h.Dir, "shared")
	if err := os.Mkdir(shared, 0o700); err != nil {
		t.Fatal(err)
	}
	closed := h.Command("sh", "-c", "exec <&- >&- 2>"+filepath.Join(h.Dir, "err")+"; exec "+bed.Built(t, "snug")+" run --write "+shared+" -- sh -c 'ls -l /proc/self/fd >"+shared+"/fds'")
	if err := closed.Run(); err != nil {
		t.Errorf("with 0 and 1 closed: %v, %s", err, bed.Read(t, filepath.Join(h.Dir, "err")))
	}
	if got := bed.Read(t, filepath.Join(shared, "fds")); strings.Count(got, "->") < 3 {
		t.Errorf("with 0 and 1 closed: want 0, 1 and 2 open inside, got\n%s", got)
	}
}
