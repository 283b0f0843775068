package source

// ParseDocument is for fuzzing.
func ParseDocument(raw []byte, mediaType string) error {
	_, err := parseDocument(raw, mediaType)
	return err
}
