package scan

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// texts of strings with what is hard: quotes, backslashes at their end, lengths around the short ones.
func anyText() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune(`a"\{}[],: é`)), 0, 60, -1)
}

func TestScannerPassesOverAnyValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(anyText(), 0, 6).Draw(t, "texts")
		n := rapid.Int64Range(-1e17, 1e17).Draw(t, "n")
		line, err := json.Marshal(map[string]any{"a": texts, "b": n, "c": map[string]any{"d": texts}, "e": nil, "f": []any{1, true, texts}})
		require.NoError(t, err)

		s := New(line)
		require.Equal(t, string(line), string(s.Skip()))
		require.True(t, s.Done())

		s = New(line)
		var keys string
		for key, ok := s.First(); ok; key, ok = s.Key() {
			switch string(key) {
			case "b":
				require.Equal(t, n, s.Int())
			case "a":
				got := []string{}
				for in := s.List(); in && s.More(); {
					got = append(got, string(Text(s.Skip())))
				}
				require.Equal(t, texts, got)
			case "c":
				require.True(t, s.Object())
				s.Leave()
			default:
				s.Skip()
			}
			keys += string(key)
		}
		require.True(t, s.Done())
		require.Equal(t, "abcef", keys)

		cut := rapid.IntRange(0, len(line)-1).Draw(t, "cut")
		s = New(line[:cut])
		for _, ok := s.First(); ok; _, ok = s.Key() {
			s.Skip()
		}
		require.False(t, s.Done(), "cut at %d", cut)
	})
}

func TestScannerNumbers(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-7": -7, "4.0": 4, "1e3": 1000, `"12"`: 12, "null": math.MinInt64, `"x"`: math.MinInt64, "1e99": math.MinInt64,
		"1234567890123456789": 1234567890123456768, "{}": math.MinInt64, "true": math.MinInt64,
	} {
		s := New([]byte(`{"a":` + text + `}`))
		_, ok := s.First()
		require.True(t, ok)
		require.Equal(t, want, s.Int(), text)
		_, ok = s.Key()
		require.False(t, ok)
		require.True(t, s.Done(), text)
	}
}

func TestWholeNumbers(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, `"17"`: 17, "9223372036854775807": math.MaxInt64, `"1796019419144000000"`: 1796019419144000000,
		"9223372036854775808": -1, "9999999999999999999": -1, "10000000000000000000": -1, "-1": -1, "1.0": -1, "1e3": -1, `""`: -1, "": -1, `"1 "`: -1, "null": -1,
	} {
		n, ok := Whole([]byte(text))
		require.Equal(t, want >= 0, ok, text)
		if ok {
			require.Equal(t, want, n, text)
		}
	}
}

func TestTextsAsPeopleWriteThem(t *testing.T) {
	for raw, want := range map[string]string{
		`"a \"b\" \u00e9"`: `a "b" é`, `""`: "", "null": "", "1.50": "1.50", "true": "true", `{"a":"b"}`: `{"a":"b"}`, "": "",
	} {
		require.Equal(t, want, string(Plain([]byte(raw))), raw)
	}
	require.Nil(t, Text([]byte("12")))
}

func TestScannerWantsWhatSeparates(t *testing.T) {
	for text, want := range map[string]bool{
		`{"a":[],"b":{}}`: true, `{"a":[1, 2] }`: true, `{"a":1,}`: false, `{,"a":1}`: false, `{"a":1 "b":2}`: false, `{"a"}`: false, `{"a":}`: false,
		`{"a":[1 2]}`: false, `{"a":[1,]}`: false, `{"a":[,1]}`: false, `{"a":[]]`: false, `{"a":1`: false, `{`: false, `{a:1}`: false,
	} {
		s := New([]byte(text))
		for _, ok := s.First(); ok; _, ok = s.Key() {
			for in := s.List(); in && s.More(); {
				s.Skip()
			}
		}
		require.Equal(t, want, s.Done(), text)
		require.Equal(t, want, !s.Broken(), text)
	}
}
