// Package pulse stands between an app and a sound server, PulseAudio or PipeWire's, and lets through what a
// policy grants: playing without listening, first of all.
//
// The one default call is [Server.Listen]: a socket, the server's, a [Policy].
//
// # The policy, in prose
//
// To a server every client is the person: whoever may play may record, load modules into the server,
// silence others, or end it. Here each command has an entry in one table (rules.go), and what has none
// is refused. An app may look at what plays for everybody, and at what is its own; by a grant it may
//
//   - play: have streams that play, and control those;
//   - record: have streams that record from microphones, after a person has said yes if the policy says "ask".
//     An answer holds for all connections of the Server, as long as that lives;
//   - system: the same of monitors, which give what others play;
//   - mixer: set volumes, ports, profiles and defaults of devices, for everybody.
//
// Nothing lets it load or unload modules, speak with them, end the server, or leave samples there. Of
// other clients and their streams it hears nothing, neither in lists nor in events; of samples, cards
// and modules the lists are empty. Who the person is and on which machine is left out.
//
// The greeting is the filter's: the app's cookie is dropped, the server's own put in its place, and the
// bits that lead to shared memory are cleared both ways. Otherwise commands and sound would go on beside
// the socket. Descriptors are dropped. The version is 35 at the most, as far as this filter knows the protocol.
//
// Requests get tags of the filter's own, and answers the app's again; so the filter can ask the server
// things itself. A refused request is replaced by one for statistics, whose answer becomes the error: so
// answers keep their order, and an app that does not read is not read either. Packets are looked at
// whole; sound passes in whatever pieces it arrives, to and from streams that the filter knows.
//
// Streams are those of all connections of a Server, as a browser lists on one what it plays on another.
// What a stream is played with or recorded from is in play.go and record.go; events are in events.go, lists
// in lists.go, what passes of properties in properties.go.
//
// # What it does not do
//
//   - It does not limit how loud an app plays, nor for how long.
//   - A device that gives what another plays without being its monitor, such as a remapped source that a
//     person has made of one, is taken for a microphone. Servers do not tell.
//   - What an app records when its stream is moved to a source that it may not record from reaches it
//     until the filter hears of it, some thousandths of a second, unless the server tells of the move first.
//   - A person who moves an app's recording to a monitor ends it: this cannot be told apart from a device
//     that was unplugged. The grant system allows it.
//   - An index of a stream is forgotten when the app ends it. One that PipeWire gives to another app's stream
//     between the end of a connection and the server's hearing of it could be reached in that moment.
//
// # Attackers
//
// The app is hostile in every byte. The server is trusted to mean what it says, not to say it in bounded
// packets. All that is kept is counted: connections, streams, requests without an answer, lists, events.
// A breach of the protocol by the app ends the one connection; what the policy does not allow is answered.
package pulse
