package manifests

// What black-box tests reach only by way of a whole session.
var (
	FindCookie  = findCookie
	FindUserDir = findUserDir
	FileOfURI   = fileOfURI
	EtcNames    = etcNames[:]
)
