package pulse

import (
	"errors"
	"strings"
)

// Policy is what an app may do with sound. The zero value lets it look at the devices that play.
type Policy struct {
	// Play lets it play, and control what it plays.
	Play bool
	// Record is for microphones: "off" or "", "ask" a person when it wants to, or "allow".
	Record string
	// System lets it record what others play, which is what monitors of devices give.
	System bool
	// Mixer lets it change volumes, profiles and defaults of devices, for everybody.
	Mixer bool
	// App is who it is for the server, as application.id and application.name; "" is a neutral name.
	App string
}

// maxApp bounds a name.
const maxApp = 255

// Check tells what in the policy makes no sense.
func (p Policy) Check() error {
	switch p.Record {
	case "", "off", "ask", "allow":
	default:
		return errors.New("record is not off, ask or allow")
	}
	if len(p.App) > maxApp || strings.ContainsFunc(p.App, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errors.New("the name of the app is too long or not plain")
	}
	return nil
}

// Grants, as a manifest has them, for the log.
const (
	grantPlay   = "sound.play=true"
	grantRecord = "sound.record=ask"
	grantSystem = "sound.system=true"
	grantMixer  = "sound.mixer=true"
)

// need is what a command takes.
type need byte

const (
	free      need = iota
	never          // no policy allows it
	playing        // Play
	recording      // Record or System
	mixing         // Mixer
)

// grants reports whether the policy has what a command needs.
func (p Policy) grants(n need) bool {
	switch n {
	case playing:
		return p.Play
	case recording:
		return p.microphone() || p.System
	case mixing:
		return p.Mixer
	}
	return n == free
}

// microphone reports whether it may record from microphones, or ask to.
func (p Policy) microphone() bool { return p.Record == "allow" || p.Record == "ask" }

// grant says what would allow what was refused, or "".
func (n need) grant() string { return [...]string{"", "", grantPlay, grantRecord, grantMixer}[n] }
