package elements_test

import (
	"bytes"
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

// read is what a Reader gives, a line for each part.
func read(r io.Reader, limit int, into ...string) ([]string, error) {
	var parts []string
	e := elements.New(r, "a.json", limit, into...)
	for {
		part, err := e.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return parts, nil
		}
		if err != nil {
			return parts, err
		}
		parts = append(parts, fmt.Sprintf("%d %s %s%s", part.Offset, part.Path, [3]string{"", "begin", "end"}[part.Kind], part.Raw))
	}
}

func TestPartsOfADocument(t *testing.T) {
	const text = `{"date":"2026 \"x\"", "events" : [1, {"a":[2,"]"]}, null ],"data":[{"spans":[],"n":-1e3}, {}]}`
	want := []string{
		`0  begin`, `8 date "2026 \"x\""`, `33 events begin`, `34 events.# 1`, `37 events.# {"a":[2,"]"]}`,
		`52 events.# null`, `57 events end`, `66 data begin`, `67 data.# begin`, `76 data.#.spans begin`,
		`77 data.#.spans end`, `83 data.#.n -1e3`, `87 data.# end`, `90 data.# begin`, `91 data.# end`, `92 data end`,
		`93  end`,
	}
	into := []string{"", "events", "data", "data.#", "data.#.spans"}
	for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text + " \n"))} {
		got, err := read(r, 100, into...)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestADocumentThatIsNotTakenApart(t *testing.T) {
	for _, text := range []string{`[1,2]`, `"x"`, `{}`, `12`, `true`} {
		got, err := read(strings.NewReader(text), 100)
		require.NoError(t, err)
		require.Equal(t, []string{"0  " + text}, got)
	}
}

func TestDocumentsOneAfterTheOther(t *testing.T) {
	const text = " {\"a\":[1]}\n{\"a\":[]}\n\n{\"b\":2}{} \n"
	want := []string{
		`1  begin`, `6 a begin`, `7 a.# 1`, `8 a end`, `9  end`, `11  begin`, `16 a begin`, `17 a end`, `18  end`,
		`21  begin`, `26 b 2`, `27  end`, `28  begin`, `29  end`,
	}
	for cut := 0; cut <= len(text); cut++ {
		e := elements.New(strings.NewReader(text[:cut]), "a.json", 100, "", "a")
		e.Documents()
		parts := []string{}
		for {
			part, err := e.Next()
			if err != nil {
				require.Equal(t, cut >= 10 && (cut < 12 || cut >= 19 && cut < 22 || cut == 28 || cut >= 30), err == io.EOF, "cut at %d: %v", cut, err)
				break
			}
			parts = append(parts, fmt.Sprintf("%d %s %s%s", part.Offset, part.Path, [3]string{"", "begin", "end"}[part.Kind], part.Raw))
		}
		require.Equal(t, want[:len(parts)], parts)
		if cut == len(text) {
			require.Len(t, parts, len(want))
		}
	}
}

func TestFaultsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		`[1 2]`:          `a.json: byte 3: expected a comma or ']', found '2'`,
		`[1,]`:           `a.json: byte 3: expected a value, found ']'`,
		`{"a" 1}`:        `a.json: byte 5: expected a colon after the key, found '1'`,
		`{a:1}`:          `a.json: byte 1: expected a key in quotes, found 'a'`,
		`[{"a":[}]`:      `a.json: byte 1: expected ']' to close an array or object, found '}'`,
		"[\"a\nb\x01\"]": `a.json: byte 1: a string contains the byte 0x01, which has to be escaped`,
		`[] []`:          `a.json: byte 3: expected the end of the file after the document, found '['`,
		`<html>`:         `a.json: byte 0: expected a value, found '<'`,
	} {
		_, err := read(strings.NewReader(text), 100, "")
		require.EqualError(t, err, want, text)
		require.ErrorIs(t, err, records.ErrFormat)
	}
}

func TestCutsSayWhetherAValueIsCut(t *testing.T) {
	for text, between := range map[string]bool{
		``: false, ` `: false, `[`: true, `[{"a":1}`: true, `[{"a":1},`: true, "[{\"a\":1},\n": true, `[{"a":1`: false, `["`: false,
		`[12`: false, `{"ev":[{}`: true, `{"ev":[{}]`: false, `{"ev":[{}],"x`: false, `{"ev":`: false, `{`: false,
	} {
		_, err := read(strings.NewReader(text), 100, "", "ev")
		var cut *elements.Cut
		require.ErrorAs(t, err, &cut, text)
		require.Equal(t, between, cut.Between, text)
		require.Equal(t, int64(len(text)), cut.Byte, text)
		require.ErrorIs(t, err, records.ErrFormat)
	}
}

func TestLargeValuesAreRefused(t *testing.T) {
	big := `["` + strings.Repeat("x", 1<<20) + `", 1]`
	_, err := read(strings.NewReader(big), 300_000, "")
	require.ErrorIs(t, err, records.ErrTooLarge)
	_, err = read(strings.NewReader(`[1,"123456789"]`), 10, "")
	require.ErrorIs(t, err, records.ErrTooLarge)
	got, err := read(strings.NewReader(big), 2<<20, "")
	require.NoError(t, err)
	require.Len(t, got, 4)
}

func TestErrorsOfTheReaderAreReturned(t *testing.T) {
	broken := errors.New("broken")
	got, err := read(io.MultiReader(strings.NewReader("[1,2"), iotest.ErrReader(broken)), 100, "")
	require.ErrorIs(t, err, broken)
	require.Equal(t, []string{"0  begin", "1 # 1"}, got)
}

func TestElementsAreThoseOfTheDocument(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.Map(rapid.String(), func(s string) any { return s }),
			rapid.Map(rapid.Float64Range(-1e9, 1e9), func(f float64) any { return f }),
			rapid.Map(rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Bool())), func(m map[string][]bool) any { return m }),
			rapid.Just[any](nil),
		)
		list := rapid.SliceOf(value).Draw(t, "list")
		text, err := json.Marshal(list)
		require.NoError(t, err)
		if rapid.Bool().Draw(t, "indent") {
			var b bytes.Buffer
			require.NoError(t, json.Indent(&b, text, "", "  "))
			text = b.Bytes()
		}
		var plain []json.RawMessage
		require.NoError(t, json.Unmarshal(text, &plain))
		from := io.Reader(bytes.NewReader(text))
		if rapid.Bool().Draw(t, "slowly") {
			from = iotest.OneByteReader(from)
		}
		e := elements.New(from, "a.json", 1<<20, "")
		var got []json.RawMessage
		for part, err := e.Next(); err == nil; part, err = e.Next() {
			if part.Kind == elements.Value {
				got = append(got, bytes.Clone(part.Raw))
			}
		}
		require.Equal(t, len(plain), len(got))
		for i := range got {
			require.Equal(t, string(plain[i]), string(got[i]))
		}
	})
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":"\\\""}],"c":null}`, `[[],[{}]`, `["\u00`, `{"a":[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fast, err1 := read(bytes.NewReader(text), 1<<20, "", "a", "a.#", "#")
		slow, err2 := read(iotest.OneByteReader(bytes.NewReader(text)), 1<<20, "", "a", "a.#", "#")
		require.Equal(t, fast, slow)
		require.Equal(t, err1 == nil, err2 == nil)
		if err1 != nil {
			require.Equal(t, err1.Error(), err2.Error())
		}
		if json.Valid(text) {
			require.NoError(t, err1)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	event := `{"name":"aten::empty","cat":"cpu_op","ph":"X","ts":1707417525509909.125,"dur":2187,"pid":948300,"tid":948300,"args":{"External id":514,"Ev Idx":1}},`
	text := []byte("[" + strings.Repeat(event, 100_000) + "{}]")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		e := elements.New(bytes.NewReader(text), "a.json", 1<<20, "")
		for {
			if _, err := e.Next(); err != nil {
				break
			}
		}
	}
}
