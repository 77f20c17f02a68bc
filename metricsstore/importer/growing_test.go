package importer_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// reads is a format that reads whatever its function returns.
type reads func() []*records.Run

func (reads) Name() string                      { return "reads" }
func (reads) Title() string                     { return "Reads" }
func (reads) Sniff(string, []byte) records.Part { return records.Main }
func (f reads) Read(context.Context, []records.File) ([]*records.Run, error) {
	return f(), nil
}

// keyed is a run of n tasks.
func keyed(n int) []*records.Run {
	r := records.NewRun("Tool", "Tool log 1")
	r.Key = "k"
	for i := range n {
		task := records.NewTask(fmt.Sprint(i))
		a := records.NewAttempt()
		a.Started, a.Ended, a.Outcome = records.Moment(i), records.Moment(i+1), record.OutcomeOK
		task.Attempts = []records.Attempt{a}
		r.Tasks = append(r.Tasks, task)
	}
	return []*records.Run{r}
}

// TestFileGrowsWhileItIsImported: the bytes that were digested were not all read, and are read the next time.
func TestFileGrowsWhileItIsImported(t *testing.T) {
	with := newImporter(t, memory.New())
	file := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	for n, want := range []importer.Outcome{importer.Imported, importer.Replaced, importer.Unchanged} {
		drop := importer.Drop{Formats: []records.Format{reads(func() []*records.Run { return keyed(min(n+1, 2)) })}}
		require.NoError(t, drop.AddPath(file))
		results, err := with.Import(t.Context(), &drop)
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		require.Equal(t, want, results[0].Outcome)
	}
}

// TestFileGoesWhileItIsImported: the others of the drop are imported.
func TestFileGoesWhileItIsImported(t *testing.T) {
	dir := t.TempDir()
	gone, stays := filepath.Join(dir, "gone"), filepath.Join(dir, "stays")
	for _, file := range []string{gone, stays} {
		require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	}
	drop := importer.Drop{Formats: []records.Format{reads(func() []*records.Run {
		require.NoError(t, os.Remove(gone))
		first, second := keyed(1)[0], keyed(1)[0]
		first.Path, second.Path, second.Key = gone, stays, "other"
		return []*records.Run{first, second}
	})}}
	require.NoError(t, drop.AddPath(dir))
	results, err := newImporter(t, memory.New()).Import(t.Context(), &drop)
	require.NoError(t, err)
	require.Len(t, results, 2)
	require.ErrorIs(t, results[0].Err, os.ErrNotExist)
	require.Equal(t, importer.Imported, results[1].Outcome)
}
