package program

// started is filled by snug_entry before the Go runtime starts, if the program was linked with
// -ldflags='-E snug_entry'; else it is zero. See entry_amd64.s for its layout.
var started [68]uint64

// StartState is what a program inherits and the Go runtime changes before main: it catches
// nearly all signals, and raises the soft limit of open files to the hard one.
type StartState struct {
	Ignored, Blocked uint64    // bit n-1 for signal n
	Files            [2]uint64 // soft and hard RLIMIT_NOFILE
}

// Started gives the state in which the kernel started this program, and whether it is known.
func Started() (StartState, bool) {
	s := StartState{Blocked: started[64], Files: [2]uint64{started[65], started[66]}}
	for i, handler := range started[:64] {
		if handler == 1 { // SIG_IGN
			s.Ignored |= 1 << i
		}
	}
	return s, started[67] == 1
}
