package pulse

// The commands, in the order of their numbers, with what a policy has to have for each. Names are those
// of the protocol's native-common.h.

// Commands that the filter itself sends or looks for.
const (
	cmdError, cmdReply                             = 0, 2
	cmdCreatePlayback, cmdDeletePlayback           = 3, 4
	cmdCreateRecord, cmdDeleteRecord               = 5, 6
	cmdAuth, cmdSetClientName                      = 8, 9
	cmdStat                                        = 13
	cmdGetSinkInfo, cmdGetSourceInfo               = 21, 23
	cmdGetClientInfo, cmdGetInputInfo              = 27, 29
	cmdGetOutputInfo, cmdSubscribe                 = 31, 35
	cmdPlaybackKilled, cmdRecordKilled, cmdChanged = 64, 65, 66
	cmdMoveSourceOutput, cmdRecordMoved            = 68, 79
)

// Codes of errors.
const (
	accessDenied uint32 = 1
	badCommand   uint32 = 2
	noEntity     uint32 = 5
	tooLarge     uint32 = 18
	notSupported uint32 = 19
	noExtension  uint32 = 21
)

// kind is what a command is to the filter.
type kind byte

const (
	breach  kind = iota // ends the connection
	ask                 // of an app, answered
	aboutOf             // of a server, about a stream that plays
	aboutIn             // of a server, about a stream that records
	told                // of a server, to the app as a whole
	silent              // of a server, not for the app
)

// rule is what becomes of a command. Without do it goes on as it is.
type rule struct {
	name  string
	kind  kind
	need  need
	code  uint32 // how it is refused; 0 is accessDenied
	shape string // of an app's values
	what  string // in words, for the log; "" is the name
	do    handler
}

// handler carries out what an app asks, and gives the verdict.
type handler func(c *conn, p *packet) verdict

// ruleOf gives what is known of a command, or nil.
func ruleOf(command uint32) *rule {
	if command < uint32(len(rules)) {
		return &rules[command]
	}
	return nil
}

const (
	playbackShape = "amLtLbLLLLvbbbbbbbbbP 14:bb 15:bbb 17:b 18:b 21:F"
	recordShape   = "amLtLbLbbbbbbbbbPL 14:b 15:bb 22:Fvbbbbb"
)

var rules = [...]rule{
	{name: "ERROR", kind: told},
	{name: "TIMEOUT", kind: silent},
	{name: "REPLY", kind: told},
	{name: "CREATE_PLAYBACK_STREAM", kind: ask, need: playing, shape: playbackShape, what: "play", do: (*conn).createPlayback},
	{name: "DELETE_PLAYBACK_STREAM", kind: ask, shape: "L", do: (*conn).deletePlayback},
	{name: "CREATE_RECORD_STREAM", kind: ask, need: recording, shape: recordShape, what: "record", do: (*conn).createRecord},
	{name: "DELETE_RECORD_STREAM", kind: ask, shape: "L", do: (*conn).deleteRecord},
	{name: "EXIT", kind: ask, need: never, what: "end the server"},
	{name: "AUTH", kind: breach},
	{name: "SET_CLIENT_NAME", kind: ask, shape: "P", do: (*conn).setClientName},
	{name: "LOOKUP_SINK", kind: ask, shape: "t"},
	{name: "LOOKUP_SOURCE", kind: ask, need: recording, code: noEntity, shape: "t", what: "look for a source", do: (*conn).lookupSource},
	{name: "DRAIN_PLAYBACK_STREAM", kind: ask, shape: "L", do: (*conn).ownPlayback},
	{name: "STAT", kind: ask},
	{name: "GET_PLAYBACK_LATENCY", kind: ask, shape: "LT", do: (*conn).ownPlayback},
	{name: "CREATE_UPLOAD_STREAM", kind: ask, need: never, what: "upload a sample"},
	{name: "DELETE_UPLOAD_STREAM", kind: ask, need: never, what: "upload a sample"},
	{name: "FINISH_UPLOAD_STREAM", kind: ask, need: never, what: "upload a sample"},
	{name: "PLAY_SAMPLE", kind: ask, need: playing, shape: "LtLtP", what: "play a sample", do: (*conn).playSample},
	{name: "REMOVE_SAMPLE", kind: ask, need: never, what: "remove a sample"},
	{name: "GET_SERVER_INFO", kind: ask, do: (*conn).getServerInfo},
	{name: "GET_SINK_INFO", kind: ask, shape: "Lt"},
	{name: "GET_SINK_INFO_LIST", kind: ask},
	{name: "GET_SOURCE_INFO", kind: ask, need: recording, code: noEntity, shape: "Lt", what: "look at a source", do: (*conn).getSourceInfo},
	{name: "GET_SOURCE_INFO_LIST", kind: ask, do: (*conn).listSources},
	{name: "GET_MODULE_INFO", kind: ask, need: never, code: noEntity, what: "look at a module"},
	{name: "GET_MODULE_INFO_LIST", kind: ask, do: (*conn).listNone},
	{name: "GET_CLIENT_INFO", kind: ask, shape: "L", what: "look at another client", do: (*conn).ownClient},
	{name: "GET_CLIENT_INFO_LIST", kind: ask, do: (*conn).listOwn},
	{name: "GET_SINK_INPUT_INFO", kind: ask, shape: "L", what: "look at a stream of another app", do: (*conn).ownInput},
	{name: "GET_SINK_INPUT_INFO_LIST", kind: ask, do: (*conn).listOwn},
	{name: "GET_SOURCE_OUTPUT_INFO", kind: ask, shape: "L", what: "look at a recording of another app", do: (*conn).ownOutput},
	{name: "GET_SOURCE_OUTPUT_INFO_LIST", kind: ask, do: (*conn).listOwn},
	{name: "GET_SAMPLE_INFO", kind: ask, need: never, code: noEntity, what: "look at a sample"},
	{name: "GET_SAMPLE_INFO_LIST", kind: ask, do: (*conn).listNone},
	{name: "SUBSCRIBE", kind: ask, shape: "L", do: (*conn).subscribe},
	{name: "SET_SINK_VOLUME", kind: ask, need: mixing, shape: "Ltv", what: "set the volume of a device"},
	{name: "SET_SINK_INPUT_VOLUME", kind: ask, shape: "Lv", what: "set the volume of another app", do: (*conn).ownInput},
	{name: "SET_SOURCE_VOLUME", kind: ask, need: mixing, shape: "Ltv", what: "set the volume of a source"},
	{name: "SET_SINK_MUTE", kind: ask, need: mixing, shape: "Ltb", what: "mute a device"},
	{name: "SET_SOURCE_MUTE", kind: ask, need: mixing, shape: "Ltb", what: "mute a source"},
	{name: "CORK_PLAYBACK_STREAM", kind: ask, shape: "Lb", do: (*conn).ownPlayback},
	{name: "FLUSH_PLAYBACK_STREAM", kind: ask, shape: "L", do: (*conn).ownPlayback},
	{name: "TRIGGER_PLAYBACK_STREAM", kind: ask, shape: "L", do: (*conn).ownPlayback},
	{name: "SET_DEFAULT_SINK", kind: ask, need: mixing, shape: "t", what: "choose the device that plays"},
	{name: "SET_DEFAULT_SOURCE", kind: ask, need: mixing, shape: "t", what: "choose the device that records"},
	{name: "SET_PLAYBACK_STREAM_NAME", kind: ask, shape: "Lt", do: (*conn).ownPlayback},
	{name: "SET_RECORD_STREAM_NAME", kind: ask, shape: "Lt", do: (*conn).ownRecord},
	{name: "KILL_CLIENT", kind: ask, shape: "L", what: "kill another client", do: (*conn).ownClient},
	{name: "KILL_SINK_INPUT", kind: ask, shape: "L", what: "kill a stream of another app", do: (*conn).ownInput},
	{name: "KILL_SOURCE_OUTPUT", kind: ask, shape: "L", what: "kill a recording of another app", do: (*conn).ownOutput},
	{name: "LOAD_MODULE", kind: ask, need: never, what: "load a module"},
	{name: "UNLOAD_MODULE", kind: ask, need: never, what: "unload a module"},
	{name: "ADD_AUTOLOAD", kind: ask, need: never, code: notSupported, what: "load a module"},
	{name: "REMOVE_AUTOLOAD", kind: ask, need: never, code: notSupported, what: "unload a module"},
	{name: "GET_AUTOLOAD_INFO", kind: ask, need: never, code: notSupported, what: "look at a module"},
	{name: "GET_AUTOLOAD_INFO_LIST", kind: ask, need: never, code: notSupported, what: "look at modules"},
	{name: "GET_RECORD_LATENCY", kind: ask, shape: "LT", do: (*conn).ownRecord},
	{name: "CORK_RECORD_STREAM", kind: ask, shape: "Lb", do: (*conn).ownRecord},
	{name: "FLUSH_RECORD_STREAM", kind: ask, shape: "L", do: (*conn).ownRecord},
	{name: "PREBUF_PLAYBACK_STREAM", kind: ask, shape: "L", do: (*conn).ownPlayback},
	{name: "REQUEST", kind: aboutOf},
	{name: "OVERFLOW", kind: aboutOf},
	{name: "UNDERFLOW", kind: aboutOf},
	{name: "PLAYBACK_STREAM_KILLED", kind: aboutOf},
	{name: "RECORD_STREAM_KILLED", kind: aboutIn},
	{name: "SUBSCRIBE_EVENT", kind: told},
	{name: "MOVE_SINK_INPUT", kind: ask, shape: "LLt", what: "move a stream of another app", do: (*conn).ownInput},
	{name: "MOVE_SOURCE_OUTPUT", kind: ask, need: recording, shape: "LLt", what: "move a recording", do: (*conn).moveOutput},
	{name: "SET_SINK_INPUT_MUTE", kind: ask, shape: "Lb", what: "mute another app", do: (*conn).ownInput},
	{name: "SUSPEND_SINK", kind: ask, need: mixing, shape: "Ltb", what: "suspend a device"},
	{name: "SUSPEND_SOURCE", kind: ask, need: mixing, shape: "Ltb", what: "suspend a source"},
	{name: "SET_PLAYBACK_STREAM_BUFFER_ATTR", kind: ask, shape: "LLLLLb 14:b", do: (*conn).ownPlayback},
	{name: "SET_RECORD_STREAM_BUFFER_ATTR", kind: ask, shape: "LLLb 14:b", do: (*conn).ownRecord},
	{name: "UPDATE_PLAYBACK_STREAM_SAMPLE_RATE", kind: ask, shape: "LL", do: (*conn).ownPlayback},
	{name: "UPDATE_RECORD_STREAM_SAMPLE_RATE", kind: ask, shape: "LL", do: (*conn).ownRecord},
	{name: "PLAYBACK_STREAM_SUSPENDED", kind: aboutOf},
	{name: "RECORD_STREAM_SUSPENDED", kind: aboutIn},
	{name: "PLAYBACK_STREAM_MOVED", kind: aboutOf},
	{name: "RECORD_STREAM_MOVED", kind: aboutIn},
	{name: "UPDATE_RECORD_STREAM_PROPLIST", kind: ask, shape: "LLP", do: (*conn).updateRecord},
	{name: "UPDATE_PLAYBACK_STREAM_PROPLIST", kind: ask, shape: "LLP", do: (*conn).updatePlayback},
	{name: "UPDATE_CLIENT_PROPLIST", kind: ask, shape: "LP", do: (*conn).updateClient},
	{name: "REMOVE_RECORD_STREAM_PROPLIST", kind: ask, shape: "LS", do: (*conn).removeRecord},
	{name: "REMOVE_PLAYBACK_STREAM_PROPLIST", kind: ask, shape: "LS", do: (*conn).removePlayback},
	{name: "REMOVE_CLIENT_PROPLIST", kind: ask, shape: "S", do: (*conn).removeClient},
	{name: "STARTED", kind: aboutOf},
	{name: "EXTENSION", kind: ask, need: never, code: noExtension, what: "speak with a module"},
	{name: "GET_CARD_INFO", kind: ask, need: never, code: noEntity, what: "look at a card"},
	{name: "GET_CARD_INFO_LIST", kind: ask, do: (*conn).listNone},
	{name: "SET_CARD_PROFILE", kind: ask, need: mixing, shape: "Ltt", what: "set the profile of a card"},
	{name: "CLIENT_EVENT", kind: silent},
	{name: "PLAYBACK_STREAM_EVENT", kind: aboutOf},
	{name: "RECORD_STREAM_EVENT", kind: aboutIn},
	{name: "PLAYBACK_BUFFER_ATTR_CHANGED", kind: aboutOf},
	{name: "RECORD_BUFFER_ATTR_CHANGED", kind: aboutIn},
	{name: "SET_SINK_PORT", kind: ask, need: mixing, shape: "Ltt", what: "set the port of a device"},
	{name: "SET_SOURCE_PORT", kind: ask, need: mixing, shape: "Ltt", what: "set the port of a source"},
	{name: "SET_SOURCE_OUTPUT_VOLUME", kind: ask, need: recording, shape: "Lv", what: "set the volume of a recording of another app", do: (*conn).ownOutput},
	{name: "SET_SOURCE_OUTPUT_MUTE", kind: ask, need: recording, shape: "Lb", what: "mute a recording of another app", do: (*conn).ownOutput},
	{name: "SET_PORT_LATENCY_OFFSET", kind: ask, need: mixing, shape: "Lttr", what: "set the latency of a port"},
	{name: "ENABLE_SRBCHANNEL", kind: silent},
	{name: "DISABLE_SRBCHANNEL", kind: silent},
	{name: "REGISTER_MEMFD_SHMID", kind: silent},
	{name: "SEND_OBJECT_MESSAGE", kind: ask, need: never, what: "send a message to an object"},
}
