package metricsstore_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// fromSpark is a run that was imported: of five tasks two were cached.
func fromSpark(t testing.TB, s metricsstore.Store) record.Origin {
	t.Helper()
	i := info("r")
	i.Origin = &record.Origin{
		Format: "Spark event log 3.5", System: "Spark", Digest: "4f2a", Incomplete: "the file ends in the middle of line 7",
		Notes: []record.Note{
			{Kind: record.NoteInferred, Text: "edges were inferred from stages", Count: 12},
			{Kind: record.NoteLeftOut, Text: "times are those of the driver", Count: -1},
		},
	}
	steps := []record.Step{{Seq: 1, Kind: record.RunStarted, Became: dag.NoNode}}
	for n, o := range []record.Outcome{record.OutcomeCached, record.OutcomeOK, record.OutcomeCached, record.OutcomeOK} {
		at := int64(n) * 100
		steps = append(steps, record.Step{
			Seq: uint64(n + 2), Kind: record.AttemptEnded, Node: dag.NodeID(n), Attempt: 1, Outcome: o, Head: true, Ready: at, Claimed: at,
			Started: at, Ended: at + 50, Updated: at + 50, Became: dag.NoNode,
		})
	}
	recordRun(t, s, i, nested(t, 3), steps, 10)
	return *i.Origin
}

// TestOriginIsKept: what a recording says about itself survives the store and an archive file.
func TestOriginIsKept(t *testing.T) {
	from, to := memory.New(), memory.New()
	want := fromSpark(t, from)
	assert.Equal(t, &want, mustRun(t, from, "r").Info.Origin)
	p, err := metricsstore.ReadArchive(bytes.NewReader(archiveFile(t, from)), 1<<30)
	require.NoError(t, err)
	_, err = archiver(t, to).Import(t.Context(), p)
	require.NoError(t, err)
	got := mustRun(t, to, "r")
	assert.Equal(t, &want, got.Info.Origin)
	assert.Equal(t, int64(2), got.Counts.Cached)
	assert.Equal(t, int64(4), got.Counts.Done())
}

// TestCachedIsNotMeasured: neither statistics of a run nor those over runs contain cached attempts; lists do.
func TestCachedIsNotMeasured(t *testing.T) {
	s := memory.New()
	fromSpark(t, s)
	q := queries(t, s)
	stats, err := q.Statistics(t.Context(), metricsstore.StatsQuery{Run: "r", Metric: metricsstore.ExecuteNS})
	require.NoError(t, err)
	assert.Equal(t, int64(4), stats.Attempts)
	assert.Equal(t, int64(2), stats.Succeeded)
	require.Len(t, stats.Groups, 1)
	assert.Equal(t, uint64(2), stats.Groups[0].N)
	history, err := q.History(t.Context(), metricsstore.HistoryQuery{Metric: metricsstore.ExecuteNS})
	require.NoError(t, err)
	require.Len(t, history.Buckets, 1)
	assert.Equal(t, uint64(2), history.Buckets[0].N)
	page, err := q.Records(t.Context(), metricsstore.RecordQuery{Run: "r", Outcomes: []record.Outcome{record.OutcomeCached}})
	require.NoError(t, err)
	assert.Equal(t, 2, page.Total)
}

func TestRunsOfAnEngine(t *testing.T) {
	s := library(t)
	fromSpark(t, s)
	for engine, want := range map[string]int{"spark": 1, "Spark": 1, "dagscope": 60, "unknown": 0} {
		page, err := queries(t, s).Runs(t.Context(), metricsstore.RunQuery{RunFilter: metricsstore.RunFilter{Engine: engine}, Limit: 1000})
		require.NoError(t, err)
		assert.Len(t, page.Runs, want, engine)
	}
}
