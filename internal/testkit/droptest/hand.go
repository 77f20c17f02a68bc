package droptest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// One reads a file, made by hand or real, that the format has to claim and that has one run.
func One(t testing.TB, f records.Format, path string, text []byte) *records.Run {
	t.Helper()
	runs := Read(t, f, Sniffed(t, f, path, text))
	require.Len(t, runs, 1)
	Compiles(t, runs[0])
	return runs[0]
}

// Refused reads a file that the format has to refuse, and checks the error: its kind, and text that it contains.
func Refused(t testing.TB, f records.Format, path string, text []byte, want string) {
	t.Helper()
	_, err := f.Read(context.Background(), []records.File{File(path, records.Main, text)})
	require.ErrorIs(t, err, records.ErrFormat, "%s", text)
	require.ErrorContains(t, err, want, "%s", text)
}

// CutLines cuts off a file of lines, of a format without a mark of its end, at up to n random bytes. The format has to refuse
// it or to say that the last run is incomplete where the cut is within a line.
func CutLines(t *testing.T, f records.Format, path string, text []byte, n int) {
	t.Helper()
	for _, at := range Places(t, len(text), n) {
		cut := text[:at]
		runs, err := f.Read(context.Background(), []records.File{File(path, records.Main, cut)})
		if err != nil {
			require.ErrorIs(t, err, records.ErrFormat, "cut at %d", len(cut))
			continue
		}
		for _, r := range runs {
			Check(t, r)
		}
		if !strings.HasSuffix(string(cut), "\n") {
			require.NotEmpty(t, runs[len(runs)-1].Incomplete, "cut at %d, and the last run is said to be complete", len(cut))
		}
	}
}

// Try reads files that a fuzzer made: an error is one of those of readers, and what is read is in order.
func Try(t *testing.T, f records.Format, files ...records.File) {
	t.Helper()
	runs, err := f.Read(context.Background(), files)
	if err != nil {
		require.True(t, errors.Is(err, records.ErrFormat) || errors.Is(err, records.ErrTooLarge), err)
		return
	}
	for _, r := range runs {
		Check(t, r)
		Compiles(t, r)
	}
}

// Compiles makes a finished run of what was read, and holds the laws of such runs. There is none if nothing says when
// or for how long anything ran.
func Compiles(t testing.TB, r *records.Run) {
	t.Helper()
	timed := false
	for i := range r.Tasks {
		for k := range r.Tasks[i].Attempts {
			a := &r.Tasks[i].Attempts[k]
			timed = timed || a.Claimed.Known() || a.Started.Known() || a.Ended.Known() || a.Runtime >= 0
		}
	}
	if _, err := records.Compile(r, records.Origin{}); err != nil {
		require.True(t, errors.Is(err, records.ErrTooLarge) || errors.Is(err, records.ErrFormat) && !timed, "%v", err)
		return
	}
	recordstest.Laws(t, r)
}
