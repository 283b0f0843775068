package sandbox

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
)

// Where the helpers that may map subordinate ids are looked for. Never by PATH: they are
// set-user-ID, and what is found there would act for us.
var helperFolders = [...]string{"/usr/bin/", "/bin/", "/usr/local/bin/", "/run/wrappers/bin/"}

// writeMaps gives the child its id ranges: by itself if the caller may, else by newuidmap(1) and
// newgidmap(1), which check /etc/subuid and /etc/subgid.
func (p *Program) writeMaps(pid int) error {
	if !p.maps {
		return nil
	}
	u := &p.spec.Users
	for _, m := range []struct {
		helper, file string
		ranges       []IDRange
	}{{"newuidmap", "uid_map", u.UIDs}, {"newgidmap", "gid_map", u.GIDs}} {
		if p.host.UID == 0 && os.WriteFile("/proc/"+strconv.Itoa(pid)+"/"+m.file, mapText(m.ranges), 0) == nil {
			continue
		}
		if err := runHelper(m.helper, pid, m.ranges, u.Origin); err != nil {
			return err
		}
	}
	return nil
}

func mapText(ranges []IDRange) []byte {
	var b []byte
	for _, r := range ranges {
		for i, n := range []uint32{r.Inside, r.Outside, r.Count} {
			b = append(strconv.AppendUint(b, uint64(n), 10), " \n"[i/2])
		}
	}
	return b
}

func runHelper(name string, pid int, ranges []IDRange, origin Origin) error {
	path := ""
	for _, folder := range helperFolders {
		if _, err := os.Stat(folder + name); err == nil {
			path = folder + name
			break
		}
	}
	if path == "" {
		return &Error{What: "set the user map: " + name + " is not installed", Origin: origin,
			Hint: "install the package uidmap (shadow-utils on some systems)"}
	}
	args := []string{strconv.Itoa(pid)}
	for _, r := range ranges {
		for _, n := range []uint32{r.Inside, r.Outside, r.Count} {
			args = append(args, strconv.FormatUint(uint64(n), 10))
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		what := "set the user map: " + name + ": " + err.Error()
		if line, _, _ := bytes.Cut(out, []byte("\n")); len(line) > 0 {
			what = "set the user map: " + string(bytes.TrimPrefix(line, []byte(name+": ")))
		}
		return &Error{What: what, Origin: origin, Err: err, Hint: "the ranges must be yours in /etc/subuid and /etc/subgid; run: snug doctor"}
	}
	return nil
}
