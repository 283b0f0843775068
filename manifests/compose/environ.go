package compose

import (
	"strings"

	"snug/manifests/internal/words"
)

// defaultPath is where programs are looked for inside.
const defaultPath = "/usr/local/bin:/usr/bin:/bin"

// safeVariable reports whether a variable of the host reaches every app: language, terminal,
// looks, input method, and the token by which a launcher hands over the focus. All others may
// hold secrets or lead programs astray, and need process.pass.
func safeVariable(name string) bool {
	switch name {
	case "LANG", "LANGUAGE", "TZ",
		"TERM", "COLORTERM", "COLORFGBG", "NO_COLOR", "CLICOLOR", "LS_COLORS",
		"XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID",
		"XDG_CURRENT_DESKTOP", "XDG_SESSION_DESKTOP", "DESKTOP_SESSION", "XDG_MENU_PREFIX",
		"KDE_FULL_SESSION", "KDE_SESSION_VERSION", // without which Qt has none of KDE's looks
		"GTK_THEME", "GDK_SCALE", "GDK_DPI_SCALE", "XCURSOR_THEME", "XCURSOR_SIZE",
		"QT_STYLE_OVERRIDE", "QT_QPA_PLATFORMTHEME", "QT_SCALE_FACTOR", "QT_SCREEN_SCALE_FACTORS",
		"QT_AUTO_SCREEN_SCALE_FACTOR", "QT_ENABLE_HIGHDPI_SCALING", "QT_FONT_DPI",
		"QT_SCALE_FACTOR_ROUNDING_POLICY", "FREETYPE_PROPERTIES",
		"GTK_IM_MODULE", "QT_IM_MODULE", "QT_IM_MODULES", "SDL_IM_MODULE", "GLFW_IM_MODULE",
		"CLUTTER_IM_MODULE", "XMODIFIERS":
		return true
	}
	return strings.HasPrefix(name, "LC_")
}

// environment makes the whole environment of the app. Later values win: the safe list, what is
// passed, what the sandbox knows better, what the manifest sets.
func (c *composer) environment() {
	env := environ{}
	for _, entry := range c.w.Env {
		if name, value, _ := strings.Cut(entry, "="); safeVariable(name) {
			env.set(name, value)
		}
	}
	env.set("PATH", defaultPath)
	env.set("SHELL", c.shell())
	c.searchPaths(&env)
	for _, pass := range c.m.Process.Pass {
		value := c.w.getenv(pass.Value)
		switch {
		case value != "":
			env.set(pass.Value, value)
			c.tell(groupSystem, "read your variable "+pass.Value, pass.Origin)
		case pass.Typed(): // a manifest names what may be set
			c.warn("process.pass", pass, "your environment has no such variable, or an empty one", "export "+pass.Value+", or set it: --env "+pass.Value+"=VALUE")
		}
	}
	env.set("HOME", c.home)
	env.set("USER", field(c.w.User, "user"))
	env.set("LOGNAME", field(c.w.User, "user"))
	env.set("XDG_RUNTIME_DIR", c.runtime)
	c.sessionType(&env)
	for _, entry := range c.env {
		name, value, _ := strings.Cut(entry, "=")
		env.set(name, value)
	}
	for _, variable := range c.m.Process.Env {
		env.set(variable.Name, variable.Value)
		c.tell(groupSystem, "read the variable "+variable.Name+", set to "+words.Quote(variable.Value), variable.Origin)
	}
	c.out.Spec.Process.Env = env
	c.out.Spec.Process.Programs = c.programs(env.get("PATH"))
}

// searchPaths rewrites the variables of the base directory specification: what is not in the
// sandbox is left out.
func (c *composer) searchPaths(env *environ) {
	for _, name := range [...]string{"XDG_DATA_DIRS", "XDG_CONFIG_DIRS"} {
		var kept []string
		for dir := range strings.SplitSeq(c.w.getenv(name), ":") {
			if c.inTree(dir) || inside(dir, "/etc/xdg") || c.has(dir) && dir == child(c.w.Config, kdeDefaults) {
				kept = append(kept, dir)
			}
		}
		if kept != nil {
			env.set(name, strings.Join(kept, ":"))
		}
	}
	for _, dir := range [...]struct{ name, value string }{{"XDG_DATA_HOME", c.w.Data}, {"XDG_CONFIG_HOME", c.w.Config},
		{"XDG_CACHE_HOME", c.w.Cache}, {"XDG_STATE_HOME", c.w.State}} {
		if c.w.getenv(dir.name) != "" && dir.value != c.home && inside(dir.value, c.home) {
			env.set(dir.name, dir.value)
		}
	}
}

// sessionType names the display that the app has, which need not be the session's.
func (c *composer) sessionType(env *environ) {
	switch {
	case c.display.wayland:
		env.set("XDG_SESSION_TYPE", "wayland")
	case c.display.x11:
		env.set("XDG_SESSION_TYPE", "x11")
	}
}

// environ is an environment as execve takes it: KEY=VALUE.
type environ []string

func (e *environ) set(name, value string) {
	for i, entry := range *e {
		if strings.HasPrefix(entry, name) && len(entry) > len(name) && entry[len(name)] == '=' {
			(*e)[i] = name + "=" + value
			return
		}
	}
	*e = append(*e, name+"="+value)
}

func (e environ) get(name string) string {
	for _, entry := range e {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value
		}
	}
	return ""
}
