// Package metricsstoretest is the conformance suite of metricsstore.Store: each law of the interface, random
// operations against a model, and what must survive closing. A back end's test is one call of Test.
//
// It guarantees that a back end that passes behaves like the others as far as the parent package can observe; after
// each law it asks the store to check itself. It opens some 150 stores, one after the other for the random part.
//
// It is internal, like all test kits: the laws still change with what the recorder needs, and no command can choose a
// back end from outside of this module, so an exported suite would promise a seam that does not exist yet. To hold a new
// back end to it, add the back end next to the others.
//
// Caveats: durability against a killed process cannot be observed from inside one and is for the back end's own
// tests.
package metricsstoretest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Backend makes the stores under test.
type Backend struct {
	// Open returns an empty store. The suite closes it; other clean-up is for t.Cleanup. It is called often, so it
	// should not wait for disks.
	Open func(t testing.TB) metricsstore.Store
	// Reopen closes a store that Open returned and opens it again; nil where nothing survives.
	Reopen func(t testing.TB, s metricsstore.Store) metricsstore.Store
}

// Test runs the suite.
func Test(t *testing.T, b Backend) {
	laws := []struct {
		name string
		law  func(*testing.T, *subject)
	}{
		{"begin", lawBegin},
		{"begin again", lawBeginAgain},
		{"begin a revision", lawRevision},
		{"invalid arguments", lawInvalid},
		{"append in any order", lawAppendOrder},
		{"append conflicts", lawAppendConflict},
		{"append details and workers", lawAppendRows},
		{"append after the end", lawAppendLate},
		{"log", lawLog},
		{"details", lawDetails},
		{"archive", lawArchive},
		{"archive again", lawArchiveAgain},
		{"archive replaces blocks", lawArchiveBlocks},
		{"archive keeps annotations", lawAnnotate},
		{"lease", lawLease},
		{"runs", lawRuns},
		{"roll-ups", lawRollups},
		{"roll-ups far apart", lawRollupsFarApart},
		{"roll-up keys", lawRollupKeys},
		{"merged roll-ups", lawMerged},
		{"delete", lawDelete},
		{"swap", lawSwap},
		{"bytes", lawBytes},
		{"unknown run", lawUnknown},
		{"kept and given memory", lawMemory},
		{"concurrent calls", lawConcurrent},
		{"cancelled context", lawContext},
		{"changes are reported", lawChanged},
		{"changes are listed", lawChangedSince},
		{"compact", lawCompact},
		{"close", lawClose},
	}
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			s := &subject{Store: b.Open(t), t: t, ctx: t.Context()}
			l.law(t, s)
			if !s.closed {
				require.NoError(t, s.Check(s.ctx))
			}
			require.NoError(t, s.Close())
		})
	}
	t.Run("model", func(t *testing.T) { testModel(t, b) })
	t.Run("reopen", func(t *testing.T) {
		if b.Reopen == nil {
			t.Skip("nothing survives closing")
		}
		testReopen(t, b)
	})
}

// subject is a store with shorthands for tests.
type subject struct {
	metricsstore.Store
	t      testing.TB
	ctx    context.Context
	closed bool // by the law itself
}

// epoch is when the runs of the suite started, unless said otherwise.
func epoch() time.Time { return time.Date(2026, 3, 1, 23, 30, 0, 123456789, time.UTC) }

// header is that of a run that begins.
func header(id record.RunID) metricsstore.Header {
	return metricsstore.Header{
		Info: record.RunInfo{
			ID: id, Workflow: "w", Params: map[string]string{"n": "3"}, Tags: []string{"nightly"}, Policy: record.FailFast,
			Upload: "periodic=2s", SubmittedAt: epoch(), StartedAt: epoch(),
		},
		Status: record.Running, AddedAt: epoch(),
		Graph: metricsstore.GraphSize{Tasks: 3, Edges: 2, Hash: "00ff"},
	}
}

// ended is the header of the same run once it has ended and was archived for the nth time.
func ended(h metricsstore.Header, n int) metricsstore.Header {
	h.Status, h.EndedAt, h.Rollup, h.ArchivedSeq = record.Succeeded, epoch().Add(time.Minute), n, 100
	h.Counts = metricsstore.Counts{Tasks: 3, Attempts: 4, MakespanNS: int64(n)}
	h.Upload = metricsstore.Upload{Strategy: h.Info.Upload, Steps: 100, StepsKept: 97}
	return h
}

// block holds steps first to last.
func block(first, last uint64) metricsstore.Block {
	return metricsstore.Block{
		First: first, Last: last, From: int64(first) * 1000, To: int64(last) * 1000,
		Data: fmt.Appendf(nil, "steps %d to %d", first, last),
	}
}

// rollup is a roll-up of a run that started at the epoch.
func rollup(run record.RunID, function string, metric metricsstore.Metric, data string) metricsstore.Rollup {
	return metricsstore.Rollup{
		RollupKey: metricsstore.RollupKey{Function: function, Metric: metric, Day: metricsstore.DayOf(epoch()), Run: run},
		Data:      []byte(data),
	}
}

func detail(node dag.NodeID, attempt uint16, data string) metricsstore.DetailRow {
	return metricsstore.DetailRow{DetailKey: metricsstore.DetailKey{Node: node, Attempt: attempt}, Data: []byte(data)}
}

func (s *subject) begin(id record.RunID) metricsstore.Header {
	s.t.Helper()
	h := header(id)
	require.NoError(s.t, s.Begin(s.ctx, h, []byte("shape of "+id)))
	return h
}

// archive archives a run as its owner.
func (s *subject) archive(h metricsstore.Header, rollups ...metricsstore.Rollup) metricsstore.Archive {
	s.t.Helper()
	a := metricsstore.Archive{
		Owner: "archiver", Header: h, Rollups: rollups,
		Attachments: map[string][]byte{metricsstore.AttachEnd: []byte("end")},
	}
	s.acquire(h.Info.ID, a.Owner)
	require.NoError(s.t, s.Archive(s.ctx, h.Info.ID, a))
	return a
}

func (s *subject) acquire(id record.RunID, owner string) {
	s.t.Helper()
	require.NoError(s.t, s.Acquire(s.ctx, id, metricsstore.Lease{Owner: owner, Until: epoch().Add(time.Hour)}, epoch()))
}

func (s *subject) run(id record.RunID) metricsstore.Run {
	s.t.Helper()
	r, err := s.Run(s.ctx, id)
	require.NoError(s.t, err)
	return r
}

func (s *subject) append(id record.RunID, b metricsstore.Batch) {
	s.t.Helper()
	require.NoError(s.t, s.Append(s.ctx, id, b))
}

// log lists blocks as "first-last".
func (s *subject) log(id record.RunID, after uint64, limit int) []string {
	s.t.Helper()
	blocks, err := s.Log(s.ctx, id, after, limit)
	require.NoError(s.t, err)
	out := []string{}
	for _, b := range blocks {
		out = append(out, fmt.Sprintf("%d-%d", b.First, b.Last))
	}
	return out
}

func (s *subject) rollups(q metricsstore.RollupQuery) []metricsstore.Rollup {
	s.t.Helper()
	rows, err := s.Rollups(s.ctx, q)
	require.NoError(s.t, err)
	return rows
}
