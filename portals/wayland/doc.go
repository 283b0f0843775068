// Package wayland stands between an app and a Wayland compositor, and lets through what a policy grants.
//
// The one default call is [Display.Listen]: a listening socket, the compositor's socket, a [Policy].
//
// # The policy, in prose
//
// A Wayland client can only do what its globals let it do: they are the objects that the compositor
// announces by name, interface and version, and that the client binds by all three. No request but bind
// makes an object whose type the client chooses. So a global that is hidden takes all of its protocol
// with it, and the filter need not understand the rest.
//
//   - Of what the compositor announces, the app sees the interfaces of the table in globals.go, in no later
//     version than that one was judged in. Most are for every window; some need a word of Policy.Allow, or
//     a clipboard. What is not in the table is hidden, and so is its removal: the next release of a
//     compositor may announce what nobody has thought of.
//   - A bind must name what was shown, by number and by interface, in no later version. Anything else is
//     answered as the compositor would (wl_display.error, invalid_object), and is the end of that
//     connection alone.
//   - What is the app's by core Wayland stays so: it hears keys and the pointer, and reads and sets the
//     clipboard, while the compositor gives it the focus.
//   - Where the compositor has wp_security_context_v1, all connections come to it by a listener that says
//     whose they are. Compositors hide from such clients what they think fit, so a policy that grants what
//     they all hide, such as the screen's picture, is served without. Else, if the global is there and the
//     listener cannot be made, the app is refused, not less confined.
//
// With Clipboard "off" the app still has wl_data_device_manager, as toolkits want it and drag and drop
// lives there. Its own selections are left out. Those of others arrive as none, and the types of their
// data not at all. An offer can be received from when a drag has brought it over a surface of the app;
// another attempt ends the connection.
//
// # Descriptors
//
// No message that has descriptors is ever left out. So whose a descriptor is need not be known: those that
// came go on in their order, with the first byte that goes on, in groups as libwayland takes them.
// Clients and compositors queue them, and the message that claims one never comes before it.
//
// # What it does not do
//
//   - It does not look into protocols that it lets through: what an app asks of its windows, what it draws,
//     and which title or app id it gives itself.
//   - It does not limit what a client may cost the compositor, but in the number of connections and by
//     passing on the compositor's own limits: a client that does not read is not read from either.
//   - A global's removal and a bind may cross on their way. A bind of what was just removed passes, and the
//     compositor, which knows by number what it was, decides.
//   - With Clipboard "off" an offer of the clipboard that the app never learns of stays in the compositor's
//     memory and its own until the app destroys it, which toolkits do when the next one comes.
//
// # Attackers
//
// The app is hostile in every byte and descriptor. The compositor is trusted to frame its messages, to
// number its objects as the protocol says, and to bind a global only as the interface that it announced.
package wayland
