// Command snug-ask asks the person at the desktop whether an app may do something, and prints the answer:
// once, always, no, never, or later. snug starts it, outside of the sandbox. It ends with 2 if nobody can be
// asked.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"snug/cmd/internal/question"
)

func main() {
	var q question.Question
	f := pflag.NewFlagSet("snug-ask", pflag.ContinueOnError)
	f.StringVar(&q.App, "app", "", "the app's `ID`")
	f.StringVar(&q.Title, "title", "", "what it is about, in a few words")
	f.StringVar(&q.Text, "text", "", "the question")
	f.BoolVar(&q.Keep, "keep", false, "offer to keep the answer")
	if err := f.Parse(os.Args[1:]); err != nil || f.NArg() > 0 || q.Title == "" {
		fmt.Fprintln(os.Stderr, "snug-ask: it takes --app, --title, --text and --keep, and no words;", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	desktops := strings.FieldsFunc(os.Getenv("XDG_CURRENT_DESKTOP"), func(r rune) bool { return r == ':' })
	answer, err := question.Ask(ctx, address(), desktops, q)
	if err != nil {
		fmt.Fprintln(os.Stderr, "snug-ask:", err)
		os.Exit(2)
	}
	fmt.Println(answer)
}

// address is the session bus's.
func address() string {
	if a := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); a != "" {
		return a
	}
	return "unix:path=" + os.Getenv("XDG_RUNTIME_DIR") + "/bus"
}
