package elements_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
)

// validity is whether the only element of an array is valid; false for known where it cannot be found.
func validity(r io.Reader) (valid, known bool) {
	e := elements.New(r, "a.json", 1<<20, "")
	for part, err := e.Next(); err == nil; part, err = e.Next() {
		if part.Kind == elements.Value {
			return part.Valid, true
		}
	}
	return false, false
}

func TestValuesAreValidIfTheyAreJSON(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":[`, n) + strings.Repeat("]}", n) }
	for _, text := range []string{
		`{}`, ` [ ] `, `{ "a" : 1 , "b\n" : [ true , false , null ] }`, `{"a":tru}`, `{"a":nullx}`, `[1,]`, `[,1]`, `{"a":1,}`, `{"a"}`,
		`{"a":1 "b":2}`, `{1:2}`, `[01]`, `[-]`, `[1.]`, `[.5]`, `[1e]`, `[1E+5]`, `[-0.5e-3]`, `[0x1]`, `[+1]`, `[NaN]`, `["\u00e9"]`, `["\u00g9"]`,
		`["\x"]`, `["é\\"]`, "[\"a longer text with a tab \t\"]", `["seven77"]`, `["eight888"]`, `["nine99999\""]`, `[""]`, `1`, `-7.5e3`,
		deep(10), deep(100),
	} {
		for _, r := range []io.Reader{strings.NewReader("[" + text + "]"), iotest.OneByteReader(strings.NewReader("[" + text + "]"))} {
			if valid, known := validity(r); known {
				require.Equal(t, json.Valid([]byte(text)), valid, text)
			} else {
				require.False(t, json.Valid([]byte(text)), text)
			}
		}
	}
}

func TestValidityOfDamagedValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(map[string]any{
			"text": rapid.String().Draw(t, "text"), "list": rapid.SliceOf(rapid.Float64()).Draw(t, "list"), "not": []any{true, nil},
		})
		require.NoError(t, err)
		at := rapid.IntRange(1, len(text)-2).Draw(t, "at") // the brackets stay
		text[at] = rapid.SampledFrom([]byte("\"\\,:0-.e \x01tn")).Draw(t, "byte")
		if valid, known := validity(strings.NewReader("[" + string(text) + "]")); known {
			require.Equal(t, json.Valid(text), valid, "%s", text)
		}
	})
}

func TestEachGivesAllPartsBeforeTheError(t *testing.T) {
	long := strings.Repeat("x", 1000)
	var text strings.Builder
	text.WriteString("[")
	for n := range 2000 { // several batches
		fmt.Fprintf(&text, "{\"n\":%d,\"text\":%q},", n, long)
	}
	for rest, want := range map[string]error{"1]": nil, "": io.ErrUnexpectedEOF, "}": records.ErrFormat} {
		count := 0
		err := elements.New(strings.NewReader(text.String()+rest), "a.json", 1<<20, "").Each(context.Background(), func(part elements.Part) error {
			var v struct{ N int }
			if part.Kind == elements.Value && part.Raw[0] == '{' {
				require.NoError(t, json.Unmarshal(part.Raw, &v))
				require.Equal(t, count, v.N)
				count++
			}
			return nil
		})
		require.Equal(t, 2000, count)
		require.ErrorIs(t, err, want)
	}
	stop := errors.New("stop")
	err := elements.New(strings.NewReader(text.String()), "a.json", 1<<20, "").Each(context.Background(), func(elements.Part) error { return stop })
	require.ErrorIs(t, err, stop)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err = elements.New(strings.NewReader(text.String()), "a.json", 1<<20, "").Each(ctx, func(elements.Part) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
}

func TestEachSaysWhereMembersAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		objects := rapid.SliceOfN(rapid.MapOf(rapid.StringMatching(`[a-z]{1,3}`), rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.String().Draw(t, "text"), rapid.SampledFrom([]int{1, 1, 20_000}).Draw(t, "times"))
		})), 1, 30).Draw(t, "objects")
		text, err := json.Marshal(objects)
		require.NoError(t, err)
		e := elements.New(strings.NewReader(string(text)), "a.json", 1<<30, "")
		e.Members()
		got := []map[string]string{}
		require.NoError(t, e.Each(context.Background(), func(part elements.Part) error {
			if part.Kind != elements.Value {
				return nil
			}
			object := map[string]string{}
			for _, m := range part.Members {
				var value string
				require.NoError(t, json.Unmarshal(part.Raw[m.Value:m.End], &value))
				object[string(part.Raw[m.Key:m.KeyEnd])] = value
			}
			got = append(got, object)
			return nil
		}))
		require.Equal(t, objects, got)
	})
}
