package elements_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
)

func members(raw string) (list []string, ok bool) {
	ok = elements.Members([]byte(raw), func(key, value []byte) bool {
		list = append(list, fmt.Sprintf("%s=%s", key, value))
		return string(key) != "stop"
	})
	return list, ok
}

func TestMembersOfAnObject(t *testing.T) {
	for raw, want := range map[string][]string{
		`{}`:    nil,
		` { } `: nil,
		`{"a":1,"b\"":"x}" , "c" : [{"d":"]"}],"e":null}`: {`a=1`, `b\"="x}"`, `c=[{"d":"]"}]`, `e=null`},
		`{"stop":true,broken`:                             {`stop=true`},
	} {
		got, ok := members(raw)
		require.True(t, ok, raw)
		require.Equal(t, want, got)
	}
}

func TestMembersOfWhatIsNone(t *testing.T) {
	for _, raw := range []string{``, `[]`, `1`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1 2}`, `{a:1}`, `{"a":1,}`, `{"a":}`, `{"`, `{"a":"\`} {
		_, ok := members(raw)
		require.False(t, ok, raw)
	}
}

func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"\\\""}],"c":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := map[string]json.RawMessage{}
		ok := elements.Members(raw, func(key, value []byte) bool {
			var name string
			if json.Unmarshal([]byte(`"`+string(key)+`"`), &name) == nil {
				got[name] = value
			}
			return true
		})
		var want map[string]json.RawMessage
		if json.Unmarshal(raw, &want) != nil || want == nil {
			return
		}
		require.True(t, ok)
		require.Equal(t, len(want), len(got))
		for key, value := range want {
			require.Equal(t, string(value), string(got[key]))
		}
	})
}
