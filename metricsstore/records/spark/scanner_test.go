package spark

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

		s := scanner{line: line}
		require.Equal(t, string(line), string(s.skip()))
		require.True(t, s.done())

		s = scanner{line: line}
		var keys string
		for key, ok := s.first(); ok; key, ok = s.key() {
			switch string(key) {
			case "b":
				require.Equal(t, n, s.number())
			case "a":
				got := []string{}
				for in := s.list(); in && s.more(); {
					got = append(got, string(plain(s.skip())))
				}
				require.Equal(t, texts, got)
			case "c":
				require.True(t, s.object())
				s.leave()
			default:
				s.skip()
			}
			keys += string(key)
		}
		require.True(t, s.done())
		require.Equal(t, "abcef", keys)

		cut := rapid.IntRange(0, len(line)-1).Draw(t, "cut")
		s = scanner{line: line[:cut]}
		for _, ok := s.first(); ok; _, ok = s.key() {
			s.skip()
		}
		require.False(t, s.done(), "cut at %d", cut)
	})
}

func TestScannerNumbers(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-7": -7, "4.0": 4, "1e3": 1000, `"12"`: 12, "null": math.MinInt64, `"x"`: math.MinInt64, "1e99": math.MinInt64,
		"1234567890123456789": 1234567890123456768, "{}": math.MinInt64, "true": math.MinInt64,
	} {
		s := scanner{line: []byte(`{"a":` + text + `}`)}
		_, ok := s.first()
		require.True(t, ok)
		require.Equal(t, want, s.number(), text)
		_, ok = s.key()
		require.False(t, ok)
		require.True(t, s.done(), text)
	}
}
