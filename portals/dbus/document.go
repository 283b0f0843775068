package dbus

import (
	"time"

	"golang.org/x/sys/unix"
)

// Document makes a regular file, open with O_PATH, a document that an app may read and write, until the
// portal ends, and gives its id there: by-app/APP/ID below the portal's mount point then holds the file
// alone, and takes a new one in its place. The call keeps no descriptor. See AddFull in
// org.freedesktop.portal.Documents(5).
func Document(address string, file int, app string, patience time.Duration) (id string, err error) {
	h, body, err := askDocuments(address, addDocument(app), file, patience)
	if err != nil {
		return "", err
	}
	return h.firstOfList(body)
}

// DeleteDocument makes a document none any more, for all apps. The file stays.
func DeleteDocument(address, id string, patience time.Duration) error {
	d := toDocuments("Delete", "s")
	d.body()
	d.string(id)
	_, _, err := askDocuments(address, d.end(), -1, patience)
	return err
}

func toDocuments(member, signature string) *draft {
	return Call{Name: "org.freedesktop.portal.Documents", Path: "/org/freedesktop/portal/documents",
		Interface: "org.freedesktop.portal.Documents", Member: member}.begin(signature)
}

// askDocuments makes one call, with a descriptor unless that is -1.
func askDocuments(address string, call []byte, file int, patience time.Duration) (*header, []byte, error) {
	q, err := dial(address, patience)
	if err != nil {
		return nil, nil, err
	}
	defer unix.Close(q.fd)
	if err := q.greet(file >= 0); err != nil {
		return nil, nil, err
	}
	return q.ask(call, file)
}

// addDocument writes AddFull(descriptors ah, flags u, app s, permissions as). Without flags the document
// is one of its own, and gone when the portal ends.
func addDocument(app string) []byte {
	d := toDocuments("AddFull", "ahusas")
	d.align(8)
	d.b = append(d.b, fieldUnixFDs, 1, 'u', 0)
	d.number(1)
	d.body()
	d.number(4) // bytes of the array
	d.number(0) // the first descriptor
	d.number(0) // no flags
	d.string(app)
	const read, write = "read", "write"
	d.number(uint32(4+len(read)+1+3) + uint32(4+len(write)+1)) // with the bytes that align the second
	d.string(read)
	d.string(write)
	return d.end()
}

// firstOfList gives the first string of a list that is the first value of an answer.
func (h *header) firstOfList(body []byte) (string, error) {
	if sig := string(h.signature()); len(sig) < 2 || sig[:2] != "as" || len(body) < 4 {
		return "", errAnswer
	}
	s, used := text(body[4:], h.big)
	if n := number(body, h.big); used == 0 || uint64(n) < uint64(used) {
		return "", errAnswer
	}
	return string(s), nil
}
