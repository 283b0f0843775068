// Package units writes units by which a person's service manager, systemd --user, runs what snug runs.
//
// The one default call is Unit.Text; Install writes that where the manager finds it.
//
// It starts nothing and asks the manager nothing. Of attackers: a word of the command, such as the name of a
// folder, may hold anything; it stays one word of the command (systemd.service(5), "Command lines").
package units
