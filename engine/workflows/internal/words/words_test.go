package words

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// texts draws texts full of what matters: white space, apostrophes, letters in one and more bytes, what is no UTF-8.
func texts() *rapid.Generator[[]byte] {
	parts := []string{"a", "B", "7", "word", "'", "’", " ", "\n", "\t", ".", "! ", "?", "Ä", "é", "e\u0301", "\u00a0", "—", "\xff", "\xe2\x80", "日本", "\ufffd"}
	return rapid.Map(rapid.SliceOf(rapid.SampledFrom(parts)), func(s []string) []byte { return []byte(strings.Join(s, "")) })
}

var pattern = regexp.MustCompile(`[\p{L}\p{M}\p{Nd}]+(?:'[\p{L}\p{M}\p{Nd}]+)*`)

func counted(text []byte) map[string]int {
	counts := map[string]int{}
	for _, w := range pattern.FindAllString(strings.ToLower(string(text)), -1) {
		counts[w]++
	}
	return counts
}

func countPiece(t require.TestingT, text []byte) map[string]int {
	n, err := Normalise(context.Background(), text)
	require.NoError(t, err)
	counts, err := Count(context.Background(), n)
	require.NoError(t, err)
	return counts
}

func TestCountsOfPiecesAreThoseOfTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := texts().Draw(t, "text")
		before := bytes.Clone(text)
		size, n := rapid.IntRange(1, 20).Draw(t, "size"), rapid.IntRange(1, 40).Draw(t, "ranges")
		want := counted(text)
		require.Equal(t, want, countPiece(t, text))

		chunks, ranges := Chunks(text, size), Ranges(text, n)
		require.Len(t, ranges, n)
		for _, c := range chunks[:len(chunks)-1] {
			require.GreaterOrEqual(t, len(c), size)
		}
		for _, pieces := range [][][]byte{chunks, ranges} {
			require.True(t, bytes.Equal(text, bytes.Join(pieces, nil)))
			counts := make([]map[string]int, len(pieces))
			for i, p := range pieces {
				counts[i] = countPiece(t, p)
			}
			merged, err := Merge(context.Background(), counts)
			require.NoError(t, err)
			require.Equal(t, want, merged)
		}
		require.Equal(t, before, text)
	})
}

func TestNormalise(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{" \n.", ""},
		{"Call'd 'so', dogs' x''y", "call'd so dogs x y "},
		{"1730 EDITION—ÄÖ é", "1730 edition äö é "},
		{"a\xffb", "a b "},
		{"d'été", "d'été "},
	} {
		got, err := Normalise(t.Context(), []byte(c.text))
		require.NoError(t, err)
		require.Equal(t, c.want, string(got), c.text)
	}
}

func FuzzNormalise(f *testing.F) {
	f.Add([]byte("Call'd 'so' — été \xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := Normalise(t.Context(), text)
		require.NoError(t, err)
		require.LessOrEqual(t, strings.Count(string(once), " "), len(text))
		require.Equal(t, strings.Count(string(once), " "), len(strings.Fields(string(once))), "words and blanks alternate")
	})
}

func TestCheck(t *testing.T) {
	require.NoError(t, Check([]byte(" ")))
	require.ErrorContains(t, Check(nil), "expected at least one byte")
	require.ErrorContains(t, Check([]byte("ab\x00")), "a zero at byte 2, expected text in UTF-8")
}

func TestDone(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	long := bytes.Repeat([]byte("a "), 100_000)
	_, err := Normalise(ctx, long)
	require.ErrorIs(t, err, cause)
	_, err = Count(ctx, long)
	require.ErrorIs(t, err, cause)
	_, err = Merge(ctx, make([]map[string]int, 1))
	require.ErrorIs(t, err, cause)
}

// TestSurvey compares what follows from the pieces of a text with the whole.
func TestSurvey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		text := texts().Draw(t, "text")
		whole, err := Survey(ctx, text)
		require.NoError(t, err)
		require.Equal(t, Tally{
			Bytes: len(text), Lines: bytes.Count(text, []byte("\n")), Words: counted(text),
			Sentences: len(regexp.MustCompile(`[.!?](?:[\s\v]|$)`).FindAll(text, -1)),
		}, whole)
		var parts []Tally
		for _, r := range Ranges(text, 5) {
			p, err := Survey(ctx, r)
			require.NoError(t, err)
			parts = append(parts, p)
		}
		merged, err := MergeTallies(ctx, parts)
		require.NoError(t, err)
		require.Equal(t, whole, merged)

		segments := Segments(whole, 4)
		vocabulary := map[string]int{}
		findings := make([]Finding, len(segments))
		var entries []Entry
		for i, s := range segments {
			findings[i] = Analyse(s)
			entries = append(entries, s...)
			for _, e := range s {
				vocabulary[e.Word] = e.Count
			}
		}
		require.True(t, maps.Equal(whole.Words, vocabulary))
		require.Equal(t, Analyse(entries), MergeFindings(findings))
	})
}

func TestAspects(t *testing.T) {
	s := Describe(Tally{Sentences: 2, Words: map[string]int{"a": 2, "bb": 1, "ccc": 1}})
	require.Equal(t, Stats{Sentences: 2, Words: 4, Letters: 7, Counts: []int{2, 1, 1}}, s)
	for name, want := range map[string]float64{WordLength: 1.75, SentenceLength: 2, Richness: 0.75, Entropy: 1.5} {
		got, err := Aspect(s, name)
		require.NoError(t, err)
		require.InDelta(t, want, got, 1e-15, name)
		got, err = Aspect(Stats{}, name)
		require.NoError(t, err)
		require.Zero(t, got, name)
	}
	_, err := Aspect(s, "style")
	require.ErrorContains(t, err, `"style" is not an aspect, expected word_length`)
}

func BenchmarkCount(b *testing.B) {
	text := bytes.Repeat([]byte("The Rays of Light, call'd by some a Beam, fall upon the Prism. "), 1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		countPiece(b, text)
	}
}
