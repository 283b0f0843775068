package main

import "github.com/spf13/pflag"

// verbs is everything that snug does, in the order of its help.
func verbs() []*verb {
	return []*verb{
		{name: "run", group: "apps", args: "[flags] APP [ARG...] | [flags] -- COMMAND [ARG...]",
			short:   "run an app by its manifest, or any command, in a sandbox",
			example: "snug run --here -- make test", runs: true, run: runRun, flags: runFlags},
		{name: "explain", group: "apps", args: "[flags] APP [ARG...] | [flags] -- COMMAND [ARG...]",
			short:   "say what an app may reach, and which line granted it",
			example: "snug explain foot", run: runExplain, flags: explainFlags},
		{name: "manifest", group: "apps", args: "VERB [flags] ...",
			short:   "propose, check, show, compare, edit and import manifests",
			example: "snug manifest check", run: runManifest, flags: noFlags, subs: manifestVerbs},
		{name: "wrap", group: "apps", args: "[flags] APP | FILE.desktop | --all",
			short:   "let the menu start an app in its sandbox, files and all",
			example: "snug wrap gnome-text-editor", run: runWrap, flags: wrapFlags},
		{name: "unwrap", undoes: "wrap", group: "apps", args: "[flags] APP | FILE.desktop | --all",
			short:   "give the menu back what it had",
			example: "snug unwrap gnome-text-editor", run: runUnwrap, flags: unwrapFlags},
		{name: "apps", group: "apps", args: "[flags] [APP]",
			short:   "list apps that have a manifest or are wrapped",
			example: "snug apps --running", run: runApps, flags: appsFlags},
		{name: "data", group: "apps", args: "VERB [flags] ...",
			short:   "list, find, export and remove the homes that are kept of apps",
			example: "snug data ls --size", run: runData, flags: noFlags, subs: dataVerbs},
		{name: "ps", group: "running", args: "[flags] [INSTANCE]",
			short:   "list running sandboxes",
			example: "snug ps --json", run: runPs, flags: psFlags},
		{name: "exec", group: "running", args: "[flags] INSTANCE [--] COMMAND [ARG...]",
			short:   "run a command in a running sandbox, as its app could",
			example: "snug exec foot -- id", runs: true, run: runExec, flags: execFlags},
		{name: "shell", group: "running", args: "[flags] INSTANCE | APP [COMMAND [ARG...]]",
			short:   "open a shell in a running sandbox, or in a new one of an app",
			example: "snug shell foot", runs: true, run: runShell, flags: shellFlags},
		{name: "grant", group: "running", args: "[flags] INSTANCE PATH | APP KEY=VALUE --keep | INSTANCE --list",
			short:   "let a running app have a file, or an app more from now on",
			example: "snug grant mousepad ~/letters --write", run: runGrant, flags: grantFlags},
		{name: "revoke", undoes: "grant", group: "running", args: "[flags] INSTANCE PATH | APP KEY=VALUE --keep",
			short:   "take away again what was granted",
			example: "snug revoke mousepad ~/letters", run: runRevoke, flags: revokeFlags},
		{name: "watch", group: "running", args: "[flags] INSTANCE",
			short:   "print live what the brokers of an app allow and refuse",
			example: "snug watch --refused firefox", run: runWatch, flags: watchFlags},
		{name: "cp", group: "running", args: "[flags] INSTANCE:PATH PATH|- | PATH|- INSTANCE:PATH",
			short:   "copy files and folders out of a running sandbox, or into one",
			example: "snug cp debian:/etc/os-release .", run: runCp, flags: cpFlags},
		{name: "stop", group: "running", args: "[flags] INSTANCE... | --all",
			short:   "end running sandboxes",
			example: "snug stop --time 5 foot", run: runStop, flags: stopFlags},
		{name: "kill", undoes: "stop", group: "running", args: "[flags] INSTANCE... | --all",
			short:   "end running sandboxes at once (stop --signal KILL --time 0)",
			example: "snug kill --all", run: runKill, flags: killFlags},
		{name: "image", group: "systems", args: "VERB [flags] ...",
			short:   "fetch, import, list, export and remove images of systems",
			example: "snug image pull debian:12", run: runImage, flags: noFlags, subs: imageVerbs},
		{name: "boot", group: "systems", args: "[flags] IMAGE | FOLDER | / [-- INIT-ARG...]",
			short:   "boot an image, or a throw-away copy of this machine's system",
			ends:    "exit status: 0 if it was powered off, else its init's; 125 if snug failed\nat a terminal three times Ctrl-] within a second end it\n",
			example: "snug boot /", runs: true, run: runBoot, flags: bootFlags},
		{name: "logs", group: "systems", args: "[flags] INSTANCE | NAME",
			short:   "print the journal of a system, also after its end",
			example: "snug logs -f -u ssh debian", run: runLogs, flags: logsFlags},
		{name: "unit", group: "expert", args: "[flags] APP | FOLDER [ARG...]",
			short:   "print or install a systemd user unit of an app or system",
			example: "snug unit --install --restart on-failure ./debian", run: runUnit, flags: unitFlags},
		{name: "doctor", group: "expert", args: "[flags]",
			short:   "say what this machine lacks, and how to mend it",
			example: "snug doctor --print-fix", run: runDoctor, flags: doctorFlags},
		{name: "unshare", group: "expert", args: "[flags] [COMMAND [ARG...]]",
			short:   "become root of a user namespace with your subordinate ids",
			example: "snug unshare -amP apt-get download hello", runs: true, run: runUnshare, flags: unshareFlags},
		{name: "completion", group: "expert", args: "bash | zsh | fish",
			short:   "print what makes a shell complete the words of snug",
			example: "source <(snug completion bash)", run: runCompletion, flags: noFlags},
		{name: "version", group: "expert",
			short:   "print the version",
			example: "snug version", run: runVersion, flags: noFlags},
		{name: "help", group: "expert", args: "[VERB | flags | GROUP | manifest [GROUP | VERB]]",
			short:   "explain a verb, the flags that are keys, or manifests",
			example: "snug help run", run: runHelp, flags: noFlags},
	}
}

func noFlags(*pflag.FlagSet) {}

// version is set by the Makefile.
var version = "0.1.0-dev"

func runVersion(c *console, args []string) error {
	if _, err := c.parse(c.newFlags(), args); err != nil {
		return err
	}
	c.print("snug ", version, "\n")
	return nil
}
