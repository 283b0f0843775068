package wayland

import "snug/portals/internal/relay"

// Where the clipboard is off.
//
//	wl_data_device_manager ── get_data_device ──► wl_data_device
//	                                                │ data_offer: a wl_data_offer, of which the compositor
//	                                                ▼ tells first the types and then what it is for
//	                                              offer ── enter ──────► dragged: types are told, may be received
//	                                                └───── selection ──► chosen: types are not told, the app hears of none
//
// Ids of the app's are free for the compositor when it has read the request that gives them up, and free
// for the app when delete_id says so. What the compositor had said before that is still of the old object.
// So a device stays followed in between, and delete_id is counted against what was given up.

// maxHeld bounds the types of one offer that are kept for the app. Those beyond it never hears of.
const maxHeld = 16 << 10

// receives reports whether a request asks an offer for data. Of a stranger, too: interfaces of such objects
// have no other request of that opcode with arguments. Who sends one to an object that is not followed
// means an offer that was there, or guesses one that is about to be.
func (h header) receives() bool { return h.opcode == receive && h.size > headerSize }

// aboutOffers reports whether an event of a device is about an offer.
func aboutOffers(opcode uint16) bool {
	return opcode == dataOffer || opcode == enter || opcode == selectionEvent
}

// request decides on a request of a device or an offer.
func (c *conn) request(r *run, o *object, h header) (pass bool, err error) {
	switch {
	case o.kind == device && h.opcode == setSelection:
		c.log.refuses(c.id, "set the clipboard", selection.text().key)
		return false, nil
	case o.kind == device:
		o.kind = released
		o.dying++
	case h.opcode == destroyOffer:
		delete(c.objects, h.object)
	case o.kind != dragged:
		// It has a descriptor of which nobody can tell which one it is, so it cannot be left out.
		c.log.refuses(c.id, "read the clipboard", selection.text().key)
		return false, c.protest(r, h.object, invalidMethod, "this offer was not dragged here, and the clipboard is off in this sandbox", errReceive)
	}
	return true, nil
}

// freed notes that an id of the app's is free again.
func (c *conn) freed(id uint32) {
	o := c.objects[id]
	if o == nil || o.dying == 0 {
		return
	}
	if o.dying--; o.dying == 0 && o.kind == released {
		delete(c.objects, id)
	}
}

// event decides on an event of a device or an offer.
func (c *conn) event(r *run, o *object, h header, b []byte) (pass bool, err error) {
	switch {
	case o.kind >= offer:
		if o.kind == offer && len(o.held)+len(b) <= maxHeld {
			o.held = append(o.held, b...)
		}
		return o.kind == dragged, nil
	case h.opcode == dataOffer && h.size == headerSize+4:
		id := word(b[headerSize:])
		if id < firstOfIts || len(c.objects) >= maxObjects {
			return false, errCompositor
		}
		c.objects[id] = &object{kind: offer}
	case h.opcode == enter && h.size == headerSize+20:
		if err := r.flush(); err != nil {
			return false, err
		}
		if of := c.objects[word(b[headerSize+16:])]; of != nil && of.kind == offer {
			r.link.Write(relay.App, of.held)
			of.kind, of.held = dragged, nil
		}
	case h.opcode == selectionEvent && h.size == headerSize+4:
		if of := c.objects[word(b[headerSize:])]; of != nil && of.kind == offer {
			of.kind, of.held = chosen, nil
		}
		setWord(b[headerSize:], 0)
	default:
		return false, errCompositor
	}
	return true, nil
}
