package words

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"unicode/utf8"
)

// mostFrequent is how many words a finding lists.
const mostFrequent = 10

// Tally is what was counted in a text. A sentence ends with a full stop, an exclamation or a question mark in front
// of white space or of the end.
type Tally struct {
	Bytes, Lines, Sentences int
	Words                   map[string]int
}

// Survey counts what is in a text.
func Survey(ctx context.Context, text []byte) (Tally, error) {
	normalised, err := Normalise(ctx, text)
	if err != nil {
		return Tally{}, err
	}
	counts, err := Count(ctx, normalised)
	t := Tally{Bytes: len(text), Words: counts}
	for i, b := range text {
		switch b {
		case '\n':
			t.Lines++
		case '.', '!', '?':
			if i+1 == len(text) || isSpace(text[i+1]) {
				t.Sentences++
			}
		}
	}
	return t, err
}

// MergeTallies adds tallies up. Those of the Ranges of a text give that of the text.
func MergeTallies(ctx context.Context, tallies []Tally) (Tally, error) {
	var sum Tally
	counts := make([]map[string]int, len(tallies))
	for i, t := range tallies {
		sum.Bytes, sum.Lines, sum.Sentences = sum.Bytes+t.Bytes, sum.Lines+t.Lines, sum.Sentences+t.Sentences
		counts[i] = t.Words
	}
	var err error
	sum.Words, err = Merge(ctx, counts)
	return sum, err
}

// Entry is a word and how often it stands in the text.
type Entry struct {
	Word  string
	Count int
}

// Segments cuts the vocabulary, in alphabetical order, into n parts of about one size.
func Segments(t Tally, n int) [][]Entry {
	entries := make([]Entry, 0, len(t.Words))
	for _, word := range slices.Sorted(maps.Keys(t.Words)) {
		entries = append(entries, Entry{Word: word, Count: t.Words[word]})
	}
	out := make([][]Entry, n)
	for i := range out {
		out[i] = entries[i*len(entries)/n : (i+1)*len(entries)/n]
	}
	return out
}

// Finding describes a part of the vocabulary.
type Finding struct {
	Distinct, Total, Once int    // words, their occurrences, words that occur once
	Longest               string // the first in alphabetical order of the longest
	Frequent              []Entry
}

// Analyse describes one segment.
func Analyse(entries []Entry) Finding {
	f := Finding{Distinct: len(entries), Frequent: frequent(entries)}
	for _, e := range entries {
		f.Total += e.Count
		if e.Count == 1 {
			f.Once++
		}
		f.Longest = longer(f.Longest, e.Word)
	}
	return f
}

// MergeFindings describes the parts, which have no word in common, as one.
func MergeFindings(findings []Finding) Finding {
	var all Finding
	var candidates []Entry
	for _, f := range findings {
		all.Distinct, all.Total, all.Once = all.Distinct+f.Distinct, all.Total+f.Total, all.Once+f.Once
		all.Longest = longer(all.Longest, f.Longest)
		candidates = append(candidates, f.Frequent...)
	}
	all.Frequent = frequent(candidates)
	return all
}

// longer prefers a where both have one length.
func longer(a, b string) string {
	if utf8.RuneCountInString(b) > utf8.RuneCountInString(a) {
		return b
	}
	return a
}

// frequent lists the most frequent words, those of one count in alphabetical order.
func frequent(entries []Entry) []Entry {
	sorted := slices.SortedFunc(slices.Values(entries), func(a, b Entry) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Word, b.Word))
	})
	return slices.Clone(sorted[:min(mostFrequent, len(sorted))])
}

// Stats are the numbers of a whole text from which its aspects follow.
type Stats struct {
	Bytes, Lines, Sentences, Words, Letters int
	Counts                                  []int // occurrences of each word, descending
}

// Describe computes the stats of a text.
func Describe(t Tally) Stats {
	s := Stats{Bytes: t.Bytes, Lines: t.Lines, Sentences: t.Sentences, Counts: make([]int, 0, len(t.Words))}
	for word, n := range t.Words {
		s.Words += n
		s.Letters += n * utf8.RuneCountInString(word)
		s.Counts = append(s.Counts, n)
	}
	slices.SortFunc(s.Counts, func(a, b int) int { return cmp.Compare(b, a) })
	return s
}

// Aspects of a text.
const (
	WordLength     = "word_length"     // mean characters of a word
	SentenceLength = "sentence_length" // mean words of a sentence
	Richness       = "richness"        // distinct words by words
	Entropy        = "entropy_bits"    // of the distribution of words (Shannon 1948, section 6)
)

// Aspect computes one aspect of a text. Means of nothing are 0.
func Aspect(s Stats, name string) (float64, error) {
	switch name {
	case WordLength:
		return ratio(s.Letters, s.Words), nil
	case SentenceLength:
		return ratio(s.Words, s.Sentences), nil
	case Richness:
		return ratio(len(s.Counts), s.Words), nil
	case Entropy:
		bits := 0.0
		for _, n := range s.Counts {
			p := ratio(n, s.Words)
			bits -= p * math.Log2(p)
		}
		return bits, nil
	default:
		return 0, fmt.Errorf("%q is not an aspect, expected %s, %s, %s or %s", name, WordLength, SentenceLength, Richness, Entropy)
	}
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
