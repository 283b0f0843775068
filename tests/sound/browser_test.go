package sound_test

import (
	"testing"
	"time"

	"snug/tests/bed"
)

// A browser plays on another connection than it lists on, and looks at devices before.
func TestBrowsers(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		file := r.tone(440, 0.25, 20)
		page := r.Home + "/page.html"
		bed.Write(t, page, `<audio autoplay loop src="file://`+file+`"></audio>`)
		profile := r.Home + "/profile"
		bed.Write(t, profile+"/user.js", `user_pref("media.autoplay.default", 0); user_pref("media.autoplay.blocking_policy", 0);
user_pref("browser.shell.checkDefaultBrowser", false); user_pref("datareporting.policy.dataSubmissionEnabled", false);`)
		for name, words := range map[string][]string{
			"firefox": {"firefox-esr", "--headless", "--no-remote", "--profile", profile, "file://" + page},
			"chromium": {"chromium", "--headless=new", "--no-first-run", "--disable-gpu", "--user-data-dir=" + r.Home + "/chromium",
				"--autoplay-policy=no-user-gesture-required", "file://" + page},
		} {
			t.Run(name, func(t *testing.T) {
				inside := r.inside("--play=yes")
				inside.TB = t
				browser := inside.Start(words...)
				defer browser.Stop()
				r.Poll("it plays", func() bool {
					tone, _ := strength(r.listen("nsink.monitor", func() { time.Sleep(300 * time.Millisecond) }), 440)
					return tone > 0.24 && tone < 0.26
				})
				wantTone(t, r.listen("nsink.monitor", func() { time.Sleep(time.Second) }), 440, 0.25)
			})
		}
	})
}
