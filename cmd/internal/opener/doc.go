// Package opener is xdg-open, xdg-email and "gio open" for the inside of a sandbox, where the tools of
// those names would look for browsers and mail programs that are not there: it asks the desktop's
// portals instead, and they ask the person.
//
// The one default call is [Main]. The name that it is called by says which of the three it is; called
// by another, such as snug-open, its first argument does.
//
// The command lines are those of xdg-open(1) and xdg-email(1) of xdg-utils 1.1.3, and that of gio(1) as
// far as "open" goes; every other verb of gio is handed to the gio that comes next in PATH. What differs:
// several files may be attached to a mail, nobody may attach any by a mailto: URI, texts are taken for
// UTF-8 with or without --utf8, and the exit status tells what came of it, since the portal is
// waited for. --manual shows what --help does.
//
// It assumes nothing of its arguments, which apps make of what they find in pages and mails.
package opener
