#!/bin/sh
# Fetches bubblewrap's own tests from Debian's source packages into a folder, below suite names, and
# what they need to run. The machine's configuration of apt is not touched: apt keeps its lists and
# its cache in the folder, and checks signatures and sums as ever. Any user can run it.
#
#   upstream.sh FOLDER
set -eu
dir=$1
key=/usr/share/keyrings/debian-archive-keyring.gpg

# apt SUITE ARGUMENTS...
apt() {
	work=$dir/$1/apt
	suite=$1
	shift
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/parts"
	printf 'Types: deb deb-src\nURIs: http://deb.debian.org/debian\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$suite" "$key" >"$work/parts/debian.sources"
	apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/parts" -o Dir::State="$work" -o Dir::State::lists="$work/lists" \
		-o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root -o Debug::NoLocking=1 "$@"
}

# bookworm has 0.8, what there is to compare with; trixie the newest, which tests overlays and more.
for suite in bookworm trixie; do
	[ -e "$dir/$suite/tests/test-run.sh" ] && continue
	mkdir -p "$dir/$suite/source"
	apt $suite update
	# The description of a package may be missing where its archive is not; what matters is that.
	(cd "$dir/$suite/source" && apt $suite source --download-only bubblewrap) || true
	tar -xf "$dir/$suite/source"/bubblewrap_*.orig.tar.* -C "$dir/$suite/source"
	mv "$dir/$suite/source"/bubblewrap-*/tests "$dir/$suite/tests"
	ls "$dir/$suite/source" | sed -n 's/^bubblewrap_\(.*\)\.orig.*/\1/p' >"$dir/$suite/version"
	gcc -o "$dir/$suite/tests/try-syscall" "$dir/$suite/tests/try-syscall.c"
done
if [ ! -d "$dir/python" ]; then
	. /etc/os-release
	(cd "$dir" && apt "$VERSION_CODENAME" update && apt "$VERSION_CODENAME" download python3-seccomp)
	dpkg -x "$dir"/python3-seccomp_*.deb "$dir/python"
fi
