package code

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/dagscope/dagscope/engine/python"
)

// FromJSON returns the value of a JSON text. Whole numbers of up to 64 bits are exact.
func FromJSON(text []byte) (Value, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return Value{}, err
	}
	if d.More() {
		return Value{}, fmt.Errorf("it is followed by more, expected one value")
	}
	return python.Encode(numbers(v))
}

// numbers replaces JSON's numbers by whole ones where they are.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil && !strings.ContainsAny(v.String(), ".eE") {
			return i
		}
		f, _ := v.Float64() // beyond its range it is infinite, which is the nearest
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

// templates decodes lists and templates so that they can be encoded again: with their tags, and maps with keys of any
// kind. Its bounds are those of memory.
var templates = must(cbor.DecOptions{MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32, MaxNestedLevels: 1000}.DecMode())

// Elements takes a list apart.
func Elements(v Value) ([]Value, error) {
	data, err := v.Bytes()
	if err != nil {
		return nil, err
	}
	var parts []cbor.RawMessage
	if v.Codec > python.CBOR || templates.Unmarshal(data, &parts) != nil {
		return nil, fmt.Errorf("code: %s, expected a list", describe(v))
	}
	out := make([]Value, len(parts))
	for i, p := range parts {
		out[i] = Value{Codec: python.CBOR, Data: p}
	}
	return out, nil
}

// List is the list of its parts, none of which may be an array or a pickle.
func List(parts []Value) (Value, error) {
	items := make([]cbor.RawMessage, len(parts))
	for i, p := range parts {
		data, err := p.Bytes()
		if err != nil {
			return Value{}, err
		}
		if p.Codec > python.CBOR {
			return Value{}, fmt.Errorf("code: a list has %s, which only Python can read", describe(p))
		}
		if len(data) == 0 {
			data = null
		}
		items[i] = data
	}
	return python.Encode(items)
}

var null = cbor.RawMessage{0xf6}

// describe says in a few words what a value is.
func describe(v Value) string {
	decoded, err := v.Decode()
	if err != nil {
		return fmt.Sprintf("a value of Python (%s, %d bytes)", v.Codec, v.Size())
	}
	text := asText(decoded)
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return fmt.Sprintf("the value %s", text)
}

// asText is a value as a command gets it: a text as it is, and bytes too, anything else as JSON.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // numbers that JSON does not have, such as infinity
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
