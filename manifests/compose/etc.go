package compose

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests/internal/files"
	"snug/sandbox"
)

// etcNames are what programs need of /etc, in the order of bytes. Nothing here holds a secret;
// what is generated below is not in the list.
var etcNames = [...]string{
	"ImageMagick-6", "ImageMagick-7", "OpenCL", "R", "X11",
	"alsa", "alternatives", "asound.conf", "bash.bashrc", "bash_completion.d", "bashrc",
	"bindresvport.blacklist", "ca-certificates", "ca-certificates.conf", "crypto-policies", "dconf",
	"debian_version", "dictionaries-common", "drirc", "egl", "emacs", "enchant", "fedora-release", "fish",
	"fonts", "gai.conf", "ghostscript", "gimp", "gitconfig", "glvnd", "groff", "gtk-2.0", "gtk-3.0",
	"gtk-4.0", "host.conf", "inputrc", "issue", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
	"libpaper.d", "libreoffice", "locale.alias", "locale.conf", "locale.gen", "localtime", "lsb-release",
	"magic", "magic.mime", "mailcap", "man_db.conf", "manpath.config", "mime.types", "mtab", "nanorc",
	"netconfig", "networks", "nsswitch.conf", "nvidia", "openal", "os-release", "papersize", "perl", "pki",
	"profile", "profile.d", "protocols", "pulse", "redhat-release", "rpc", "services", "sgml",
	"shells", "ssl", "system-release", "terminfo", "texmf", "timezone", "vdpau_wrapper.cfg", "vim", "vimrc",
	"vulkan", "wgetrc", "xattr.conf", "xdg", "xml", "zlogin", "zlogout", "zprofile", "zsh", "zshenv", "zshrc",
}

// etcPrefixes begin the names that carry a version.
var etcPrefixes = [...]string{"java", "php", "python"}

// hostEtc shows what programs need of the host's /etc, and writes what is the sandbox's own.
func (c *composer) hostEtc() {
	entries, err := c.w.Files.ReadDir("/etc")
	if err != nil {
		c.problems.Add(systemOrigin, "/etc: "+files.Reason(err), "")
		return
	}
	for _, entry := range entries {
		if _, listed := slices.BinarySearch(etcNames[:], entry.Name); listed || hasVersion(entry.Name) {
			c.show("/etc/"+entry.Name, entry)
		}
	}
	if c.w.Host.UID == 0 {
		// Whoever starts snug as root may read private keys, and so could the app.
		for _, path := range [...]string{"/etc/ssl/private", "/etc/pki/tls/private"} {
			c.covers = append(c.covers, &sandbox.Mask{Dest: path, Origin: systemOrigin})
		}
	}
	c.ownEtc()
}

// ownEtc writes the files of /etc that are the sandbox's own.
func (c *composer) ownEtc() {
	c.write("/etc/passwd", c.passwd())
	c.write("/etc/group", c.group())
	c.write("/etc/hosts", c.hosts())
	c.write("/etc/hostname", orDefault(c.m.System.Hostname, "snug")+"\n")
	c.write("/etc/machine-id", c.machineID()+"\n")
}

func hasVersion(name string) bool {
	for _, prefix := range etcPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// write makes a small file of the sandbox's own.
func (c *composer) write(path, content string) {
	c.add(path, &sandbox.Data{Dest: path, Content: []byte(content), Origin: systemOrigin})
}

// passwd lists the person, root and nobody; everybody else is nobody inside.
func (c *composer) passwd() string {
	person := field(c.w.User, "user") + ":x:" + number(c.w.Host.UID) + ":" + number(c.w.Host.GID) + "::" +
		field(c.home, "/") + ":" + c.shell() + "\n"
	const nobody = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
	switch c.w.Host.UID {
	case 0:
		return person + nobody
	case 65534:
		return "root:x:0:0:root:/root:/usr/sbin/nologin\n" + person
	}
	return "root:x:0:0:root:/root:/usr/sbin/nologin\n" + person + nobody
}

func (c *composer) group() string {
	person := field(c.w.Group, field(c.w.User, "user")) + ":x:" + number(c.w.Host.GID) + ":\n"
	const root, nobody = "root:x:0:\n", "nogroup:x:65534:\n"
	switch c.w.Host.GID {
	case 0:
		return person + nobody
	case 65534:
		return root + person
	}
	return root + person + nobody
}

// field returns a text that may be a field of /etc/passwd, else another.
func field(text, otherwise string) string {
	if text == "" || strings.ContainsAny(text, ":\n") {
		return otherwise
	}
	return text
}

func number(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// shell returns the person's shell if it is in the sandbox, else /bin/sh.
func (c *composer) shell() string {
	shell := field(c.w.Shell, "/bin/sh")
	if real, found := c.exists(shell); found && c.isProgram(shell) && c.isProgram(real.path) {
		return shell
	}
	return "/bin/sh"
}

// isProgram reports whether a path is one that every sandbox sees.
func (c *composer) isProgram(path string) bool {
	return c.inTree(path) || inside(path, "/bin") || inside(path, "/sbin")
}

// hosts names the sandbox itself, and with a network what the host's own file names.
func (c *composer) hosts() string {
	text := "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
	if c.networkMode() != "off" {
		if file, found := c.exists("/etc/hosts"); found && file.file.is(unix.S_IFREG) {
			if host, err := c.w.Files.ReadFile(file.path, maxText); err == nil {
				text = strings.TrimSuffix(string(host), "\n") + "\n"
			}
		}
	}
	return text + "127.0.1.1 " + orDefault(c.m.System.Hostname, "snug") + "\n"
}
