package compose

// What black-box tests reach only by way of a whole session.
var (
	FindCookie  = findCookie
	FindUserDir = findUserDir
	FileOfURI   = fileOfURI
	EtcNames    = etcNames[:]

	IsSecurityKey = isSecurityKey
)

// SplitEntry is splitEntry for tests outside.
func SplitEntry(text string) (optional bool, base, rel string) {
	e := splitEntry(text)
	return e.optional, e.base, e.rel
}
