package opener

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"snug/cmd/internal/portal"
)

// emailLine is xdg-email's command line.
type emailLine struct {
	help, version bool
	mail          portal.Mail
}

// parseEmail reads the words.
func parseEmail(words []string) (l emailLine, err error) {
	for len(words) > 0 && !l.help && !l.version {
		word := words[0]
		words = words[1:]
		switch {
		case word == "--help" || word == "--manual":
			l.help = true
		case word == "--version":
			l.version = true
		case word == "--utf8":
		case word == "--":
			for _, w := range words {
				if err := l.recipient(w); err != nil {
					return l, err
				}
			}
			words = nil
		case slices.Contains([]string{"--cc", "--bcc", "--subject", "--body", "--attach"}, word):
			if len(words) == 0 {
				return l, fmt.Errorf("option %s wants a value", word)
			}
			if err := l.option(word, words[0]); err != nil {
				return l, err
			}
			words = words[1:]
		case strings.HasPrefix(word, "-"):
			return l, errors.New("unexpected option " + quote(word))
		default:
			if err := l.recipient(word); err != nil {
				return l, err
			}
		}
	}
	if l.help || l.version {
		return l, nil
	}
	return l, l.mail.Check()
}

// option sets what the value of an option says.
func (l *emailLine) option(name, value string) error {
	switch name {
	case "--cc":
		l.mail.Cc = append(l.mail.Cc, portal.Addresses(value)...)
	case "--bcc":
		l.mail.Bcc = append(l.mail.Bcc, portal.Addresses(value)...)
	case "--subject":
		l.mail.Subject = value
	case "--body":
		l.mail.Body = value
	case "--attach":
		at, err := locate(value)
		if err != nil {
			return fmt.Errorf("option --attach: %w", err)
		}
		if at.uri != "" {
			return errors.New("option --attach wants a file, got " + quote(value))
		}
		l.mail.Attachments = append(l.mail.Attachments, at.path)
	}
	return nil
}

// recipient adds what an argument says: a mailto: URI, or addresses.
func (l *emailLine) recipient(word string) error {
	if !strings.EqualFold(scheme(word), "mailto") {
		l.mail.To = append(l.mail.To, portal.Addresses(word)...)
		return nil
	}
	m, err := portal.ParseMailto(word)
	if err != nil {
		return fmt.Errorf("%s: %w", quote(word), err)
	}
	to := &l.mail
	to.To, to.Cc, to.Bcc = append(to.To, m.To...), append(to.Cc, m.Cc...), append(to.Bcc, m.Bcc...)
	if m.Subject != "" {
		to.Subject = m.Subject
	}
	if m.Body != "" {
		to.Body = m.Body
	}
	return nil
}
