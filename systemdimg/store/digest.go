package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Digest is the digest of some content as the OCI image specification spells it: "sha256:" and 64 lower-case
// hexadecimal digits. Other algorithms are not known here: nothing that is in use has any.
type Digest string

const algorithm = "sha256:"

// ParseDigest checks a digest. It becomes the name of a file, so nothing else may pass (CVE-2024-3727).
func ParseDigest(s string) (Digest, error) {
	if h, ok := strings.CutPrefix(s, algorithm); ok && len(h) == 2*sha256.Size && isHex(h) {
		return Digest(s), nil
	}
	return "", &Error{What: "not a digest of the form sha256:HEX: " + quote(s)}
}

// DigestOf is the digest of some bytes.
func DigestOf(b []byte) Digest {
	sum := sha256.Sum256(b)
	return DigestFrom(sum[:])
}

// DigestFrom is the digest with a sum of SHA-256.
func DigestFrom(sum []byte) Digest { return Digest(algorithm + hex.EncodeToString(sum)) }

// Hex is the digest without its algorithm.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), algorithm) }

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
