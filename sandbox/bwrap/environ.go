package bwrap

import "strings"

// setEnv is setenv(3): in place, or at the end.
func (p *parser) setEnv(a []string) error {
	name, value := a[0], a[1]
	if name == "" || strings.Contains(name, "=") {
		return die("setenv failed")
	}
	for i, e := range p.line.env {
		if k, _, _ := strings.Cut(e, "="); k == name {
			p.line.env[i] = name + "=" + value
			return nil
		}
	}
	p.line.env = append(p.line.env, name+"="+value)
	return nil
}

// unsetEnv is unsetenv(3).
func (p *parser) unsetEnv(a []string) error {
	if a[0] == "" || strings.Contains(a[0], "=") {
		return die("unsetenv failed")
	}
	var kept []string
	for _, e := range p.line.env {
		if k, _, _ := strings.Cut(e, "="); k != a[0] {
			kept = append(kept, e)
		}
	}
	p.line.env = kept
	return nil
}

// variable gives the value of a variable in the environment of the command.
func (l *Line) variable(name string) (string, bool) {
	for _, e := range l.env {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}
