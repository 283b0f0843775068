package caps

import "errors"

// Sets holds the five capability sets of a thread (capabilities(7)). The zero
// value is the strictest: nothing held, nothing to be gained by an execve.
type Sets struct {
	// Bounding limits what an execve may add (prctl PR_CAPBSET_DROP, Linux 2.6.25).
	Bounding Set
	// Permitted is what the thread may make effective.
	Permitted Set
	// Effective is what the kernel checks.
	Effective Set
	// Inheritable is kept across execve and joins a file's own inheritable set.
	Inheritable Set
	// Ambient is kept across the execve of an ordinary program (Linux 4.3).
	Ambient Set
}

// Validate reports the first rule of the kernel that s breaks, with the
// capabilities that break it, or nil. The rules are those of a thread that
// drops its bounding set first and has nothing inheritable before, as a
// launcher does it:
//
//   - effective within permitted (capset(2): EPERM);
//   - inheritable within bounding (capset(2), since Linux 2.6.25: EPERM);
//   - ambient within permitted and within inheritable (PR_CAP_AMBIENT_RAISE: EPERM).
//
// Permitted may exceed bounding: the kernel allows it, and an execve ends it.
func (s Sets) Validate() error {
	rules := [...]struct {
		inner, outer string
		extra        Set
	}{
		{"effective", "permitted", s.Effective &^ s.Permitted},
		{"inheritable", "bounding", s.Inheritable &^ s.Bounding},
		{"ambient", "permitted", s.Ambient &^ s.Permitted},
		{"ambient", "inheritable", s.Ambient &^ s.Inheritable},
	}
	for _, r := range rules {
		if r.extra != 0 {
			return errors.New(r.inner + " capabilities \"" + r.extra.String() +
				"\": not in the " + r.outer + " set, which the kernel demands")
		}
	}
	return nil
}
