package python

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

func TestJSON(t *testing.T) {
	p := newPool(t, nil)
	for expression, want := range map[string]string{
		"None":                                  `null`,
		"[True, False]":                         `[true,false]`,
		"2**64, -2**64, 3**50":                  `[18446744073709551616,-18446744073709551616,717897987691852588770249]`,
		"-1, -2**63, -2**64-1":                  `[-1,-9223372036854775808,-18446744073709551617]`,
		"1.5, 1e300, -0.0":                      `[1.5,1e+300,-0]`,
		"1e999, -1e999, 1e999*0":                `["Infinity","-Infinity","NaN"]`,
		"'é\\n\\0', b'ab'":                      `["é\n\u0000","YWI="]`,
		"{'b': 1, 'a': [2, (3,)]}":              `{"b":1,"a":[2,[3]]}`,
		"{1: 2, (1, 'x'): 3, None: 4, True: 5}": `{"1":5,"[1,\"x\"]":3,"null":4}`,
		"{7}":                                   `[7]`,
		"Point(1, {'k': Point(2)})":             `{"x":1,"y":{"k":{"x":2,"y":null}}}`,
	} {
		v, _, err := p.try(t, "evaluate", expression)
		require.NoError(t, err, expression)
		got, err := json.Marshal(v)
		require.NoError(t, err, expression)
		assert.Equal(t, want, string(got), expression)
	}
	got, err := json.Marshal(Value{})
	require.NoError(t, err)
	assert.Equal(t, "null", string(got))
	c := Call{Module: "work", Function: "fraction", AllowPickle: true}
	v, _, err := p.Call(t.Context(), c)
	require.NoError(t, err)
	got, err = json.Marshal(v)
	require.NoError(t, err)
	assert.Regexp(t, `^\[\{"pickle":\d+\}\]$`, string(got))
}

func TestArraysAsJSON(t *testing.T) {
	pythontest.FindNumpy(t)
	p := newPool(t, nil)
	for expression, want := range map[string]string{
		"np.arange(6).reshape(2, 3)":                  `[[0,1,2],[3,4,5]]`,
		"{'a': [np.array([-1, 127], 'i1'), 'x']}":     `{"a":[[-1,127],"x"]}`,
		"np.array([-2, 300], 'i2'), np.float32(0.5)":  `[[-2,300],0.5]`,
		"np.array([1.5, -np.inf, np.nan], 'f2')":      `[1.5,"-Infinity","NaN"]`,
		"np.array([6e-8, -1, 65504], 'f2')":           `[5.960464477539063e-8,-1,65504]`,
		"np.array([2**64 - 1], 'u8'), np.array(True)": `[[18446744073709551615],true]`,
		"np.zeros((2, 0)), np.zeros(0)":               `[[],[]]`,
		"np.zeros((1000, 2))":                         `{"dtype":"\u003cf8","shape":[1000,2]}`,
		"np.array(['ab', 'c']), np.complex64(1)":      `[{"dtype":"\u003cU2","shape":[2]},{"dtype":"\u003cc8","shape":[]}]`,
	} {
		v, _, err := p.try(t, "evaluate_numpy", expression)
		require.NoError(t, err, expression)
		got, err := json.Marshal(v)
		require.NoError(t, err, expression)
		assert.Equal(t, want, string(got), expression)
	}
}

func TestJSONRefuses(t *testing.T) {
	array := "d9ee4a83" + "633c6638" // of <f8
	for what, item := range map[string]string{
		"nothing":                    "",
		"too much":                   "0000",
		"a list without a length":    "9f00ff",
		"a list that is too long":    "9bffffffffffffffff",
		"a text that is cut":         "6261",
		"an unknown tag":             "c000",
		"a hole":                     "d9ee4800",
		"a tuple that is none":       "d9ee4900",
		"an object of three":         "d81b836161a000",
		"undefined":                  "f7",
		"a break":                    "ff",
		"a number that is cut":       "1a0000",
		"an array without buffers":   array + "8100" + "00",
		"a shape that is none":       array + "00" + "00",
		"too many dimensions":        array + "9821" + strings.Repeat("00", 33) + "00",
		"a scalar of another size":   "d9ee4b82633c66384100",
		"a pickle without buffers":   "d9ee4c824100",
		"deeper than it may be":      strings.Repeat("81", 3*maxDepth) + "00",
		"a key that is deeper still": strings.Repeat("a1", 3*maxDepth) + "00",
		"tags of tags":               strings.Repeat("d9ee4981", 2*maxDepth) + "00",
	} {
		data, err := hex.DecodeString(item)
		require.NoError(t, err)
		_, err = Value{Codec: CBOR, Data: data}.MarshalJSON()
		assert.Error(t, err, what)
	}
}

func TestHalfFloat(t *testing.T) {
	for bits, want := range map[uint16]float64{
		0x0000: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0001: 0x1p-24, 0x03ff: 1023 * 0x1p-24, 0x0400: 0x1p-14,
		0x7c00: math.Inf(1), 0xfc00: math.Inf(-1),
	} {
		assert.Equal(t, want, halfFloat(bits), "%#x", bits)
	}
	assert.True(t, math.IsNaN(halfFloat(0x7e00)))
}

// FuzzJSON: whatever the bytes are, there is JSON or an error.
func FuzzJSON(f *testing.F) {
	for _, item := range []string{"f6", "a2016161f5", "d81b826161a0", "c2420100", "fb3ff199999999999a", "d9ee4b82633c663848000000000000f03f"} {
		data, err := hex.DecodeString(item)
		require.NoError(f, err)
		f.Add(byte(CBOR), data)
	}
	item := []byte("\xd9\xee\x4a\x83\x63<f8\x81\x01\x00")
	document := binary.LittleEndian.AppendUint32(nil, uint32(len(item)))
	document = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(document, 1), 8)
	document = append(document, item...)
	document = append(append(document, make([]byte, alignment-len(document))...), make([]byte, 8)...)
	text, err := Value{Codec: Array, Data: document}.MarshalJSON()
	require.NoError(f, err)
	require.Equal(f, "[0]", string(text))
	f.Add(byte(Array), document)
	f.Fuzz(func(t *testing.T, codec byte, data []byte) {
		text, err := Value{Codec: Codec(codec), Data: data}.MarshalJSON()
		if err == nil {
			assert.True(t, json.Valid(text), "%q", text)
		}
	})
}
