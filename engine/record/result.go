package record

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
)

// Bounds of the result that RunEnd contains, in bytes: of the encoded value, and of its text.
const (
	maxResult     = 1 << 20
	maxResultText = 64 << 10
)

// Keep stores the value that the run returned in e: encoded if it is small enough, and always as text.
func (e *RunEnd) Keep(t *codec.Type, v any) {
	e.Result, e.ResultType = nil, t.Name()
	e.ResultText = resultLarge(t, -1)
	if codec.Exceeds(v, maxResult) {
		return
	}
	b, err := t.Append(nil, v)
	if err != nil {
		e.ResultText = fmt.Sprintf("(a %s that cannot be encoded)", t.Name())
		return
	}
	if len(b) <= maxResult {
		e.Result = b
	}
	if len(b) > maxResultText {
		e.ResultText = resultLarge(t, len(b))
		return
	}
	e.ResultText = ResultText(v)
	if len(e.ResultText) > maxResultText {
		e.ResultText = resultLarge(t, len(b))
	}
}

// resultLarge is put in place of the text of a result; in parentheses, so that it is not mistaken for JSON. size is -1
// if computing it would take long.
func resultLarge(t *codec.Type, size int) string {
	if size < 0 {
		return fmt.Sprintf("(a %s of more than 1 MiB, too large to be kept)", t.Name())
	}
	return fmt.Sprintf("(a %s of %d bytes, too large to be shown)", t.Name(), size)
}

// ResultText returns a value as JSON. Numbers that JSON does not have become the text NaN, Infinity or -Infinity, as in
// the JSON of protocol buffers; a value that has no JSON at all is described in parentheses.
func ResultText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		text, err = json.Marshal(finite(reflect.ValueOf(v), 0))
	}
	if err != nil {
		return fmt.Sprintf("(a %T, which JSON cannot hold)", v)
	}
	return string(text)
}

// deepest bounds the recursion of finite, because a value may refer to itself.
const deepest = 1000

// finite copies a value into maps, lists and plain values in which every number is one that JSON has.
func finite(v reflect.Value, depth int) any {
	switch {
	case !v.IsValid() || depth > deepest:
		return nil
	case v.Kind() == reflect.Float32 || v.Kind() == reflect.Float64:
		return finiteNumber(v.Float(), v.Interface())
	case v.Type() == reflect.TypeFor[time.Time]() || v.Type().Implements(reflect.TypeFor[json.Marshaler]()):
		return v.Interface()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return finite(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && (v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8) {
			return v.Interface()
		}
		out := make([]any, v.Len())
		for i := range out {
			out[i] = finite(v.Index(i), depth+1)
		}
		return out
	case reflect.Map:
		out := make(map[string]any, v.Len())
		for key, value := range v.Seq2() {
			out[fmt.Sprint(finite(key, depth+1))] = finite(value, depth+1)
		}
		return out
	case reflect.Struct:
		return finiteFields(v, depth)
	default:
		return v.Interface()
	}
}

func finiteNumber(f float64, otherwise any) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return otherwise
}

// finiteFields copies the exported fields of a struct under the names that their tags give them.
func finiteFields(v reflect.Value, depth int) any {
	out := map[string]any{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || name == "-" || strings.Contains(options, "omitempty") && v.Field(i).IsZero():
			continue
		case name == "":
			name = f.Name
		}
		out[name] = finite(v.Field(i), depth+1)
	}
	return out
}
