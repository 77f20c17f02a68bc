package python

import (
	"fmt"
	"math"
	"math/big"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// HoleTag is the CBOR tag of a hole in a template, see FORMAT.md.
const HoleTag = 61000

// decoding gives maps with texts as keys, which is what JSON has.
var decoding = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DefaultMapType: reflect.TypeFor[map[string]any](), IntDec: cbor.IntDecConvertSignedOrBigInt,
		MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32, MaxNestedLevels: 1000,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

// Decode returns the value as Go's nil, bool, int64, *big.Int, float64, string, []byte, []any and map[string]any. Arrays,
// pickles, and dicts with other keys than texts have no such value; the error says so.
func (v Value) Decode() (any, error) {
	if v.codec() != CBOR {
		return nil, fmt.Errorf("python: a value that is encoded as %s, expected numbers, texts, bytes, lists or maps", v.codec())
	}
	data, err := v.Bytes()
	if err != nil {
		return nil, err
	}
	var out any
	if err := decoding.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("python: a value that has no counterpart in Go: %w", err)
	}
	return plain(out), nil
}

// plain replaces what has a tag by what the tag is of: tuples and sets by lists, dataclasses by their fields.
func plain(v any) any {
	switch v := v.(type) {
	case big.Int:
		return &v // which has its digits in JSON
	case cbor.Tag:
		if parts, ok := v.Content.([]any); ok && v.Number == tagObject && len(parts) == 2 {
			return plain(parts[1])
		}
		return plain(v.Content)
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}
