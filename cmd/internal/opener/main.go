package opener

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"snug/cmd/internal/portal"
)

// dialect is the version of xdg-utils whose command lines these are.
const dialect = "1.1.3"

// patience is how long a person may look at a dialog before we go away, and it with us.
const patience = 10 * time.Minute

// Exit statuses of xdg-open(1) and xdg-email(1). Those of gio(1) are 1 for a wrong command line and 2
// for whatever else went wrong.
const (
	exitLine    = 1 // the command line is wrong
	exitMissing = 2 // a file does not exist
	exitTool    = 3 // there is no portal to ask
	exitFailed  = 4 // the portal, or the person, did not do it
)

// Usages are kept as files, as they are printed.
var (
	//go:embed xdg-open.txt
	usageOpen string
	//go:embed xdg-email.txt
	usageEmail string
	//go:embed gio.txt
	usageGio string
	//go:embed snug-open.txt
	usageSelf string
)

// program is one of the names, and what it has to work with.
type program struct {
	name     string
	version  string // of snug
	desktop  portal.Desktop
	out, err io.Writer
}

// Main does what a program with these words does, the first of which is its name, and gives its exit
// status. version is that of snug. The environment says where the bus is.
func Main(words []string, version string, out, errs io.Writer) int {
	p := &program{name: "snug-open", version: version, desktop: session(), out: out, err: errs}
	if len(words) > 0 {
		if verb := verbs(path.Base(words[0])); verb != nil {
			p.name = path.Base(words[0])
			return verb(p, words[1:])
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return p.wrongLine("nothing to do: name one of xdg-open, xdg-email and gio")
	}
	verb := verbs(words[0])
	switch {
	case verb != nil:
		p.name = words[0]
		return verb(p, words[1:])
	case words[0] == "--help":
		return p.print(usageSelf)
	case words[0] == "--version":
		return p.print("snug-open " + version + "\n")
	}
	return p.wrongLine("there is no program " + quote(words[0]) + ", only xdg-open, xdg-email and gio")
}

// verbs gives what a name stands for, or nil.
func verbs(name string) func(*program, []string) int {
	switch name {
	case "xdg-open":
		return (*program).open
	case "xdg-email":
		return (*program).email
	case "gio":
		return (*program).gio
	}
	return nil
}

// open is xdg-open.
func (p *program) open(words []string) int {
	var what []string
	for i, w := range words {
		switch {
		case w == "--help" || w == "--manual":
			return p.print(usageOpen)
		case w == "--version":
			return p.printVersion()
		case w == "--":
			what = append(what, words[i+1:]...)
		case strings.HasPrefix(w, "-"):
			return p.wrongLine("unexpected option " + quote(w))
		default:
			what = append(what, w)
			continue
		}
		break
	}
	if len(what) != 1 {
		return p.wrongLine("want one file or URI, got " + count(len(what)))
	}
	return p.ask(what[0], func(ctx context.Context) error { return openLocation(ctx, p.desktop, what[0]) })
}

// email is xdg-email.
func (p *program) email(words []string) int {
	l, err := parseEmail(words)
	switch {
	case err != nil:
		return p.wrongLine(err.Error())
	case l.help:
		return p.print(usageEmail)
	case l.version:
		return p.printVersion()
	}
	return p.ask("", func(ctx context.Context) error { return p.desktop.ComposeEmail(ctx, l.mail) })
}

// ask makes a request, and says what went wrong with it.
func (p *program) ask(what string, request func(context.Context) error) int {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	err := request(ctx)
	if err == nil {
		return 0
	}
	text := err.Error()
	if what != "" {
		text = "open " + quote(what) + ": " + text
	}
	p.say(text, hint(err))
	return status(err)
}

// status is the exit status that xdg-open(1) gives an error.
func status(err error) int {
	var line *lineError
	var at *portal.Error
	switch {
	case errors.As(err, &line):
		return exitLine
	case errors.Is(err, fs.ErrNotExist):
		return exitMissing
	case errors.As(err, &at) && slices.Contains([]portal.Reason{portal.NoBus, portal.NoPortal, portal.NoBackend, portal.Denied}, at.Reason):
		return exitTool
	}
	return exitFailed
}
