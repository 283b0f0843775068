#!/bin/sh
# Runs the tests as an unprivileged user, since that is who snug is for.
#
#   run.sh unit | all | apps | bench | fuzz
#   run.sh bench bus                    the filters of buses alone
#   run.sh bench wayland                the filter of Wayland alone
#   run.sh bench sound                  that of sound
#   run.sh bench brokers                what all of them cost an app
#   run.sh bench-boot                   snug boot beside systemd-nspawn, as root
#   run.sh bench-image                  imports beside tar and umoci, and second boots, as root
#   run.sh go ARGUMENTS OF GO...        one test: run.sh go test ./tests -run Script -v
#
# As root it installs what the tests need from Debian's packages, makes the user snugtest with
# subordinate ids, and runs everything as that user in a copy of the tree. Otherwise it runs as
# whoever calls it, with what is installed. With REQUIRE=1, the default as root, a missing part is
# a failure and not a skip.
set -eu
what=$1
tree=$(cd "$(dirname "$0")/.." && pwd)
go=${GO:-go}

packages() {
	sed 's/#.*//' "$tree/tests/packages.txt"
	[ "$what" != apps ] || sed 's/#.*//' "$tree/tests/packages-apps.txt"
}

install_packages() {
	missing=
	for p in $(packages); do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
	done
	[ -z "$missing" ] && return
	echo "installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# The desktop files of some packages, which are not installed for them.
fetch_launchers() {
	list=$tree/tests/packages-launchers.txt
	launchers=/var/cache/snug-test/launchers-$(cksum <"$list" | cut -d ' ' -f 1)
	[ ! -d "$launchers" ] || return 0
	echo "fetching desktop files of Debian's packages"
	fetched=$(mktemp -d)
	apt-get update -qq
	# shellcheck disable=SC2046
	(cd "$fetched" && apt-get download -qq -o APT::Sandbox::User=root $(sed 's/#.*//' "$list"))
	mkdir -p "$fetched/launchers"
	for p in "$fetched"/*.deb; do
		dpkg-deb --fsys-tarfile "$p" | tar -C "$fetched/launchers" --strip-components 4 --wildcards -xf - './usr/share/applications/*.desktop'
	done
	mkdir -p "${launchers%/*}"
	mv "$fetched/launchers" "$launchers"
	chmod -R a+rX "$launchers"
	rm -rf "$fetched"
}

# Systems to boot, as archives: one by each of Debian's two programs that make them. And a later sway, as a folder.
make_images() {
	with=systemd,systemd-sysv,libpam-systemd,dbus,dbus-user-session,systemd-resolved,udev,iproute2,procps,sudo,bubblewrap,libcap2-bin
	images=/var/cache/snug-test/images-$(echo "$with 1" | cksum | cut -d ' ' -f 1)
	mkdir -p "$images"
	if [ ! -f "$images/bookworm.tar" ]; then
		echo "making the image bookworm by debootstrap"
		made=$(mktemp -d)
		debootstrap --variant=minbase --include=$with bookworm "$made" >"$images/bookworm.log" 2>&1
		rm -rf "$made"/var/cache/apt/archives/*.deb "$made"/var/lib/apt/lists/*
		tar -C "$made" -cf "$images/.bookworm.tar" --xattrs --xattrs-include='*' --acls --numeric-owner .
		mv "$images/.bookworm.tar" "$images/bookworm.tar"
		rm -rf "$made"
	fi
	if [ ! -f "$images/trixie.tar" ]; then
		echo "making the image trixie by mmdebstrap"
		mmdebstrap --quiet --variant=minbase --include=$with trixie "$images/.trixie.tar"
		mv "$images/.trixie.tar" "$images/trixie.tar"
	fi
	if [ ! -f "$images/openrc.tar" ]; then
		echo "making the image openrc"
		mmdebstrap --quiet --variant=minbase --include=sysvinit-core,openrc,procps,busybox-static bookworm "$images/.openrc.tar"
		mv "$images/.openrc.tar" "$images/openrc.tar"
	fi
	if [ ! -d "$images/screen" ]; then
		echo "making the image screen: a compositor with security contexts"
		made=$(mktemp -d)
		mmdebstrap --quiet --variant=minbase --include=sway trixie "$made/screen"
		rm -rf "$made"/screen/dev/* "$made"/screen/var/cache/apt/archives/*.deb "$made"/screen/var/lib/apt/lists/*
		mv "$made/screen" "$images/screen"
		rm -rf "$made"
	fi
	chmod -R a+rX "$images"
}

make_user() {
	id snugtest >/dev/null 2>&1 || useradd -m -s /bin/bash snugtest
	for f in /etc/subuid /etc/subgid; do
		grep -q '^snugtest:' $f 2>/dev/null || echo snugtest:2000000:65536 >>$f
	done
}

# What udev gives everybody on a desktop, for user-mode networks and overlays.
open_devices() {
	for d in /dev/net/tun /dev/fuse; do
		[ ! -c $d ] || chmod 0666 $d
	done
}

# Each tree has a copy of its own, so that two can be tested at a time.
as_user() {
	work=/var/cache/snug-test
	src=$work/src-$(echo "$tree" | cksum | cut -d ' ' -f 1)
	mkdir -p $work/mod $work/cache "$src"
	[ "$what" = go ] || echo "preparing a copy of the tree in $src"
	(cd "$tree" && GOMODCACHE=$work/mod $go mod download)
	find "$src" -mindepth 1 -delete
	(cd "$tree" && { git ls-files -z --cached --others --exclude-standard 2>/dev/null || find . -type f -print0; } |
		tar -cf - --null --ignore-failed-read -T - 2>/dev/null) | tar -xf - -C "$src"
	chown -R snugtest: "$src" $work/cache
	chmod -R a+rX $work/mod
	uid=$(id -u snugtest)
	mkdir -p /run/user
	install -d -m 0700 -o snugtest -g snugtest "/run/user/$uid"
	version=$(git -C "$tree" describe --tags --always --dirty 2>/dev/null || echo unknown)
	cd "$src"
	in_group runuser -u snugtest -- env -i HOME=/home/snugtest USER=snugtest LOGNAME=snugtest \
		PATH="$($go env GOROOT)/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" LANG=C.UTF-8 \
		XDG_RUNTIME_DIR="/run/user/$uid" GOCACHE=$work/cache GOMODCACHE=$work/mod GOPROXY=off GOFLAGS=-mod=mod \
		GOTOOLCHAIN=local REQUIRE="${REQUIRE-1}" FUZZTIME="${FUZZTIME:-60s}" BENCHRUNS="${BENCHRUNS:-}" \
		RANDOM_LINES="${RANDOM_LINES:-}" RANDOM_FIRST="${RANDOM_FIRST:-}" UPSTREAM="${UPSTREAM:-}" \
		ARTIFACTS="${ARTIFACTS:-}" LAUNCHERS="${launchers:-}" IMAGES="${images:-}" APPS="${APPS:-}" VERSION="$version" sh tests/run.sh "$@"
}

# Systems that boot need a control group of the user's own. The machine's own view of the groups stays as it
# is: this one takes its place in a mount namespace of the tests alone. So does the folder that says that
# systemd runs here: tests start its user manager.
in_group() {
	unshare --mount --propagation private sh -c '
		set -eu
		umount --recursive /sys/fs/cgroup 2>/dev/null || true
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		top=/sys/fs/cgroup/snug-test-$$
		mkdir -p "$top/init" /run/systemd
		chown snugtest "$top" "$top"/cgroup.* "$top/init" "$top/init/cgroup.procs"
		mount -t tmpfs tmpfs /run/systemd
		mkdir /run/systemd/system
		status=0
		sh -c "echo \$\$ >$top/init/cgroup.procs; exec \"\$@\"" sh "$@" || status=$?
		for i in 1 2 3 4 5 6 7 8; do
			find "$top" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.2
			rmdir "$top" 2>/dev/null && break
		done
		exit $status' sh "$@"
}

# Imports beside tar and umoci, and second boots. What is root's is a file system for them alone.
bench_image() {
	made=$(mktemp -d /var/tmp/snug-bench-image-XXXXXX)
	trap 'rm -rf "$made"' EXIT
	chmod 0755 "$made"
	mkdir "$made/root" "$made/more"
	echo "making archives of 0.3 and 1 GB of the images of Debian"
	tar -C "$made/more" -xf "$images/trixie.tar" --exclude='./dev/*'
	ln "$images/bookworm.tar" "$made/small.tar" 2>/dev/null || cp "$images/bookworm.tar" "$made/small.tar"
	cp "$images/bookworm.tar" "$made/large.tar"
	tar -C "$made/more" -rf "$made/large.tar" --numeric-owner --transform='s,^usr,srv,' usr/lib usr/bin
	cp "$made/large.tar" "$made/huge.tar"
	for i in 1 2 3 4; do
		tar -C "$made/more" -rf "$made/huge.tar" --numeric-owner --transform="s,^usr,srv/$i," usr
	done
	umoci init --layout "$made/large"
	umoci new --image "$made/large:base"
	umoci raw add-layer --image "$made/large:base" "$made/large.tar"
	chmod -R a+rX "$made/large"
	truncate -s 4G "$made/disk"
	(cd "$tree" && make -s build && CGO_ENABLED=0 $go build -o "$made/boot" ./tests/bench/boot && cp bin/* "$made")
	runtime=/run/user/$(id -u snugtest)
	install -d -m 0700 -o snugtest -g snugtest "$runtime"
	in_group env XDG_RUNTIME_DIR="$runtime" "$made/boot" images snugtest "$made/snug" "${BENCHRUNS:-10}" "$made"
}

# snug boot beside systemd-nspawn, which needs root.
bench_boot() {
	made=$(mktemp -d /var/tmp/snug-bench-boot-XXXXXX)
	trap 'rm -rf "$made"' EXIT
	chmod 0755 "$made"
	mkdir "$made/root" "$made/user"
	tar -C "$made/root" -xpf "$images/bookworm.tar" --xattrs --xattrs-include='*' --acls --numeric-owner
	chown snugtest "$made/user"
	runuser -u snugtest -- unshare --user --map-auto --map-root-user tar -C "$made/user" -xpf "$images/bookworm.tar" --numeric-owner --exclude='./dev/*'
	(cd "$tree" && make -s build && CGO_ENABLED=0 $go build -o "$made/boot" ./tests/bench/boot && cp bin/* "$made")
	uid=$(id -u snugtest)
	mkdir -p /run/user
	install -d -m 0700 -o snugtest -g snugtest "/run/user/$uid"
	in_group env XDG_RUNTIME_DIR="/run/user/$uid" "$made/boot" snugtest "$made/snug" "${BENCHRUNS:-10}" "$made/root" "$made/user"
}

# What only root can arrange: other owners, mounts on the host, cgroups.
root_tests() {
	(cd "$tree" && make -s build && CGO_ENABLED=0 $go test -count=1 -run '^TestRoot' ./tests/bwrap)
	(cd "$tree" && CGO_ENABLED=0 $go test -count=1 -run 'TestCgroup|TestSlave|TestFolderOfAnother|TestRootDevices' ./sandbox ./manifests/compose ./tests)
}

if [ "$(id -u)" = 0 ]; then
	case $what in all | apps | bench | bench-boot | bench-image) install_packages ;; esac
	case $what in all | go) fetch_launchers ;; esac
	case $what in all | go | bench | bench-boot | bench-image) make_images ;; esac
	make_user
	open_devices
	[ "$what" != all ] || root_tests
	case $what in
	bench-boot) bench_boot ;;
	bench-image) bench_image ;;
	*) (as_user "$@") ;;
	esac
	if [ "$*" = bench ]; then # who can prepare the machine
		BENCHRUNS= # these have a count of their own
		(bench_boot)
		(bench_image)
	fi
	exit
fi

cd "$tree"
export CGO_ENABLED=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# run PACKAGES...: prints a line a package, then what failed and what was skipped.
run() {
	status=0
	$go test -json -count=1 "$@" >"$log" || status=$?
	$go run ./tests/report <"$log" || status=1
	return $status
}

case $what in
unit)
	make -s build
	run -short ./...
	;;
all)
	make -s build
	$go vet ./...
	run -timeout 30m ./...
	;;
apps)
	make -s build
	APPS=1 run ./tests/apps
	;;
bench)
	make -s build
	shift
	$go run ./tests/bench "$@"
	;;
go)
	make -s build
	shift
	$go "$@"
	;;
fuzz)
	$go list ./... | while read -r pkg; do
		$go test -list '^Fuzz' "$pkg" | grep '^Fuzz' | while read -r target; do
			echo "$pkg $target"
			$go test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 1s "$pkg"
		done
	done
	;;
*)
	echo "run.sh: unit, all, apps, bench, fuzz or go" >&2
	exit 2
	;;
esac
