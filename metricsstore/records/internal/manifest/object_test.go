package manifest_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/manifest"
)

func file(text string) *records.File {
	return &records.File{Path: "dir/a.yaml", Size: int64(len(text)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}}
}

func TestRead(t *testing.T) {
	cases := []struct {
		name, text string
		kinds      []string
	}{
		{"JSON", `{"kind":"A","apiVersion":"v1"}`, []string{"A"}},
		{"JSON that follows each other", "{\"kind\":\"A\"}\n{\"kind\":\"B\"}", []string{"A", "B"}},
		{"array", `[{"kind":"A"},{"kind":"B"}]`, []string{"A", "B"}},
		{"List", `{"kind":"List","items":[{"kind":"A"},{"kind":"B"}]}`, []string{"A", "B"}},
		{"items of something else", `{"kind":"A","items":[]}`, []string{"A"}},
		{"YAML", "kind: A\nt: 2020-01-01T00:00:00Z\n", []string{"A"}},
		{"YAML documents", "---\nkind: A\n---\nkind: B\n---\n", []string{"A", "B"}},
		{"YAML list", "kind: AList\nitems:\n- kind: A\n- kind: B\n", []string{"A", "B"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			objects, err := manifest.Read(file(c.text))
			require.NoError(t, err)
			var kinds []string
			for _, o := range objects {
				kinds = append(kinds, o.Kind)
			}
			require.Equal(t, c.kinds, kinds)
		})
	}
}

func TestReadKeepsTimesAndNumbersAsTheyAre(t *testing.T) {
	objects, err := manifest.Read(file("kind: A\nat: 2020-01-01T00:00:00Z\nquoted: \"12\"\nnumber: 12\non: true\nnone: null\n7: seven\n"))
	require.NoError(t, err)
	require.JSONEq(t, `{"kind":"A","at":"2020-01-01T00:00:00Z","quoted":"12","number":12,"on":true,"none":null,"7":"seven"}`, string(objects[0].JSON))
}

func TestReadFaults(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"empty", " \n", "dir/a.yaml: the file is empty"},
		{"cut", `{"kind":"A"`, "dir/a.yaml: byte 11: the file ends in the middle of an object"},
		{"broken", `{"kind" "A"}`, "dir/a.yaml: byte 9: not valid JSON"},
		{"wrong kind of value", `{"kind":7}`, "dir/a.yaml: byte 0: kind is a number, expected string"},
		{"a word", "nothing", "dir/a.yaml: line 1: expected an object, found \"nothing\""},
		{"an array of words", `["a"]`, "expected an object, found \"a\""},
		{"alias", "a: &x [1]\nb: *x\n", "dir/a.yaml: line 1: an anchor or alias"},
		{"deep", "a: " + strings.Repeat("[", 300), "nested more than"},
		{"dashes", strings.Repeat("- ", 300), "nested more than"},
		{"indented", strings.Repeat(" ", 500) + "a: 1", "nested more than"},
		{"deep JSON", strings.Repeat("[", 9) + strings.Repeat("]", 9), "nested more than"},
		{"twice the same key", "a: 1\na: 2\n", "dir/a.yaml: line 2: not valid YAML"},
		{"zero byte", "a: \x00", "dir/a.yaml: byte 3: a zero byte"},
		{"no document", "---\n---\n", "the file has no object"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := manifest.Read(file(c.text))
			require.ErrorIs(t, err, records.ErrFormat)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// TestYAMLThatTakesTooLongIsRefused has texts for which the library would take minutes.
func TestYAMLThatTakesTooLongIsRefused(t *testing.T) {
	var keys, items strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&keys, "k%d: v\n", i)
		fmt.Fprintf(&items, "- k: v\n")
	}
	for _, text := range []string{keys.String(), strings.Repeat("---\na: 1\n", 40_000), strings.Repeat("a", manifest.MaxYAML+1)} {
		_, err := manifest.Read(file(text))
		require.ErrorIs(t, err, records.ErrTooLarge)
	}
	objects, err := manifest.Read(file("kind: AList\nitems:\n" + items.String()))
	require.NoError(t, err)
	require.Len(t, objects, 40_000)
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{`{"kind":"A"}`, "kind: A\nb:\n- c\n- |\n  x\n", "[{}]", "---\na: {b: [c]}\n---\n", "? a\n: b", "!!binary x", "a: >-\n x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		objects, err := manifest.Read(file(text))
		if err != nil {
			require.ErrorIs(t, err, records.ErrFormat)
			return
		}
		for _, o := range objects {
			require.Equal(t, byte('{'), o.JSON[0])
		}
	})
}
