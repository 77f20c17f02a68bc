package metricsstoretest

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

func lawUnknown(t *testing.T, s *subject) {
	calls := map[string]func() error{
		"Append":   func() error { return s.Append(s.ctx, "r", metricsstore.Batch{}) },
		"Annotate": func() error { return s.Annotate(s.ctx, "r", metricsstore.Annotation{}) },
		"Delete":   func() error { return s.Delete(s.ctx, "r") },
		"Release":  func() error { return s.Release(s.ctx, "r", "x") },
		"Acquire":  func() error { return s.Acquire(s.ctx, "r", metricsstore.Lease{Owner: "x"}, epoch()) },
		"Archive": func() error {
			return s.Archive(s.ctx, "r", metricsstore.Archive{Owner: "x", Header: ended(header("r"), 1)})
		},
		"Run":        func() error { _, err := s.Run(s.ctx, "r"); return err },
		"Attachment": func() error { _, err := s.Attachment(s.ctx, "r", metricsstore.AttachShape); return err },
		"Log":        func() error { _, err := s.Log(s.ctx, "r", 0, 0); return err },
		"Details":    func() error { _, err := s.Details(s.ctx, "r", metricsstore.DetailKey{}, 0); return err },
		"Workers":    func() error { _, err := s.Workers(s.ctx, "r"); return err },
	}
	for name, call := range calls {
		require.ErrorIs(t, call(), metricsstore.ErrNotFound, name)
	}
	runs, err := s.Runs(s.ctx, metricsstore.Position{}, 0)
	require.NoError(t, err)
	assert.Empty(t, runs)
}

// lawMemory: the store keeps no reference to what it is given.
func lawMemory(t *testing.T, s *subject) {
	h, shape := header("r"), []byte("shape")
	require.NoError(t, s.Begin(s.ctx, h, shape))
	b, d := block(1, 2), detail(1, 1, "detail")
	w := metricsstore.WorkerRow{Data: []byte("worker")}
	s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{b}, Details: []metricsstore.DetailRow{d}, Workers: []metricsstore.WorkerRow{w}})
	for _, given := range [][]byte{shape, b.Data, d.Data, w.Data} {
		clear(given)
	}
	h.Info.Tags[0], h.Info.Params["n"] = "changed", "changed"
	got := s.run("r")
	equal(t, header("r"), got.Header)
	equal(t, header("r").Info.Tags, got.Annotation.Tags)
	blocks, err := s.Log(s.ctx, "r", 0, 0)
	require.NoError(t, err)
	details, err := s.Details(s.ctx, "r", metricsstore.DetailKey{}, 0)
	require.NoError(t, err)
	workers, err := s.Workers(s.ctx, "r")
	require.NoError(t, err)
	kept, err := s.Attachment(s.ctx, "r", metricsstore.AttachShape)
	require.NoError(t, err)
	for _, data := range [][]byte{blocks[0].Data, details[0].Data, workers[0].Data, kept} {
		assert.False(t, bytes.Contains(data, []byte{0}))
	}
}

func lawContext(t *testing.T, s *subject) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	require.ErrorIs(t, s.Begin(ctx, header("r"), nil), context.Canceled)
	_, err := s.Runs(ctx, metricsstore.Position{}, 0)
	require.ErrorIs(t, err, context.Canceled)
}

func lawChanged(t *testing.T, s *subject) {
	notified := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	h := header("r")
	ch, other := s.Changed("r"), s.Changed("other")
	require.NoError(t, s.Begin(s.ctx, h, nil))
	assert.True(t, notified(ch), "begin")
	assert.False(t, notified(other))
	ch = s.Changed("r")
	assert.False(t, notified(ch))
	s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{block(1, 1)}})
	assert.True(t, notified(ch), "append")
	ch = s.Changed("r")
	s.archive(ended(h, 1))
	assert.True(t, notified(ch), "archive")
	ch = s.Changed("r")
	require.NoError(t, s.Annotate(s.ctx, "r", metricsstore.Annotation{Note: "x"}))
	assert.True(t, notified(ch), "annotate")
	ch = s.Changed("r")
	require.NoError(t, s.Delete(s.ctx, "r"))
	assert.True(t, notified(ch), "delete")
	ch = s.Changed("r")
	require.NoError(t, s.Check(s.ctx))
	require.NoError(t, s.Close())
	s.closed = true
	assert.True(t, notified(ch), "close")
	assert.True(t, notified(s.Changed("r")), "after close")
}

func lawChangedSince(t *testing.T, s *subject) {
	list := func(number uint64) metricsstore.ChangeList {
		t.Helper()
		l, err := s.ChangedSince(s.ctx, number)
		require.NoError(t, err)
		return l
	}
	first := list(0)
	assert.True(t, first.Partial, "not all that was ever changed is known")
	expect := func(what string, runs ...record.RunID) {
		t.Helper()
		l := list(first.Latest)
		assert.Equal(t, runs, l.Runs, what)
		assert.False(t, l.Partial, what)
		assert.GreaterOrEqual(t, l.Latest, first.Latest, what)
	}
	expect("nothing")
	h := s.begin("a")
	s.begin("b")
	expect("begin", "a", "b")
	s.append("a", metricsstore.Batch{Blocks: []metricsstore.Block{block(1, 1)}})
	expect("append", "b", "a")
	first = list(first.Latest)
	expect("asked again")
	require.NoError(t, s.Annotate(s.ctx, "b", metricsstore.Annotation{Note: "x"}))
	expect("annotate", "b")
	s.archive(ended(h, 1))
	expect("archive", "b", "a")
	require.NoError(t, s.Delete(s.ctx, "a"))
	expect("delete", "b", "a")
	assert.True(t, list(list(0).Latest+1<<40).Partial, "a number that this store has not given")
}

func lawCompact(t *testing.T, s *subject) {
	h := s.begin("r")
	s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{block(1, 2)}})
	s.archive(ended(h, 1), rollup("r", "f", "m", "1"))
	s.archive(ended(s.begin("gone"), 1))
	require.NoError(t, s.Delete(s.ctx, "gone"))
	want := s.run("r")
	require.NoError(t, s.Compact(s.ctx))
	equal(t, want, s.run("r"))
	assert.Equal(t, []string{"1-2"}, s.log("r", 0, 0))
	assert.Len(t, s.rollups(metricsstore.RollupQuery{}), 1)
}

func lawClose(t *testing.T, s *subject) {
	s.begin("r")
	require.NoError(t, s.Close())
	s.closed = true
	_, err := s.Run(s.ctx, "r")
	require.ErrorIs(t, err, metricsstore.ErrClosed)
	require.ErrorIs(t, s.Append(s.ctx, "r", metricsstore.Batch{}), metricsstore.ErrClosed)
	require.ErrorIs(t, s.Check(s.ctx), metricsstore.ErrClosed)
}
