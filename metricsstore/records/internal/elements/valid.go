package elements

import (
	"bytes"

	"github.com/tidwall/gjson"
)

// maxDepth is how deep arrays and objects may be nested in each other within a value, as in encoding/json.
const maxDepth = 10_000

// Valid reports whether raw is one JSON value that can be read. Readers of values call themselves for each level, so the
// depth is bounded before anything else sees the value, as encoding/json bounds it.
func Valid(raw []byte) bool {
	opened := bytes.Count(raw, []byte{'['}) + bytes.Count(raw, []byte{'{'}) // in strings as well, which is quick
	return (opened <= maxDepth || depth(raw) <= maxDepth) && gjson.ValidBytes(raw)
}

// depth is how deep raw is nested.
func depth(raw []byte) int {
	deepest, now := 0, 0
	inString := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			now++
			deepest = max(deepest, now)
		case c == ']' || c == '}':
			now--
		}
	}
	return deepest
}
