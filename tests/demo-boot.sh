#!/bin/sh
# Boots a throw-away copy of this machine's own system and shows what it is.
set -eu
snug=$1
echo "\$ snug boot --detach /"
name=$("$snug" boot --detach --name demo-boot-$$ /) || {
	"$snug" doctor || true
	exit 1
}
trap '"$snug" kill "$name" >/dev/null 2>&1 || true' EXIT
for line in "systemctl is-system-running" "systemd-analyze time" "id" "systemctl list-units --type=service --state=running --no-legend --plain" "ls -A /home" "touch /usr/x"; do
	echo
	echo "\$ snug exec $name -- $line"
	# shellcheck disable=SC2086
	"$snug" exec "$name" -- $line || true
done
echo
echo "\$ snug stop $name"
"$snug" stop "$name"
