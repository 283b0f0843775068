#!/bin/sh
# Shows side by side what a program sees outside and in snug's default sandbox. It needs no
# display and no bus, and runs as an ordinary user or as root.
set -u
snug=$1

echo "snug doctor"
"$snug" doctor || echo "(sandboxes do not work on this machine: see the hints above)"
echo

see='
count() { ls /proc | grep -c "^[0-9]"; }
files() { ls -A "$HOME" 2>/dev/null | wc -l; }
nets() { ls /sys/class/net 2>/dev/null | grep -v "^lo$" | tr "\n" " "; sed -n "s/^ *\([a-z0-9]*\):.*/\1/p" /proc/net/dev | grep -v "^lo$" | tr "\n" " "; }
caps() { sed -n "s/^CapEff:[^0-9a-f]*//p" /proc/self/status; }
bound() { sed -n "s/^CapBnd:[^0-9a-f]*//p" /proc/self/status; }
try() { "$@" >/dev/null 2>&1 && echo yes || echo no; }
echo "processes in /proc|$(count)"
echo "files in the home|$(files)"
echo "network interfaces beside lo|$(nets | tr " " "\n" | sort -u | grep -c .)"
echo "nodes in /dev|$(ls /dev | wc -l)"
echo "sockets in /run|$(find /run -type s 2>/dev/null | wc -l)"
echo "effective capabilities|$(caps)"
echo "capabilities to be had|$(bound)"
echo "no_new_privs|$(sed -n "s/^NoNewPrivs:[^0-9]*//p" /proc/self/status)"
echo "seccomp filters|$(sed -n "s/^Seccomp_filters:[^0-9]*//p" /proc/self/status)"
echo "may write /usr|$(try test -w /usr)"
echo "may make a user namespace|$(try unshare -U true)"
echo "host name|$(cat /proc/sys/kernel/hostname)"
'
outside=$(sh -c "$see")
inside=$("$snug" run -- sh -c "$see") || exit 1

printf '%-30s %-20s %s\n' 'what a program sees' 'outside' 'snug run -- PROGRAM'
echo "$outside" | while IFS='|' read -r what out; do
	in=$(echo "$inside" | awk -F'|' -v what="$what" '$1 == what { print $2 }')
	printf '%-30s %-20s %s\n' "$what" "$out" "$in"
done
echo
echo "and why: snug explain -- sh"
"$snug" explain -- sh
