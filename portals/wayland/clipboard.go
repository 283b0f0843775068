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
// An app that gives up a device may have used its id for something else before, without waiting for
// delete_id: so that does not say that the compositor has no more to tell of the device, nor from when
// on the id is something else's. The filter asks the compositor for a callback of that id, and reads
// no more of the app until the callback has come and gone. An offer that the app gives up before anybody
// knows what it was for is still followed until that is said.

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
		return false, c.release(r, o, h.object)
	case h.opcode == destroyOffer && (o.kind == offer || o.kind == abandoned):
		o.kind, o.held = abandoned, nil
	case h.opcode == destroyOffer:
		c.forget(h.object)
	case o.kind != dragged:
		// It has a descriptor of which nobody can tell which one it is, so it cannot be left out.
		c.log.refuses(c.id, "read the clipboard", selection.text().key)
		return false, c.protest(r, h.object, invalidMethod, "this offer was not dragged here, and the clipboard is off in this sandbox", errReceive)
	}
	return true, nil
}

// release gives up a device for the app, and marks the end of what the compositor says of it.
func (c *conn) release(r *run, o *object, id uint32) error {
	if err := r.flush(); err != nil {
		return err
	}
	o.kind = released
	c.releasing = true
	r.link.Hold(relay.App)
	r.link.Write(relay.Host, append(newMessage(id, releaseDevice).done(), newMessage(theDisplay, displaySync, id).done()...))
	return nil
}

// freed is told that an id of the app's is free again, and reports whether the app is told, too.
func (c *conn) freed(r *run, id uint32) (pass bool) {
	if o := c.objects[id]; o == nil || o.kind != marked {
		return true
	}
	c.forget(id)
	c.releasing = false
	r.link.Release(relay.App)
	return false
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
		if o.kind == released && id < firstOfIts { // wl_callback.done
			o.kind = marked
			return false, nil
		}
		if id < firstOfIts || !c.note(id, offer) {
			return false, errCompositor
		}
	case h.opcode == enter && h.size == headerSize+20:
		if err := r.flush(); err != nil {
			return false, err
		}
		if of := c.settled(word(b[headerSize+16:])); of != nil {
			r.link.Write(relay.App, of.held)
			of.kind, of.held = dragged, nil
		}
	case h.opcode == selectionEvent && h.size == headerSize+4:
		if of := c.settled(word(b[headerSize:])); of != nil {
			of.kind, of.held = chosen, nil
		}
		setWord(b[headerSize:], 0)
	default:
		return false, errCompositor
	}
	return true, nil
}

// settled gives an offer of which the compositor now says what it is for, if the app still has it.
func (c *conn) settled(id uint32) *object {
	of := c.objects[id]
	switch {
	case of == nil:
	case of.kind == abandoned:
		c.forget(id)
	case of.kind == offer:
		return of
	}
	return nil
}
