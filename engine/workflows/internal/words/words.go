// Package words cuts texts into pieces and counts the words in them.
//
// A word is a longest run of letters, marks and digits, in lower case; an apostrophe between two of them belongs to
// it. Pieces end on white space, so that no word is cut and every word of the text is in exactly one piece. Each
// function passes over its text once, byte by byte where the text is ASCII, and checks its context now and then.
//
// Caveats: only ASCII white space ends a piece, so a text without any is one piece; bytes that are not UTF-8
// separate words.
package words

import (
	"bytes"
	"context"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// lookEvery is how many bytes pass between two checks of a context: 0.1 ms or so.
const lookEvery = 32 << 10

// Check refuses what is no text: no bytes at all, or with zero bytes in it, as UTF-16 and binary files have.
func Check(text []byte) error {
	if len(text) == 0 {
		return fmt.Errorf("the text is empty, expected at least one byte")
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return fmt.Errorf("the text has a zero at byte %d, expected text in UTF-8", i)
	}
	return nil
}

// Chunks cuts a text into pieces of at least size bytes, each but the last ending where white space begins. The
// pieces share memory with the text and make it up in order; there is at least one.
func Chunks(text []byte, size int) [][]byte {
	var out [][]byte
	for len(text) > size {
		end := wordEnd(text, size)
		out = append(out, text[:end:end])
		text = text[end:]
	}
	if len(text) > 0 || len(out) == 0 {
		out = append(out, text)
	}
	return out
}

// Ranges cuts a text into n pieces of about one size, each ending where white space begins; some are empty where the
// text is short. The pieces share memory with the text and make it up in order.
func Ranges(text []byte, n int) [][]byte {
	out := make([][]byte, n)
	from := 0
	for i := range out {
		to := max(from, wordEnd(text, (i+1)*len(text)/n))
		out[i] = text[from:to:to]
		from = to
	}
	return out
}

// wordEnd is the first place at or after i where white space begins or the text ends.
func wordEnd(text []byte, i int) int {
	for i < len(text) && !isSpace(text[i]) {
		i++
	}
	return i
}

func isSpace(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }

// Normalise gives the words of a text, each followed by one blank.
func Normalise(ctx context.Context, text []byte) ([]byte, error) {
	out := make([]byte, 0, len(text)+1)
	inside, look := false, lookEvery
	for i := 0; i < len(text); {
		if i >= look {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			look = i + lookEvery
		}
		b := text[i]
		if b >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(text[i:])
			i += n
			if isWordRune(r) {
				out, inside = utf8.AppendRune(out, unicode.ToLower(r)), true
				continue
			}
		} else {
			i++
			if c := asciiWord[b]; c != 0 {
				out, inside = append(out, c), true
				continue
			}
			if b == '\'' && inside && startsWord(text[i:]) {
				out = append(out, b)
				continue
			}
		}
		if inside {
			out, inside = append(out, ' '), false
		}
	}
	if inside {
		out = append(out, ' ')
	}
	return out, nil
}

// asciiWord maps the ASCII letters and digits to lower case and every other byte to 0.
var asciiWord = func() (table [256]byte) {
	for c := byte('a'); c <= 'z'; c++ {
		table[c], table[c-'a'+'A'] = c, c
	}
	for c := byte('0'); c <= '9'; c++ {
		table[c] = c
	}
	return table
}()

func isWordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

func startsWord(text []byte) bool {
	r, _ := utf8.DecodeRune(text)
	return isWordRune(r)
}

// Count counts the words of a normalised text.
func Count(ctx context.Context, normalised []byte) (map[string]int, error) {
	// Counters are apart from the index because looking a []byte up in a map allocates nothing, but storing one does.
	index := make(map[string]int32, 1024)
	counters := make([]int, 0, 1024)
	look := len(normalised) - lookEvery
	for len(normalised) > 0 {
		if len(normalised) <= look {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			look = len(normalised) - lookEvery
		}
		end := bytes.IndexByte(normalised, ' ')
		if end < 0 {
			end = len(normalised)
		}
		word := normalised[:end]
		if i, known := index[string(word)]; known {
			counters[i]++
		} else if end > 0 {
			index[string(word)] = int32(len(counters))
			counters = append(counters, 1)
		}
		normalised = normalised[min(end+1, len(normalised)):]
	}
	out := make(map[string]int, len(index))
	for word, i := range index {
		out[word] = counters[i]
	}
	return out, nil
}

// Merge adds counts up.
func Merge(ctx context.Context, counts []map[string]int) (map[string]int, error) {
	largest := 0
	for _, c := range counts {
		largest = max(largest, len(c))
	}
	out := make(map[string]int, 2*largest) // the pieces of a text share about half of their words
	for _, c := range counts {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for word, n := range c {
			out[word] += n
		}
	}
	return out, nil
}
