package reference

import (
	"encoding/json"
	"strings"

	"snug/manifests"
)

// object is a JSON object; encoding/json sorts its names, so that the text is always the same.
type object map[string]any

// JSON returns a JSON Schema, draft 2020-12, of a manifest as a TOML parser reads it.
func JSON() []byte {
	root := tableOf("")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "snug manifest, schema 1"
	root["description"] = "What an app may reach in its sandbox. What is not named is not there."
	condition := tableOf("if")
	condition["required"] = []string{"when"}
	add(condition, "when", object{"type": "string", "pattern": fact,
		"description": "the fact under which the keys beside it are added: wayland, x11, nvidia, portal, desktop=NAME, host=GLOB, or ! before one"})
	add(root, "if", object{"type": "array", "maxItems": 64, "items": condition})
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("bug: " + err.Error()) // it is made of strings, numbers and maps
	}
	return append(text, '\n')
}

// tableOf returns the object of a whole manifest, or with "if" of what may stand below a condition.
func tableOf(where string) object {
	root := newTable()
	schema := manifests.Schema()
	for i := range schema {
		key := &schema[i]
		if where == "if" && key.Scope != "" {
			continue
		}
		table, rest := root, key.Name
		for {
			name, below, more := strings.Cut(rest, ".")
			if !more {
				add(table, name, property(key))
				break
			}
			properties := table["properties"].(object)
			if properties[name] == nil {
				properties[name] = newTable()
			}
			table, rest = properties[name].(object), below
		}
	}
	return root
}

func newTable() object {
	return object{"type": "object", "additionalProperties": false, "properties": object{}}
}

func add(table object, name string, value object) { table["properties"].(object)[name] = value }

// property is what one key may be.
func property(key *manifests.Key) object {
	p := object{"description": Describe(key)}
	switch key.Kind {
	case "flag":
		p["type"] = "boolean"
		p["default"] = false
	case "number":
		p["type"], p["minimum"] = "integer", 1
		if key.Name == "schema" {
			p["maximum"] = 1
		}
	case "decimal":
		p["type"], p["exclusiveMinimum"] = "number", 0
	case "list", "argv":
		p["type"], p["maxItems"], p["items"] = "array", 1024, word(key)
	case "table":
		p["type"], p["additionalProperties"] = "object", object{"type": "string", "pattern": plain}
		p["propertyNames"] = object{"pattern": name}
	default:
		for k, v := range word(key) {
			p[k] = v
		}
		if key.Default != "" {
			p["default"] = key.Default
		}
	}
	return p
}

// word is what a text or each entry of a list may be.
func word(key *manifests.Key) object {
	w := object{"type": "string"}
	if values := key.Values.List(); len(values) > 0 {
		w["enum"] = values
	} else {
		w["pattern"] = patternOf(key.Name)
	}
	return w
}

// Describe is what a key is about, with its code and what of it is not in this version.
func Describe(key *manifests.Key) string {
	text := key.Doc
	if key.Danger != "" {
		text += "; " + strings.Join(key.Risky.List(), " ") + " needs " + key.Danger + " in accept"
		text = strings.Replace(text, "; * needs", "; needs", 1)
	}
	switch {
	case key.Later == "*":
		text += "; not in this version"
	case key.Later != "":
		text += "; not in this version: " + strings.Join(key.Later.List(), " ")
	}
	return text
}

// The patterns of JSON Schema are ECMAScript's, and are searched for: each begins with ^ and ends
// with $. They let through all that the parser does, and as little else as a line can say.
const (
	plain   = `^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$`
	id      = `^[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$`
	path    = `^\??(/|~/|xdg-[a-z])[^*?\[\u0000-\u001f\u007f-\u009f]*$`
	name    = `^[A-Za-z_][A-Za-z0-9_]*$`
	busName = `^[A-Za-z_*-][A-Za-z0-9_*.-]*$`
	busRule = `^[A-Za-z_*-][A-Za-z0-9_*.-]*=`
	size    = `^([0-9]{1,12}[KMGT]?|unlimited)$`
	fact    = `^!?(wayland|x11|nvidia|portal|(desktop|host)=.+)$`
)

// patternOf is the pattern of a key whose values are in no list.
func patternOf(key string) string {
	switch key {
	case "id", "extends":
		return id
	case "desktop":
		return `^[^./-][^/]*\.desktop$`
	case "without":
		return `^[a-z0-9.-]+(:.+)?$`
	case "accept":
		return `^[a-z0-9-]+(:.+)?$`
	case "system.root":
		return `^(host|/.+|image:[A-Za-z0-9_].*)$`
	case "system.hostname":
		return `^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,63}$`
	case "home.import", "files.read", "files.write", "files.create", "files.except":
		return path
	case "devices.usb":
		return `^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}$`
	case "devices.nodes":
		return `^/dev/.+$`
	case "network.allow", "network.listen":
		return `^.+:[0-9]{1,5}$`
	case "portals.allow":
		return `^[A-Za-z0-9]+$`
	case "process.pass":
		return name
	case "process.capabilities":
		return `^[A-Za-z0-9_]+$`
	case "process.seccomp":
		return `^(default|off|(/|~/).*\.json)$`
	case "limits.memory", "limits.core":
		return size
	}
	switch _, rule, isBus := strings.Cut(strings.TrimPrefix(key, "bus."), "."); {
	case !isBus || !strings.HasPrefix(key, "bus."):
		return plain
	case rule == "call" || rule == "broadcast":
		return busRule
	}
	return busName
}
