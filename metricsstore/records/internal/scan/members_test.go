package scan

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMembersAreWhereTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOf(anyText(), rapid.SliceOfN(anyText(), 0, 3)).Draw(t, "object")
		object, err := json.Marshal(want)
		require.NoError(t, err)
		if rapid.Bool().Draw(t, "indented") {
			object, err = json.MarshalIndent(want, "", "\t")
			require.NoError(t, err)
		}
		before := []Member{{Key: 7}}
		text := append(append([]byte("[1, "), object...), ']')
		end, marked := EndOfObject(text, 4, before)
		require.Equal(t, 4+len(object), end)
		stepped, isObject := Members(object, before)
		require.True(t, isObject)
		require.Equal(t, stepped, marked)
		require.Equal(t, before, marked[:1])
		got := map[string][]string{}
		for _, m := range marked[1:] {
			var key string
			var value []string
			require.NoError(t, json.Unmarshal(object[m.Key-1:m.KeyEnd+1], &key))
			require.NoError(t, json.Unmarshal(object[m.Value:m.End], &value))
			got[key] = value
		}
		require.Equal(t, want, got)

		cut := rapid.IntRange(1, len(object)-1).Draw(t, "cut")
		end, marked = EndOfObject(object[:cut], 0, before)
		require.Zero(t, end)
		require.Equal(t, before, marked)
		stepped, isObject = Members(object[:cut], before)
		require.False(t, isObject)
		require.Equal(t, before, stepped)
	})
}
