package units

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Unit is a service of a person's.
type Unit struct {
	Name    string   // of what runs, of letters, digits and . - _
	What    string   // "system" or "app", for people
	Command []string // an absolute path first
	Restart string   // a word of Restarts, or "" for no
	System  bool     // the command tells the manager when it is up, and has control groups of its own
	Window  bool     // it needs the graphical session
}

// Restarts are the words that say when a service is started again (systemd.service(5), "Restart=").
func Restarts() []string {
	return []string{"no", "always", "on-success", "on-failure", "on-abnormal", "on-abort"}
}

// File is the name of the unit's file, by which the manager calls it.
func (u *Unit) File() string { return "snug-" + u.Name + ".service" }

// mark begins what Install may write over.
const mark = "# Written by snug unit, which writes it anew: changes belong into a drop-in (systemctl --user edit).\n"

// seconds that a start and a stop may take: a system gives each of its services 90 to stop.
const (
	startSeconds = 300
	stopSeconds  = 100
)

// Text is the unit's file.
func (u *Unit) Text() (string, error) {
	command, err := commandLine(u.Command)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	line := func(key string, value any) { fmt.Fprintf(&b, "%s=%v\n", key, value) }
	b.WriteString(mark + "[Unit]\n")
	line("Description", u.What+" "+u.Name+" in a sandbox")
	if u.Window {
		line("PartOf", "graphical-session.target")
		line("After", "graphical-session.target")
	}
	b.WriteString("\n[Service]\n")
	if u.System {
		line("Type", "notify")
		line("Delegate", "yes")
		line("TimeoutStartSec", startSeconds)
		line("TimeoutStopSec", stopSeconds)
	} else {
		line("Type", "exec")
		line("SuccessExitStatus", "143") // as snug says that SIGTERM ended the app
	}
	line("ExecStart", command)
	line("KillMode", "mixed") // snug alone is asked to stop: it knows in which order
	line("SyslogIdentifier", u.Name)
	restart := u.Restart
	if restart == "" {
		restart = "no"
	}
	line("Restart", restart)
	b.WriteString("\n[Install]\n")
	if u.Window {
		line("WantedBy", "graphical-session.target")
	} else {
		line("WantedBy", "default.target")
	}
	return b.String(), nil
}

// commandLine spells words for ExecStart=. The first is a path, of which systemd takes no variables.
func commandLine(words []string) (string, error) {
	for _, c := range words[0] {
		if c == utf8.RuneError || c < ' ' || c == 0x7f {
			return "", fmt.Errorf("a service manager starts no program with such a name: %q", words[0])
		}
	}
	quoted := []string{escape(words[0], strings.NewReplacer("%", "%%"))}
	for _, word := range words[1:] {
		if strings.IndexByte(word, 0) >= 0 {
			return "", fmt.Errorf("no word of a command has a NUL byte: %q", word)
		}
		quoted = append(quoted, escape(word, strings.NewReplacer("%", "%%", "$", "$$")))
	}
	return strings.Join(quoted, " "), nil
}

// escape quotes a word (systemd.syntax(7), "Quoting"), unless it is plain. What a replacer doubles is
// expanded by systemd after it has taken the quotes away.
func escape(word string, double *strings.Replacer) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	var b strings.Builder
	b.WriteByte('"')
	word = double.Replace(word)
	for i := 0; i < len(word); {
		c, size := utf8.DecodeRuneInString(word[i:])
		switch {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || c == 0x7f || c == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, word[i])
		default:
			b.WriteString(word[i : i+size])
		}
		i += size
	}
	b.WriteByte('"')
	return b.String()
}
