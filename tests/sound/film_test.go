package sound_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/need"
)

// Browsers as people start them: by their manifests, with a page that is a file, behind the filters of display and
// sound. A key starts the film on it, another scrolls it away.

func TestFilmInFirefox(t *testing.T) { film(t, "org.mozilla.firefox", "firefox-esr") }

func TestFilmInChromium(t *testing.T) { film(t, "org.chromium.Chromium", "chromium") }

func film(t *testing.T, id, program string) {
	need.Program(t, program)
	r := newDesktop(t)
	page := r.Home + "/letters/page.html"
	bed.Write(t, page, r.filmPage())
	tone, refused := r.watched(id, page)
	if tone < 0.2 || tone > 0.3 {
		t.Errorf("want the film's tone at 0.25, heard %.3f", tone)
	}
	for line := range strings.Lines(refused) {
		if !looked.MatchString(line) {
			t.Errorf("unexpected: %s", line)
		}
	}
	tone, refused = r.watched(id, page, "--without=sound.play")
	if tone > 0.001 || !strings.Contains(refused, "sound    refuse  play\n") {
		t.Errorf("control: want a silent film, heard %.3f; %s", tone, refused)
	}
}

// looked is what browsers are refused in any case: to look for services of the desktop on the message bus, and for
// others of their own kind. Display and sound refuse nothing.
var looked = regexp.MustCompile(` session  refuse  call org\.(freedesktop\.DBus|mozilla\.firefox\.OpenURL|a11y|(freedesktop|gnome|gtk|mate|xfce|cinnamon)\.(` + services + `))` +
	`|to allow it: .*'bus\.session\.(see|talk|call)=org\.(a11y\.Bus|(freedesktop|gnome|gtk|mate|xfce|cinnamon)\.(` + services + `))['=]`)

const services = `systemd1|secrets|SessionManager|ScreenSaver|PowerManagement|Settings|Mutter\.IdleMonitor`

// filmPage is green, and long. The film at its top is red, sounds at 440 Hz, and is in the page itself: an app gets
// the file that it is given and none beside it.
func (r *room) filmPage() string {
	r.Helper()
	file := r.Home + "/film.webm"
	r.Must("gst-launch-1.0", "-q", "webmmux", "name=film", "!", "filesink", "location="+file,
		"videotestsrc", "pattern=red", "num-buffers=100", "!", "video/x-raw,width=640,height=360,framerate=5/1", "!", "vp8enc", "!", "film.",
		"audiotestsrc", "freq=440", "volume=0.25", "samplesperbuffer=4800", "num-buffers=200", "!", "audio/x-raw,rate=48000,channels=2", "!", "vorbisenc", "!", "film.")
	return `<!doctype html><title>snug page</title><body style="background:#009900; height:5000px">
<video loop onplaying="document.title = 'snug film'" src="data:video/webm;base64,` + base64.StdEncoding.EncodeToString([]byte(bed.Read(r, file))) + `"></video>
<script>onkeydown = () => document.querySelector("video").play()</script>`
}

// watched starts a browser, its film and its end, and gives how strong the tone was and what was refused.
func (r *room) watched(id, page string, flags ...string) (tone float64, refused string) {
	r.Helper()
	title := func(word string) func(bed.Window) bool {
		return func(w bed.Window) bool { return w.Called(word) && w.Focused }
	}
	red := func() int {
		return r.Share(func(red, green, blue uint32) bool { return red > 0xc000 && green < 0x3000 && blue < 0x3000 })
	}
	listen := func() float64 {
		tone, _ := strength(r.listen("nsink.monitor", func() { time.Sleep(time.Second) }), 440)
		return tone
	}
	r.Start(append(append([]string{"snug", "run"}, flags...), id, page)...)
	r.Await("the page", title("snug page"))
	r.Poll("the film waits to be played", func() bool { return red() >= 10 })
	if tone := listen(); tone > 0.001 {
		r.Errorf("the film sounds at %.3f before it is played", tone)
	}
	r.Poll("the film plays", func() bool {
		r.Keys("-k", "Down")
		return strings.Contains(r.Outside("swaymsg", "-r", "-t", "get_tree"), "snug film")
	})
	tone = listen()
	r.Poll("the film is scrolled away", func() bool {
		r.Keys("-k", "End", "-s", "500")
		return red() == 0
	})
	if out := r.Outside("snug", "exec", id, "--", "wayland-info"); !strings.Contains(out, "xdg_wm_base") || strings.Contains(out, "zwlr_") {
		r.Errorf("want the display filtered, got %s", out)
	}
	refused = r.Outside("snug", "watch", "--once", id)
	r.Logf("%q: the tone at %.3f, refused:\n%s", flags, tone, refused)
	r.Must("snug", "stop", id)
	r.Poll("it has ended", func() bool { return len(r.Windows()) == 0 })
	return tone, refused
}
