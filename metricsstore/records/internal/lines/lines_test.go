package lines_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// line is what a Reader says of one.
type line struct {
	text       string
	number     int
	offset     int64
	ended, cut bool
}

func read(from io.Reader, bound int) ([]line, error) {
	var all []line
	r := lines.New(from, bound)
	for r.Next() {
		all = append(all, line{string(r.Bytes()), r.Number(), r.Offset(), r.Ended(), r.Cut()})
	}
	return all, r.Err()
}

// plainly is read, done by splitting the whole text.
func plainly(text string, bound int) []line {
	var all []line
	offset := 0
	for part := range strings.SplitAfterSeq(text, "\n") {
		if part == "" {
			continue
		}
		l := line{number: len(all) + 1, offset: int64(offset)}
		if l.text, l.ended = strings.CutSuffix(part, "\n"); l.ended {
			l.text = strings.TrimSuffix(l.text, "\r")
		}
		if len(l.text) > bound {
			l.text, l.cut = l.text[:bound], true
		}
		offset += len(part)
		all = append(all, l)
	}
	return all
}

func TestLines(t *testing.T) {
	got, err := read(strings.NewReader("one\r\n\ntoo long\nlast"), 4)
	require.NoError(t, err)
	require.Equal(t, []line{
		{"one", 1, 0, true, false},
		{"", 2, 5, true, false},
		{"too ", 3, 6, true, true},
		{"last", 4, 15, false, false},
	}, got)
}

func TestLinesAreThoseOfThePlainText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\r\n")), 0, 300, -1).Draw(t, "text")
		bound := rapid.IntRange(1, 40).Draw(t, "bound")
		from := io.Reader(strings.NewReader(text))
		switch rapid.IntRange(0, 3).Draw(t, "reads") {
		case 0:
			from = iotest.OneByteReader(from)
		case 1:
			from = iotest.HalfReader(from)
		case 2:
			from = iotest.DataErrReader(from)
		}
		got, err := read(from, bound)
		require.NoError(t, err)
		require.Equal(t, plainly(text, bound), got)
	})
}

func TestLongLinesAcrossBuffers(t *testing.T) {
	var text bytes.Buffer
	for i := range 40 {
		fmt.Fprintf(&text, "%d%s\n", i, strings.Repeat("x", i*i*700))
	}
	for _, bound := range []int{1, 1000, 256<<10 - 2, 256 << 10, 256<<10 + 1, 512<<10 - 2, 600_000, 8 << 20} {
		got, err := read(bytes.NewReader(text.Bytes()), bound)
		require.NoError(t, err)
		require.True(t, equal(plainly(text.String(), bound), got), "bound %d", bound)
	}
}

// equal spares a difference of megabytes.
func equal(a, b []line) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestWhatWasReadBeforeAFailureIsGiven(t *testing.T) {
	broken := errors.New("broken")
	got, err := read(io.MultiReader(strings.NewReader("one\ntw"), iotest.ErrReader(broken)), 100)
	require.ErrorIs(t, err, broken)
	require.Equal(t, []line{{"one", 1, 0, true, false}, {"tw", 2, 4, false, false}}, got)

	got, err = read(io.MultiReader(strings.NewReader("far too long"), iotest.ErrReader(broken)), 3)
	require.ErrorIs(t, err, broken)
	require.Equal(t, []line{{"far", 1, 0, false, true}}, got)
}

// idle never returns anything, and no error.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestAReaderThatMakesNoProgressIsGivenUp(t *testing.T) {
	_, err := read(idle{}, 100)
	require.ErrorIs(t, err, io.ErrNoProgress)
}
