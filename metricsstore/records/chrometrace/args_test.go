package chrometrace

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// anyArgs are arguments of which some differ from event to event.
func anyArgs() *rapid.Generator[map[string]any] {
	return rapid.MapOf(rapid.StringMatching(`[a-z]{1,3}`), rapid.OneOf(
		rapid.Custom(func(t *rapid.T) any { return rapid.IntRange(0, 20_000).Draw(t, "number") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.SampledFrom([]string{"0x7f00aa", "float", ""}).Draw(t, "text") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.SliceOfN(rapid.IntRange(0, 9), 0, 2).Draw(t, "list") }),
	))
}

func TestAllArgumentsAreKeptAndAlikeOnesOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a args
		all := rapid.SliceOfN(anyArgs(), 1, 20).Draw(t, "events")
		places := make([]argsAt, len(all))
		for i := range all {
			object, err := json.Marshal(all[i])
			require.NoError(t, err)
			places[i] = a.keep(object)
		}
		for i, at := range places {
			lines := []string{}
			for key, want := range all[i] {
				raw, err := json.Marshal(want)
				require.NoError(t, err)
				require.Equal(t, string(raw), string(a.get(at, key)), key)
				lines = append(lines, string(appendFact(nil, []byte(key), raw)))
			}
			require.Nil(t, a.get(at, "absent"))
			log := string(a.appendOwn(nil, at))
			if at.common != 0 {
				log += "\n" + string(appendFacts(nil, a.common[at.common]))
			}
			got := strings.Split(strings.TrimPrefix(log, "\n"), "\n")
			slices.Sort(got)
			slices.Sort(lines)
			if len(lines) > 0 {
				require.Equal(t, lines, got)
			}
		}
	})
	var a args
	first := a.keep([]byte(`{"shape":[1,2],"id":12345}`))
	second := a.keep([]byte(`{"shape": [1,2], "id":54321}`))
	third := a.keep([]byte(`{"shape":[1,2],"id":54321}`))
	require.Equal(t, first.common, third.common)
	require.NotZero(t, second.common)
}

func TestSortedHalvesAreSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := []timePlace{}
		for i, at := range rapid.SliceOf(rapid.Int64Range(0, 9)).Draw(t, "times") {
			places = append(places, timePlace{at, int32(i)})
		}
		want := slices.Clone(places)
		slices.SortFunc(want, timePlace.compare)
		require.Equal(t, want, append([]timePlace{}, sorted(places)...))
	})
}
