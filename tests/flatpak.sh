#!/bin/sh
# Makes a Flatpak runtime and an app in the current folder, from busybox alone, and installs them for
# the user: for tests and the bench, which have set HOME to a folder of their own.
#
#   flatpak.sh runtime | app
set -eu
app=org.example.App runtime=org.example.Platform
case $1 in
runtime)
	id=$runtime/$(flatpak --default-arch)/1
	mkdir -p runtime/files runtime/usr/etc runtime/usr/bin
	printf '[Runtime]\nname=%s\nruntime=%s\nsdk=%s\n' $runtime "$id" "$id" >runtime/metadata
	busybox=$(command -v busybox)
	cp "$busybox" runtime/usr/bin/busybox
	for applet in $("$busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "runtime/usr/bin/$applet"
	done
	flatpak build-export --runtime repo runtime 1
	flatpak build-update-repo repo
	flatpak remote-add --user --no-gpg-verify bed repo
	flatpak install --user -y bed $runtime
	;;
app)
	rm -rf app
	flatpak build-init app $app $runtime $runtime 1
	# The script lacks "#!", as execvp(3) allows.
	flatpak build app sh -c 'mkdir -p /app/bin; echo "echo the app \$*" >/app/bin/hello; chmod +x /app/bin/hello; echo built in $FLATPAK_DEST as $FLATPAK_ID'
	flatpak build-finish --command=hello app >&2
	flatpak build-export repo app >&2
	flatpak install --user -y --reinstall bed $app >&2
	;;
esac
