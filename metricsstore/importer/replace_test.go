package importer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// recorded is a recording of n tasks, made of bytes that begin with n.
func recorded(t *testing.T, n int) *records.Recording {
	t.Helper()
	r := records.NewRun("test", "test")
	r.Key, r.Workflow, r.Params = "one", "work", map[string]string{"trace": "one"}
	for i := range n {
		task := records.NewTask(string(rune('a' + i)))
		a := records.NewAttempt()
		a.Started, a.Ended, a.Outcome = 1_000_000_000_000, 1_000_000_000_009, record.OutcomeOK
		task.Attempts = []records.Attempt{a}
		r.Tasks = append(r.Tasks, task)
	}
	out, err := records.Compile(r, records.Origin{Digest: [32]byte{byte(n)}})
	require.NoError(t, err)
	return out
}

// plainStore hides that a store is a metricsstore.Swapper.
type plainStore struct{ metricsstore.Store }

func TestReplace(t *testing.T) {
	t.Run("at once", func(t *testing.T) { testReplace(t, memory.New()) })
	t.Run("in steps", func(t *testing.T) { testReplace(t, plainStore{memory.New()}) })
}

func testReplace(t *testing.T, store metricsstore.Store) {
	i, err := importer.New(importer.Config{Store: store})
	require.NoError(t, err)
	replace := func(n int, want bool) metricsstore.Run {
		t.Helper()
		changed, err := i.Replace(t.Context(), recorded(t, n))
		require.NoError(t, err)
		require.Equal(t, want, changed)
		run, err := store.Run(t.Context(), recorded(t, n).Info.ID)
		require.NoError(t, err)
		require.EqualValues(t, n, run.Counts.Succeeded)
		require.Equal(t, record.Succeeded, run.Status)
		return run
	}
	first := replace(2, true)
	replace(2, false)
	note := metricsstore.Annotation{Note: "look", Tags: []string{"mine"}}
	require.NoError(t, store.Annotate(t.Context(), first.Info.ID, note))
	require.Equal(t, note, replace(3, true).Annotation)
	require.Equal(t, note, replace(1, true).Annotation, "a shorter one as well: the caller knows")
	grows := recorded(t, 1)
	grows.Info.Origin.GrowsUntil = time.Unix(2000, 0)
	changed, err := i.Replace(t.Context(), grows)
	require.NoError(t, err)
	require.True(t, changed, "the same bytes, of which more is expected")
	found, err := importer.Received(t.Context(), store, "test", byTrace)
	require.NoError(t, err)
	require.Equal(t, map[string]record.RunID{"one": first.Info.ID}, found)
	found, err = importer.Received(t.Context(), store, "other", byTrace)
	require.NoError(t, err)
	require.Empty(t, found)
	require.NoError(t, store.Check(t.Context()))
}

// TestReplaceWhatWasCutOff replaces a run that was not recorded to its end, as after a kill.
func TestReplaceWhatWasCutOff(t *testing.T) {
	store := memory.New()
	i, err := importer.New(importer.Config{Store: store})
	require.NoError(t, err)
	r := recorded(t, 2)
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: store})
	require.NoError(t, err)
	require.NoError(t, recorder.Begin(r.Info, r.Graph))
	recorder.Steps(r.Info.ID, recordstest.Replayed(t, r).Steps[:2])
	require.NoError(t, recorder.Leave(r.Info.ID))
	run, err := store.Run(t.Context(), r.Info.ID)
	require.NoError(t, err)
	require.False(t, run.Status.Final())
	changed, err := i.Replace(t.Context(), r)
	require.NoError(t, err)
	require.True(t, changed)
	run, err = store.Run(t.Context(), r.Info.ID)
	require.NoError(t, err)
	require.Equal(t, record.Succeeded, run.Status)
	require.NoError(t, store.Check(t.Context()))
}

func byTrace(params map[string]string) string { return params["trace"] }
