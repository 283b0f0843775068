// Package desktop reads and changes .desktop files, the launchers of the desktop, without losing a byte.
//
// Search finds a file by its id as menus do; File gives its keys and writes itself back exactly;
// ParseExec takes an Exec line apart and Exec.Expand makes it the commands that a launcher would
// start. Lookup, quoting and field codes follow GLib, which starts what most people click on,
// where the specification leaves a choice.
//
// The package starts nothing, and says nothing about what a program may reach. It assumes that a
// desktop file may be hostile: size, words and files are bounded, and nothing of it is run or
// given to a shell.
package desktop
