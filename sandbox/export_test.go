package sandbox

import "os"

// GrantProgram is the program of Live.Grant as text.
func GrantProgram(st *State, g *Grant, h *Host, src Sources, process *os.File) (string, error) {
	p, err := compileGrant(st, g, h, src, process)
	if err != nil {
		return "", err
	}
	return p.String(), nil
}

// RevokeProgram is the program of Live.Revoke as text.
func RevokeProgram(st *State, g *Granted, dir *os.File, name string, h *Host, process *os.File) (string, error) {
	p, err := compileRevoke(st, g, dir, name, h, process)
	if err != nil {
		return "", err
	}
	return p.String(), nil
}
