package digest

import (
	"encoding/hex"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// samples are sketches in every form of the format.
func samples(t testing.TB) map[string]*Sketch {
	coarse, err := New(Config{Scale: 2})
	require.NoError(t, err)
	coarse.AddSlice(durations(2000))
	large := new(Sketch)
	for i := range int64(600) {
		large.Add(math.MaxInt64 - i)
	}
	zeros := of(make([]int64, 600)...)
	zeros.Add(-5)
	floats := make([]float64, 800)
	for i := range floats {
		floats[i] = float64(i%7) * 0.1
	}
	return map[string]*Sketch{
		"empty":       new(Sketch),
		"exact":       of(5, 3, 3, 0, -1, 1e9, math.MaxInt64),
		"full":        of(durations(1000)...),
		"million":     filled(1e6),
		"coarse":      coarse,
		"saturated":   large,
		"zeros":       zeros,
		"floats":      newFloat(t, 0.5, 0, math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64),
		"full floats": newFloat(t, floats...),
	}
}

// TestGolden pins the bytes of the format: a change here means a new version of it.
func TestGolden(t *testing.T) {
	for name, s := range samples(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".hex")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(wrapped(encodedOf(t, s))), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), wrapped(encodedOf(t, s)))
		})
	}
}

// wrapped returns data in hexadecimal, 32 bytes a line.
func wrapped(data []byte) string {
	var b strings.Builder
	for len(data) > 0 {
		line := data[:min(32, len(data))]
		b.WriteString(hex.EncodeToString(line) + "\n")
		data = data[len(line):]
	}
	return b.String()
}

func TestRoundTrip(t *testing.T) {
	for name, s := range samples(t) {
		t.Run(name, func(t *testing.T) {
			data := encodedOf(t, s)
			got := of(1, 2, 3) // to be replaced
			require.NoError(t, got.UnmarshalBinary(data))
			require.Equal(t, data, encodedOf(t, got))
			require.Equal(t, s.Summary(), got.Summary())
			require.Equal(t, s.ECDF(), got.ECDF())
			require.Equal(t, s.Exact(), got.Exact())
			if s.Kind() == Integer { // and it continues like the original
				s, more := s.Clone(), durations(600)
				s.AddSlice(more)
				got.AddSlice(more)
				require.Equal(t, encodedOf(t, s), encodedOf(t, got))
			}
		})
	}
}

func TestEncodeKeepsWhatIsThere(t *testing.T) {
	s := of(durations(1000)...)
	got, err := s.AppendBinary([]byte("before"))
	require.NoError(t, err)
	require.Equal(t, append([]byte("before"), encodedOf(t, s)...), got)
	require.Zero(t, testing.AllocsPerRun(10, func() { got, _ = s.AppendBinary(got[:0]) }))
}

func TestPackedPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 63).Draw(t, "width")
		var counts, got [page]uint64
		for i := range counts {
			counts[i] = rapid.Uint64Range(0, 1<<width-1).Draw(t, "count")
		}
		before := rapid.Uint64Range(0, maxCount).Draw(t, "before")
		data := appendPage(nil, &counts, before)
		rest, ok := readPage(append(data, 42), &got, before)
		require.True(t, ok)
		require.Equal(t, []byte{42}, rest)
		require.Equal(t, counts, got)
		_, ok = readPage(data[:len(data)-1], &got, before)
		require.False(t, ok)
	})
}

// TestDecodeRefuses checks which errors the decoder distinguishes, and that a refusal changes nothing.
func TestDecodeRefuses(t *testing.T) {
	full, exact := encodedOf(t, of(durations(1000)...)), encodedOf(t, of(1, 2, 3))
	changed := func(data []byte, at int, to byte) []byte {
		data = append([]byte(nil), data...)
		data[at] = to
		return data
	}
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, ErrCorrupt},
		{"a version alone", []byte{1}, ErrCorrupt},
		{"another version", changed(exact, 0, 2), ErrVersion},
		{"an unknown trait", changed(exact, 1, 0x46), ErrVersion},
		{"a finer scale", changed(exact, 1, 7), ErrVersion},
		{"no scale", changed(exact, 1, 0), ErrCorrupt},
		{"more values than said", append(exact, 1), ErrCorrupt},
		{"fewer values than said", exact[:len(exact)-1], ErrCorrupt},
		{"raw values said to be buckets", changed(exact, 1, 0x26), ErrCorrupt},
		{"more clamped than zeros", changed(exact, 4, 1), ErrCorrupt},
		{"a byte short", full[:len(full)-1], ErrCorrupt},
		{"a byte long", append(full, 0), ErrCorrupt},
		{"another count", changed(full, 2, full[2]+1), ErrCorrupt},
		{"another minimum", changed(full, 8, full[8]^0x40), ErrCorrupt},
		{"all ones", []byte(strings.Repeat("\xff", 100)), ErrVersion},
		{"a great many pages", append(append([]byte{}, full[:len(full)-200]...), 0xff, 0xff, 0xff, 0x7f), ErrCorrupt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := of(durations(600)...)
			before := encodedOf(t, s)
			require.ErrorIs(t, s.MergeBinary(tt.data), tt.want)
			require.ErrorIs(t, s.UnmarshalBinary(tt.data), tt.want)
			require.Equal(t, before, encodedOf(t, s))
		})
	}
}

// FuzzDecode: whatever can be decoded can be read, added to and merged, and encoding it again always gives the same
// bytes.
func FuzzDecode(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(encodedOf(f, s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s Sketch
		if err := s.UnmarshalBinary(data); err != nil {
			return
		}
		require.LessOrEqual(t, len(s.counts), page*len(data), "memory follows the size of the input")
		first := encodedOf(t, &s)
		sum, total := s.Summary(), uint64(0)
		for b := range s.Buckets() {
			total += b.Count
		}
		require.Equal(t, s.N(), total)
		require.False(t, sum.P50.Low > sum.P50.Value || sum.P50.Value > sum.P50.High, "%+v", sum.P50)
		s.Histogram(30)
		s.Rank(sum.Mean)

		var again Sketch
		require.NoError(t, again.UnmarshalBinary(first))
		require.Equal(t, first, encodedOf(t, &again))

		empty, err := New(Config{Kind: s.Kind()})
		require.NoError(t, err)
		require.NoError(t, empty.MergeBinary(data))
		require.Equal(t, first, encodedOf(t, empty))
		if s.Kind() == Integer {
			s.AddSlice([]int64{0, 1, 100, math.MaxInt64})
		} else {
			s.AddFloats([]float64{0, 1e-320, 1, math.MaxFloat64})
		}
		s.Summary()
		if err := s.MergeBinary(data); err != nil {
			require.ErrorIs(t, err, ErrOverflow)
		}
	})
}

// TestDecodeRefusesCountersThatWrap: four counters that are 2^62 too large add up to the right number, modulo 2^64.
func TestDecodeRefusesCountersThatWrap(t *testing.T) {
	s := of(durations(1000)...)
	for at := 1; at <= 4; at++ {
		s.counts[at*page+page/2] += 1 << 62
	}
	require.ErrorIs(t, new(Sketch).UnmarshalBinary(encodedOf(t, s)), ErrCorrupt)
}
