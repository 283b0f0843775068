package manifests_test

import (
	"testing"

	"snug/manifests"
	"snug/sandbox"
)

func TestRunPlain(t *testing.T) {
	w, err := manifests.Session()
	if err != nil {
		t.Fatal(err)
	}
	s, err := manifests.Compose(new(manifests.Manifest), w, manifests.Command{Argv: []string{"sh", "-c", "ls -la / /home ~; id; cat /etc/resolv.conf; pwd; env; ls /etc; ls -la /dev; python3 -c 'print(1)'; touch /x /etc/x /usr/x; cat /proc/keys; cat /proc/self/mountinfo | head -50; ls / /proc/1/root/"}, Fixed: 1})
	if err != nil {
		t.Fatal(err)
	}
	in, err := sandbox.Run(s.Spec)
	if err != nil {
		t.Fatal(err)
	}
	if ws := in.Wait(); ws.ExitStatus() != 0 {
		t.Errorf("got %#x", ws)
	}
	in.Close()
}
