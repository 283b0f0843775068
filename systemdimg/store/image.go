package store

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Bounds of what comes from outside. What is in use stays far below.
const (
	MaxConfig = 1 << 20 // bytes of an image's configuration
	MaxLayers = 128     // of an image
	maxRecord = 64 << 10
)

// Image is what is known of an image.
type Image struct {
	ID     Digest   // of its configuration
	Names  []string // sorted
	Layers []Digest // of their plain tar archives, lowest first
	Config Config
	Raw    []byte // the configuration, byte by byte
	Record
}

// Record is what the store has noted of an image.
type Record struct {
	Source   string    `json:"source"`             // as the person gave it
	Manifest Digest    `json:"manifest,omitempty"` // of the manifest that it was pulled by
	Imported time.Time `json:"imported"`
	Size     int64     `json:"size"` // bytes of the files in its layers
}

// Config is what an image says of itself (OCI image specification, config.md). Its words are the maker's.
type Config struct {
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Variant      string    `json:"variant,omitempty"`
	Created      time.Time `json:"created,omitzero"`
	Config       Defaults  `json:"config"`
	RootFS       struct {
		Type    string   `json:"type"`
		DiffIDs []Digest `json:"diff_ids"`
	} `json:"rootfs"`
}

// Defaults are how the image's programs want to be started.
type Defaults struct {
	User         string              `json:"User,omitempty"`
	Env          []string            `json:"Env,omitempty"`
	Entrypoint   []string            `json:"Entrypoint,omitempty"`
	Cmd          []string            `json:"Cmd,omitempty"`
	WorkingDir   string              `json:"WorkingDir,omitempty"`
	StopSignal   string              `json:"StopSignal,omitempty"`
	Labels       map[string]string   `json:"Labels,omitempty"`
	Volumes      map[string]struct{} `json:"Volumes,omitempty"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"`
}

// ParseConfig reads a configuration and checks what becomes the name of a file.
func ParseConfig(raw []byte) (*Config, error) {
	if len(raw) > MaxConfig {
		return nil, &Error{What: "the image's configuration is longer than a megabyte"}
	}
	var c Config
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, &Error{What: "read the image's configuration", Err: err}
	}
	if len(c.RootFS.DiffIDs) == 0 || len(c.RootFS.DiffIDs) > MaxLayers {
		return nil, &Error{What: "the image's configuration names no layers, or more than 128"}
	}
	for _, d := range c.RootFS.DiffIDs {
		if _, err := ParseDigest(string(d)); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// Info is what the store has noted of a layer.
type Info struct {
	Size  int64    `json:"size"`            // bytes of its files
	Files int64    `json:"files"`           // with folders and links
	Notes []string `json:"notes,omitempty"` // what could not be unpacked as it was
}

// Info looks a layer up.
func (s *Store) Info(d Digest) (info Info, err error) {
	text, err := readSmall(s.layer(d)+"/info.json", MaxConfig)
	if err == nil {
		err = json.Unmarshal(text, &info)
	}
	return info, err
}

// List gives all images, by their names. With an error it gives those that it could read.
func (s *Store) List() (list []*Image, err error) {
	if !s.exists {
		return nil, nil
	}
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	dirs, err := os.ReadDir(s.path("images/sha256"))
	for _, dir := range dirs {
		img, e := s.read(Digest(algorithm+dir.Name()), names)
		if e == nil {
			list = append(list, img)
		} else if !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	slices.SortFunc(list, func(a, b *Image) int {
		if c := slices.Compare(a.Names, b.Names); c != 0 && len(a.Names) > 0 && len(b.Names) > 0 {
			return c
		} else if c != 0 {
			return len(b.Names) - len(a.Names)
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	return list, err
}

// read reads the record of an image.
func (s *Store) read(id Digest, names map[string]Digest) (*Image, error) {
	if _, err := ParseDigest(string(id)); err != nil {
		return nil, err
	}
	raw, err := readSmall(s.image(id)+"/config", MaxConfig)
	if err != nil {
		return nil, err
	}
	if DigestOf(raw) != id {
		return nil, &Error{What: "the record of image " + string(id) + " is damaged", Hint: "remove it and import it again: rm -r " + s.image(id)}
	}
	c, err := ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	img := &Image{ID: id, Layers: c.RootFS.DiffIDs, Config: *c, Raw: raw}
	text, err := readSmall(s.image(id)+"/record.json", maxRecord)
	if err == nil {
		err = json.Unmarshal(text, &img.Record)
	}
	for name, d := range names {
		if d == id {
			img.Names = append(img.Names, name)
		}
	}
	slices.Sort(img.Names)
	return img, err
}

// names are what all names stand for.
func (s *Store) names() (map[string]Digest, error) {
	files, err := os.ReadDir(s.path("names"))
	if err != nil {
		return nil, err
	}
	names := make(map[string]Digest, len(files))
	for _, f := range files {
		if d, err := s.named(nameOf(f.Name())); err == nil {
			names[nameOf(f.Name())] = d
		}
	}
	return names, nil
}

// named is what one name stands for.
func (s *Store) named(name string) (Digest, error) {
	text, err := readSmall(s.path("names/"+fileOf(name)), maxRecord)
	if err != nil {
		return "", err
	}
	return ParseDigest(strings.TrimSuffix(string(text), "\n"))
}

// Find gives the image that a word names: by its name, with @ and a digest behind it if that must be what the
// name stands for; by its digest; or by the beginning of that, if no other begins so. fs.ErrNotExist says that
// there is none.
func (s *Store) Find(word string) (*Image, error) {
	missing := &Error{What: "there is no image " + quote(word), Hint: "snug image ls lists those that there are", Err: fs.ErrNotExist}
	list, err := s.List()
	if len(list) == 0 {
		return nil, errors.Join(missing, err)
	}
	plain, pinned, isPinned := strings.Cut(word, "@")
	if isPinned {
		if _, err := ParseDigest(pinned); err != nil {
			return nil, err
		}
	}
	if name, err := ParseName(plain); err == nil {
		i := slices.IndexFunc(list, func(img *Image) bool { return slices.Contains(img.Names, name) })
		switch {
		case i >= 0 && isPinned && list[i].ID != Digest(pinned) && list[i].Manifest != Digest(pinned):
			return nil, &Error{What: "image " + quote(plain) + " is not " + pinned + ", but " + string(list[i].ID), Err: fs.ErrNotExist}
		case i >= 0:
			return list[i], nil
		}
	}
	hex := strings.TrimPrefix(word, algorithm)
	if len(hex) < 4 || !isHex(hex) {
		return nil, missing
	}
	var found []*Image
	for _, img := range list {
		if strings.HasPrefix(img.ID.Hex(), hex) {
			found = append(found, img)
		}
	}
	switch len(found) {
	case 0:
		return nil, missing
	case 1:
		return found[0], nil
	}
	return nil, &Error{What: "several images begin with " + quote(word), Hint: "more digits, or a name, tell them apart"}
}

// Folders are the unpacked layers of an image, topmost first, as overlayfs takes them. They stay what they
// are as long as the image is held.
func (s *Store) Folders(img *Image) []string {
	list := make([]string, 0, len(img.Layers))
	for _, d := range slices.Backward(img.Layers) {
		if path := filepath.Join(s.layer(d), "root"); !slices.Contains(list, path) { // overlayfs takes none twice
			list = append(list, path)
		}
	}
	return list
}

// Parts are the folder of a layer's files, and the file that says how to make its archive again.
func (s *Store) Parts(d Digest) (root, recipe string) {
	return s.layer(d) + "/root", s.layer(d) + "/recipe"
}
