package code

import (
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/python"
)

// TestUnfold: a template stays where positional values would be another call.
func TestUnfold(t *testing.T) {
	hole := func(n uint64) cbor.Tag { return cbor.Tag{Number: python.HoleTag, Content: n} }
	none := map[string]any{}
	for name, c := range map[string]struct {
		template any
		want     []any // nil if the template stays
	}{
		"constants and values": {[]any{[]any{1, hole(1), "b", []any{2}, hole(0)}, none}, []any{1, "second", "b", []any{2}, "first"}},
		"a named argument":     {[]any{[]any{hole(0), hole(1)}, map[string]any{"n": 1}}, nil},
		"a value in a list":    {[]any{[]any{hole(0), []any{hole(1)}}, none}, nil},
		"the same value twice": {[]any{[]any{hole(0), hole(1), hole(0)}, none}, nil},
		"a value left out":     {[]any{[]any{hole(0)}, none}, nil},
		"no such value":        {[]any{[]any{hole(0), hole(1), hole(2)}, none}, nil},
		"bytes as of a hole":   {[]any{[]any{hole(0), hole(1), python.HoleTag}, none}, nil},
		"no template":          {[]any{1, 2, 3}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			encode := func(v any) Value {
				encoded, err := python.Encode(v)
				require.NoError(t, err)
				return encoded
			}
			given := python.Call{Values: []Value{encode("first"), encode("second")}, Template: encode(c.template)}
			got := given
			require.NoError(t, unfold(&got))
			if c.want == nil {
				require.Equal(t, given, got)
				return
			}
			want := make([]Value, len(c.want))
			for i := range want {
				want[i] = encode(c.want[i])
			}
			require.Equal(t, python.Call{Values: want}, got)
		})
	}
}
