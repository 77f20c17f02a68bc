package importer_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// joblog has the first n tasks of a run of GNU parallel.
func joblog(n int) []byte {
	var b strings.Builder
	b.WriteString("Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n")
	for i := range n {
		fmt.Fprintf(&b, "%d\t:\t1796000000.1\t%d.5\t0\t0\t0\t0\tsleep %d\n", i+1, i+1, i+1)
	}
	return []byte(b.String())
}

// dropOf is a drop with these files. It is closed at the end of the test.
func dropOf(t testing.TB, contents ...[]byte) *importer.Drop {
	drop := &importer.Drop{}
	t.Cleanup(func() { require.NoError(t, drop.Close()) })
	for i, content := range contents {
		require.NoError(t, drop.AddStream(fmt.Sprintf("%d/file", i), bytes.NewReader(content)))
	}
	return drop
}

// previewed imports a drop twice, each time after it was previewed, which has to give the same answer and keep nothing.
// It returns the results of the first import.
func previewed(t testing.TB, store metricsstore.Store, drop *importer.Drop) []importer.Result {
	with := newImporter(t, store)
	var first []importer.Result
	for range 2 {
		before, err := store.Runs(t.Context(), metricsstore.Position{}, 100)
		require.NoError(t, err)
		preview, err := with.Preview(t.Context(), drop)
		require.NoError(t, err)
		after, err := store.Runs(t.Context(), metricsstore.Position{}, 100)
		require.NoError(t, err)
		require.Equal(t, before, after, "a preview keeps nothing")
		results, err := with.Import(t.Context(), drop)
		require.NoError(t, err)
		require.Equal(t, comparable(results), comparable(preview))
		if first == nil {
			first = results
		}
	}
	return first
}

// comparable leaves out of results what depends on the moment and on the store.
func comparable(results []importer.Result) []importer.Result {
	out := append([]importer.Result{}, results...)
	for i := range out {
		r := &out[i].Run
		r.AddedAt, r.Bytes, r.Upload.Calls = time.Time{}, 0, 0
		if len(r.Info.Params) == 0 { // a store makes no difference between none and nil
			r.Info.Params = nil
		}
	}
	return out
}

// TestPreview: a preview of a drop says what its import does, whatever is kept already.
func TestPreview(t *testing.T) {
	source := memory.New()
	one := importOne(t, newImporter(t, source), []byte(recording))
	require.NoError(t, one.Err)
	var archive bytes.Buffer
	require.NoError(t, metricsstore.WriteArchive(t.Context(), &archive, source, one.Run.Info.ID))
	for name, c := range map[string]struct {
		kept     []byte
		contents [][]byte
		want     []importer.Outcome
	}{
		"a recording":                         {nil, [][]byte{[]byte(recording)}, []importer.Outcome{importer.Imported}},
		"an archive":                          {nil, [][]byte{archive.Bytes()}, []importer.Outcome{importer.Imported}},
		"a recording and its archive":         {nil, [][]byte{[]byte(recording), archive.Bytes()}, []importer.Outcome{importer.Imported, importer.Unchanged}},
		"no record":                           {nil, [][]byte{[]byte("hello")}, []importer.Outcome{""}},
		"a damaged archive":                   {nil, [][]byte{archive.Bytes()[:archive.Len()-30]}, []importer.Outcome{""}},
		"a longer record":                     {joblog(2), [][]byte{joblog(3)}, []importer.Outcome{importer.Replaced}},
		"a shorter record":                    {joblog(3), [][]byte{joblog(2)}, []importer.Outcome{importer.Unchanged}},
		"a longer record after a shorter one": {nil, [][]byte{joblog(2), joblog(3)}, []importer.Outcome{importer.Imported, importer.Replaced}},
	} {
		t.Run(name, func(t *testing.T) {
			store := memory.New()
			if c.kept != nil {
				require.NoError(t, importOne(t, newImporter(t, store), c.kept).Err)
			}
			var got []importer.Outcome
			for _, r := range previewed(t, store, dropOf(t, c.contents...)) {
				got = append(got, r.Outcome)
			}
			require.Equal(t, c.want, got)
		})
	}
}

// TestPreviewOfRealRecords holds previews of all records in the repository to their imports.
func TestPreviewOfRealRecords(t *testing.T) {
	names, err := filepath.Glob("../records/*/testdata/*")
	require.NoError(t, err)
	read := 0
	for _, name := range names {
		if info, err := os.Stat(name); err != nil || info.IsDir() {
			continue
		}
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, r := range previewed(t, memory.New(), dropOf(t, content)) {
			if r.Err == nil {
				read++
			}
		}
	}
	require.Greater(t, read, 10)
}

// TestImportOnly imports one of two runs, and then the other one with the first.
func TestImportOnly(t *testing.T) {
	store := memory.New()
	with := newImporter(t, store)
	drop := dropOf(t, []byte(recording), []byte("hello"), joblog(2))
	all, err := with.Preview(t.Context(), drop)
	require.NoError(t, err)
	ids := map[string]record.RunID{}
	for _, r := range all {
		ids[r.Format] = r.Run.Info.ID
	}
	only := func(want map[string]importer.Outcome, runs ...record.RunID) {
		t.Helper()
		results, err := with.ImportOnly(t.Context(), drop, runs)
		require.NoError(t, err)
		got := map[string]importer.Outcome{}
		for _, r := range results {
			require.NoError(t, r.Err)
			got[r.Format] = r.Outcome
		}
		require.Equal(t, want, got)
	}
	only(map[string]importer.Outcome{"parallel": importer.Imported}, ids["parallel"])
	_, err = store.Run(t.Context(), ids["wfformat"])
	require.ErrorIs(t, err, metricsstore.ErrNotFound)
	only(map[string]importer.Outcome{"parallel": importer.Unchanged, "wfformat": importer.Imported}, ids["parallel"], ids["wfformat"])
	only(map[string]importer.Outcome{}, "another")
}
