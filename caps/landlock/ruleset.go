package landlock

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// Ruleset says what a domain handles, which is denied unless a rule grants it.
// The zero value handles nothing and so denies nothing: see Empty.
type Ruleset struct {
	// FS holds the rights to files that are denied but for Paths.
	FS AccessFS
	// Net holds the rights to the network that are denied but for Ports.
	Net AccessNet
	// Scoped holds the ties to the outside that are cut.
	Scoped Scope
	// Log holds the flags for landlock_restrict_self.
	Log LogFlags
	// Paths grants rights to files and to everything beneath folders.
	Paths []PathRule
	// Ports grants rights to TCP ports.
	Ports []PortRule
}

// PathRule grants rights beneath a path. A right that the Ruleset does not
// handle is an error. Of a file only FileAccess may be granted.
type PathRule struct {
	// Path is for the caller who opens it (O_PATH); it is not encoded.
	Path string
	// Allowed is what is granted.
	Allowed AccessFS
}

// PortRule grants rights to a TCP port. Port 0 with BindTCP grants any of
// net.ipv4.ip_local_port_range.
type PortRule struct {
	Port    uint16
	Allowed AccessNet
}

// The types of rules, the second argument of landlock_add_rule.
const (
	// RulePathBeneath is LANDLOCK_RULE_PATH_BENEATH.
	RulePathBeneath = 1
	// RuleNetPort is LANDLOCK_RULE_NET_PORT.
	RuleNetPort = 2
)

// ParentFDOffset is where in the bytes of a PathRule the launcher stores the
// descriptor of the path, a 32-bit integer in the machine's byte order.
const ParentFDOffset = 8

// Empty reports whether the Ruleset denies nothing. The kernel refuses to
// create such a one (ENOMSG).
func (r Ruleset) Empty() bool { return r.FS == 0 && r.Net == 0 && r.Scoped == 0 }

// Validate reports why the kernel would refuse the Ruleset or one of its
// rules, whatever its ABI.
func (r Ruleset) Validate() error {
	switch {
	case r.FS>>countFS != 0:
		return errors.New("landlock: unknown right " + (r.FS >> countFS << countFS).String())
	case r.Net>>countNet != 0:
		return errors.New("landlock: unknown right " + (r.Net >> countNet << countNet).String())
	case r.Scoped>>countScope != 0:
		return errors.New("landlock: unknown scope " + (r.Scoped >> countScope << countScope).String())
	case r.Log>>countLog != 0:
		return errors.New("landlock: unknown flag " + (r.Log >> countLog << countLog).String())
	}
	for _, p := range r.Paths {
		if p.Allowed == 0 {
			return errors.New("landlock rule for " + strconv.Quote(p.Path) + ": grants nothing")
		}
		if extra := p.Allowed &^ r.FS; extra != 0 {
			return errors.New("landlock rule for " + strconv.Quote(p.Path) + ": grants " +
				extra.String() + ", which the ruleset does not handle")
		}
	}
	for _, p := range r.Ports {
		port := strconv.Itoa(int(p.Port))
		if p.Allowed == 0 {
			return errors.New("landlock rule for port " + port + ": grants nothing")
		}
		if extra := p.Allowed &^ r.Net; extra != 0 {
			return errors.New("landlock rule for port " + port + ": grants " +
				extra.String() + ", which the ruleset does not handle")
		}
	}
	return nil
}

// Attr returns struct landlock_ruleset_attr for landlock_create_ruleset, as
// long as a kernel of that ABI knows it: 8 bytes, 16 from ABI 4, 24 from ABI 6.
// The caller owns the bytes. It is an error if the Ruleset needs a newer ABI or
// is empty: see Downgrade.
func (r Ruleset) Attr(abi int) ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if _, lost := Downgrade(r, abi); len(lost) > 0 {
		return nil, errors.New("landlock ABI " + strconv.Itoa(abi) + ": " + lost[0].String())
	}
	if r.Empty() {
		return nil, errors.New("landlock ruleset: handles nothing")
	}
	b := binary.NativeEndian.AppendUint64(nil, uint64(r.FS))
	if abi >= abiNet {
		b = binary.NativeEndian.AppendUint64(b, uint64(r.Net))
	}
	if abi >= abiScope {
		b = binary.NativeEndian.AppendUint64(b, uint64(r.Scoped))
	}
	return b, nil
}

// Bytes returns struct landlock_path_beneath_attr, 12 bytes packed, for
// landlock_add_rule with RulePathBeneath. The descriptor at ParentFDOffset is
// -1, so that a rule whose descriptor was forgotten fails. The caller owns the
// bytes.
func (p PathRule) Bytes() []byte {
	b := binary.NativeEndian.AppendUint64(nil, uint64(p.Allowed))
	return binary.NativeEndian.AppendUint32(b, ^uint32(0))
}

// Bytes returns struct landlock_net_port_attr, 16 bytes, for landlock_add_rule
// with RuleNetPort. The caller owns the bytes.
func (p PortRule) Bytes() []byte {
	b := binary.NativeEndian.AppendUint64(nil, uint64(p.Allowed))
	return binary.NativeEndian.AppendUint64(b, uint64(p.Port))
}
