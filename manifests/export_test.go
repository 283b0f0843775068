package manifests

// Edit is edit for the fuzzer.
func Edit(text []byte, c Change) ([]byte, bool, error) { return edit(text, c) }
