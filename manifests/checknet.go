package manifests

import (
	"strconv"
	"strings"

	"snug/manifests/internal/words"
	"snug/portals/dbus"
)

// Network end points and bus names are only spelled here; what they mean is for their brokers.

func checkEndpoint(endpoint string) (what, hint string) {
	const syntax = "HOST:PORT as in *.example.org:443, or ADDRESS/BITS:PORT as in 10.0.0.0/8:22"
	host, ok := cutPort(endpoint)
	if !ok {
		return "has no port", syntax
	}
	host = strings.TrimPrefix(host, "*.")
	bits := "0"
	if slash := strings.IndexByte(host, '/'); slash >= 0 && host[0] != '[' { // [2001:db8::/32] has its own
		host, bits = host[:slash], host[slash+1:]
	}
	if len(bits) > 2 || !words.Every(bits, words.IsDigit) || !isHost(host) {
		return "names no host", syntax
	}
	return "", ""
}

func checkListen(endpoint string) (what, hint string) {
	host, ok := cutPort(endpoint)
	isAddress := strings.HasPrefix(host, "[") || strings.Trim(host, "0123456789.") == ""
	if !ok || !isHost(host) || !isAddress || strings.Contains(host, "/") {
		return "is no address with a port", "ADDRESS:PORT as in 127.0.0.1:8080 or [::1]:8080"
	}
	return "", ""
}

// cutPort splits HOST:PORT at its last colon and reports whether the port is one.
func cutPort(endpoint string) (host string, ok bool) {
	colon := strings.LastIndexByte(endpoint, ':')
	if colon < 0 || len(endpoint)-colon > 6 || !words.Every(endpoint[colon+1:], words.IsDigit) {
		return "", false
	}
	port, err := strconv.Atoi(endpoint[colon+1:])
	return endpoint[:colon], err == nil && port > 0 && port < 65536
}

// isHost reports whether host is spelled like a host name, an IPv4 address, or an IPv6 address in
// brackets.
func isHost(host string) bool {
	if inner, found := strings.CutPrefix(host, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		return found && words.Every(inner, func(c byte) bool { return words.IsHex(c) || strings.IndexByte(":./", c) >= 0 })
	}
	for label := range strings.SplitSeq(host, ".") {
		if len(label) > 63 || !words.Every(label, words.IsLabel) {
			return false
		}
	}
	return len(host) <= 253
}

func checkBusName(name string) (what, hint string) {
	const syntax = "a name such as org.example.App; org.example.* covers it and all below, org.example.App-* what begins so"
	switch {
	case name == "*":
		return "would be the bus without a filter", "name the services: org.freedesktop.Notifications"
	case strings.HasPrefix(name, ":"):
		return "is a connection's unique name", syntax
	case name == "org.freedesktop.portal.Desktop", name == "org.freedesktop.portal.Documents":
		return "is the name of all portals", `name the portals: portals.allow = ["FileChooser"], portals.documents = true`
	case (dbus.Policy{See: []string{name}}).Check() != nil:
		return "is no bus name", syntax
	}
	return "", ""
}

func checkBusRule(rule string) (what, hint string) {
	const syntax = "NAME=[METHOD][@PATH], as in org.example.App=org.example.Iface.*@/org/example/*"
	name, match, found := strings.Cut(rule, "=")
	if !found {
		return "is no rule", syntax
	}
	if what, hint = checkBusName(name); what != "" {
		return what, hint
	}
	if (dbus.Policy{Call: []dbus.NameRule{{Name: name, Rule: match}}}).Check() != nil {
		return "is no rule", syntax
	}
	return "", ""
}
