//go:build unix

package python

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCall(t *testing.T) {
	p := newPool(t, nil)
	v, used, err := p.try(t, "add", 1, 2)
	require.NoError(t, err)
	assert.Equal(t, encode(t, 3), v)
	assert.GreaterOrEqual(t, used.User, time.Duration(0))
	assert.Greater(t, used.PeakMemory, int64(1<<20))
	v, _, err = p.try(t, "echo", Value{}, []any{"é", 1.5, true, []byte{7}, map[string]any{"k": nil}})
	require.NoError(t, err)
	assert.Equal(t, encode(t, []any{nil, []any{"é", 1.5, true, []byte{7}, map[string]any{"k": nil}}}), v)
	v, _, err = p.Call(t.Context(), Call{Module: "work", Function: "Tools.double", Values: []Value{encode(t, 21)}})
	require.NoError(t, err)
	assert.Equal(t, encode(t, 42), v)
	assert.Equal(t, Counts{Live: 1, Idle: 1, Started: 1}, p.Counts(), "all calls had the same interpreter")
}

// TestTemplate fills holes at several depths, one of them twice.
func TestTemplate(t *testing.T) {
	p := newPool(t, nil)
	hole := func(n byte) []byte { return []byte{0xd9, 0xee, 0x48, n} }
	template := slices.Concat([]byte{0x82, 0x82}, hole(1), []byte{0xa1, 0x61, 'x', 0x82, 0x05}, hole(0), []byte{0xa1, 0x61, 'k'}, hole(1))
	v, _, err := p.Call(t.Context(), Call{
		Module: "work", Function: "echo", Values: []Value{encode(t, "a"), encode(t, "b")},
		Template: Value{Codec: CBOR, Data: template},
	})
	require.NoError(t, err)
	want := slices.Concat([]byte{0x82, 0xd9, 0xee, 0x49, 0x82, 0x61, 'b', 0xa1, 0x61, 'x', 0x82, 0x05, 0x61, 'a', 0xa1, 0x61, 'k', 0x61, 'b'})
	assert.Equal(t, want, v.Data)
}

func TestCallList(t *testing.T) {
	p := newPool(t, nil)
	for _, n := range []int{0, 1, 1000, 20_000} {
		parts, _, err := p.CallList(t.Context(), Call{Module: "builtins", Function: "range", Values: []Value{encode(t, n)}})
		require.NoError(t, err)
		require.Len(t, parts, n)
		for i, v := range parts {
			require.Equal(t, encode(t, i), v)
		}
	}
	// More large ones than descriptors may be passed at once; the rest lies in the payload.
	parts, _, err := p.CallList(t.Context(), Call{Module: "work", Function: "bigs", Values: []Value{encode(t, 300)}})
	require.NoError(t, err)
	require.Len(t, parts, 300)
	lengths, _, err := p.Call(t.Context(), Call{Module: "work", Function: "lengths", Values: parts})
	require.NoError(t, err)
	assert.Equal(t, encode(t, slices.Repeat([]int{1 << 17}, 300)), lengths)
	_, _, err = p.CallList(t.Context(), Call{Module: "work", Function: "nothing"})
	assert.ErrorContains(t, err, "TypeError: 'NoneType' object is not iterable")
}

func TestDataclasses(t *testing.T) {
	p := newPool(t, nil)
	v, _, err := p.try(t, "point", 5)
	require.NoError(t, err)
	v, _, err = p.try(t, "mirror", v)
	require.NoError(t, err)
	assert.Equal(t, encode(t, 5), v)
}

func TestCallErrors(t *testing.T) {
	p := newPool(t, nil)
	for _, c := range []struct {
		module, function string
		args             []any
		reason           Reason
		text             string
	}{
		{"work", "fail", []any{"no\nluck"}, Raised, "ValueError: no\nluck"},
		{"work", "depart", nil, Raised, "SystemExit: 7"},
		{"work", "add", []any{1}, Raised, "TypeError: add() missing 1 required positional argument: 'b'"},
		{"work", "nowhere", nil, Missing, "there is no function nowhere in "},
		{"work", "sys.nowhere", nil, Missing, "there is no function sys.nowhere in "},
		{"work", "debian", nil, Missing, "there is no function"},
		{"nomodule", "f", nil, Missing, "there is no module nomodule"},
		{"broken", "f", nil, Raised, "ModuleNotFoundError: No module named 'nomodule'"},
		{"work", "opaque", nil, Unsendable, "work:opaque: value[0] cannot be sent: it is of type object"},
		{"work", "echo", []any{Value{Codec: CBOR, Data: []byte{0xff}}}, Malformed, "a simple value 31"},
		{"work", "echo", []any{Value{Codec: Array, Data: []byte{1}}}, Malformed, "a document"},
	} {
		call := Call{Module: c.module, Function: c.function}
		for _, a := range c.args {
			v, isValue := a.(Value)
			if !isValue {
				v = encode(t, a)
			}
			call.Values = append(call.Values, v)
		}
		_, used, err := p.Call(t.Context(), call)
		var failed *CallError
		require.ErrorAs(t, err, &failed, c.function)
		assert.Equal(t, c.reason, failed.Reason, c.function)
		assert.Contains(t, err.Error(), c.text)
		assert.GreaterOrEqual(t, used.User, time.Duration(0))
		if c.reason == Raised {
			assert.Contains(t, failed.Traceback, failed.Type)
			assert.NotContains(t, failed.Traceback, "_worker.py")
		} else {
			assert.Empty(t, failed.Traceback)
		}
	}
	assert.Equal(t, Counts{Live: 1, Idle: 1, Started: 1}, p.Counts())
}

func TestTraceback(t *testing.T) {
	p := newPool(t, nil)
	_, _, err := p.try(t, "fail_deep", "x")
	var failed *CallError
	require.ErrorAs(t, err, &failed)
	lines := strings.Split(failed.Traceback, "\n")
	assert.Contains(t, lines[1], "work.py")
	assert.Contains(t, lines[1], "in fail_deep")
	assert.Contains(t, failed.Traceback, "The above exception was the direct cause")
	_, _, err = p.try(t, "fail_long")
	require.ErrorAs(t, err, &failed)
	assert.LessOrEqual(t, len(failed.Message), 24<<10)
	assert.True(t, strings.HasSuffix(failed.Traceback, "end\n"), "the end of a long text is kept")
}

func TestPickle(t *testing.T) {
	p := newPool(t, nil)
	_, _, err := p.try(t, "fraction")
	require.ErrorContains(t, err, "fractions.Fraction")
	call := Call{Module: "work", Function: "fraction", AllowPickle: true}
	v, _, err := p.Call(t.Context(), call)
	require.NoError(t, err)
	assert.Equal(t, Pickle, v.Codec)
	call = Call{Module: "work", Function: "numerators", Values: []Value{v}}
	_, _, err = p.Call(t.Context(), call)
	var failed *CallError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, Malformed, failed.Reason)
	call.AllowPickle = true
	v, _, err = p.Call(t.Context(), call)
	require.NoError(t, err)
	assert.Equal(t, encode(t, []int{1}), v)
}
