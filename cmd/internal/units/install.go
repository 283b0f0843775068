package units

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrForeign says that there is a file of the unit's name that Install has not written.
var ErrForeign = errors.New("it is not of snug's writing")

// Install writes the unit into a folder, such as ~/.config/systemd/user, which it makes if there is none. It
// writes over nothing but what it has written before, and gives the path.
func (u *Unit) Install(folder string) (path string, err error) {
	text, err := u.Text()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	path = filepath.Join(folder, u.File())
	switch st, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", err
	case !st.Mode().IsRegular(): // a mask is a link to /dev/null
		return "", &fs.PathError{Op: "write", Path: path, Err: ErrForeign}
	default:
		old, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if !strings.HasPrefix(string(old), mark) {
			return "", &fs.PathError{Op: "write", Path: path, Err: ErrForeign}
		}
		if string(old) == text {
			return path, nil
		}
	}
	return path, replace(path, text)
}

// replace puts a file into its place at once: a manager that reads it finds it whole.
func replace(path, text string) error {
	aside, err := os.CreateTemp(filepath.Dir(path), ".snug-*")
	if err != nil {
		return err
	}
	_, err = aside.WriteString(text)
	if err == nil {
		err = aside.Chmod(0o644)
	}
	if e := aside.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(aside.Name(), path)
	}
	if err != nil {
		os.Remove(aside.Name())
	}
	return err
}
