package sound_test

import (
	"strings"
	"testing"

	"snug/tests/need"
)

// players are programs and libraries that play a file.
var players = []struct {
	name  string
	words []string // FILE is the file
}{
	{"paplay", []string{"paplay", "FILE"}},
	{"gstreamer", []string{"gst-launch-1.0", "-q", "filesrc", "location=FILE", "!", "wavparse", "!", "pulsesink"}},
	{"mpv", []string{"mpv", "--no-config", "--no-video", "--really-quiet", "--ao=pulse", "FILE"}},
	{"simple", []string{"python3", "-c", simple, "FILE"}},
	{"SDL", []string{"python3", "-c", sdl, "FILE"}},
}

// simple plays by libpulse's simple interface.
const simple = `
import ctypes, sys
pa = ctypes.CDLL("libpulse-simple.so.0")
class Spec(ctypes.Structure):
    _fields_ = [("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8)]
pa.pa_simple_new.restype = ctypes.c_void_p
error = ctypes.c_int(0)
s = pa.pa_simple_new(None, b"simple", 1, None, b"tone", ctypes.byref(Spec(3, 48000, 2)), None, None, ctypes.byref(error))
if not s: sys.exit("error %d" % error.value)
s = ctypes.c_void_p(s)
sound = open(sys.argv[1], "rb").read()[44:]
if pa.pa_simple_write(s, sound, ctypes.c_size_t(len(sound)), ctypes.byref(error)) < 0: sys.exit("error %d" % error.value)
if pa.pa_simple_drain(s, ctypes.byref(error)) < 0: sys.exit("error %d" % error.value)
pa.pa_simple_free(s)
`

// sdl plays by SDL 2, as games do.
const sdl = `
import ctypes, sys, time
sdl = ctypes.CDLL("libSDL2-2.0.so.0")
class Spec(ctypes.Structure):
    _fields_ = [("freq", ctypes.c_int), ("format", ctypes.c_uint16), ("channels", ctypes.c_uint8), ("silence", ctypes.c_uint8), ("samples", ctypes.c_uint16),
                ("padding", ctypes.c_uint16), ("size", ctypes.c_uint32), ("callback", ctypes.c_void_p), ("userdata", ctypes.c_void_p)]
sdl.SDL_GetError.restype = ctypes.c_char_p
if sdl.SDL_Init(0x10) != 0: sys.exit(sdl.SDL_GetError())
want = Spec(48000, 0x8010, 2, 0, 1024, 0, 0, None, None)
device = sdl.SDL_OpenAudioDevice(None, 0, ctypes.byref(want), None, 0)
if device == 0: sys.exit(sdl.SDL_GetError())
sound = open(sys.argv[1], "rb").read()[44:]
sdl.SDL_QueueAudio(device, sound, len(sound))
sdl.SDL_PauseAudioDevice(device, 0)
while sdl.SDL_GetQueuedAudioSize(device) > 0: time.sleep(0.02)
time.sleep(0.2)
sdl.SDL_CloseAudioDevice(device)
`

// What an app plays arrives as it was made.
func TestPlay(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		inside := r.inside("--play=yes")
		file := r.tone(440, 0.25, 2)
		for _, p := range players {
			t.Run(p.name, func(t *testing.T) {
				words := make([]string, len(p.words))
				for i, w := range p.words {
					words[i] = strings.ReplaceAll(w, "FILE", file)
				}
				need.Program(t, words[0])
				said := ""
				wantTone(t, r.listen("nsink.monitor", func() { said = inside.Outside(words...) }), 440, 0.25)
				if said != "" {
					t.Errorf("%q: %s", words[0], said)
				}
			})
		}
		if log := inside.log(); !strings.Contains(log, `"what":"play","decision":"pass"`) {
			t.Errorf("log: %s", log)
		}
	})
}

// Without the grant it does not play, and is told so; a program that only looks may look.
func TestNoPlay(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		inside := r.inside()
		file := r.tone(440, 0.25, 1)
		said := ""
		wantSilence(t, r.listen("nsink.monitor", func() { said = inside.Outside("paplay", file) }), 440)
		if !strings.Contains(said, "Access denied") {
			t.Errorf("got %s", said)
		}
		if got := inside.Outside("pactl", "get-default-sink"); got != "nsink\n" {
			t.Errorf("got %s", got)
		}
		if log := inside.log(); !strings.Contains(log, "snug grant org.example.App 'sound.play=true' --keep") {
			t.Errorf("log: %s", log)
		}
	})
}
