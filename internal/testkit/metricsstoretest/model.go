package metricsstoretest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// model keeps the same as a store, step by step, in the plainest way.
type model struct{ runs map[record.RunID]*modelRun }

type modelRun struct {
	metricsstore.Run
	lease   metricsstore.Lease
	attach  map[string]string
	steps   map[uint64]metricsstore.Block // the block of each step
	details map[metricsstore.DetailKey]string
	workers map[[2]uint32]metricsstore.WorkerRow
	rollups map[metricsstore.RollupKey]string
}

func (m *model) begin(h metricsstore.Header, shape string) error {
	r := m.runs[h.Info.ID]
	if r != nil {
		h.Rollup, h.AddedAt = r.Rollup, r.AddedAt
	}
	switch {
	case r == nil:
		m.runs[h.Info.ID] = &modelRun{
			Run:    metricsstore.Run{Header: h, Annotation: metricsstore.Annotation{Tags: h.Info.Tags}},
			attach: map[string]string{metricsstore.AttachShape: shape}, steps: map[uint64]metricsstore.Block{},
			details: map[metricsstore.DetailKey]string{}, workers: map[[2]uint32]metricsstore.WorkerRow{},
			rollups: map[metricsstore.RollupKey]string{},
		}
		return nil
	case !r.Status.Final() && cmp.Equal(h, r.Header, cmpopts.EquateEmpty()):
		return nil
	case r.Status.Final() && h.Info.Revision > r.Info.Revision && h.Info.StartedAt.Equal(r.Info.StartedAt):
		r.Header, r.attach[metricsstore.AttachShape] = h, shape
		return nil
	}
	return metricsstore.ErrExists
}

func (m *model) append(id record.RunID, b metricsstore.Batch) error {
	r := m.runs[id]
	if r == nil {
		return metricsstore.ErrNotFound
	}
	steps := maps.Clone(r.steps)
	for _, block := range b.Blocks {
		kept := 0
		for seq := block.First; seq <= block.Last; seq++ {
			if _, ok := steps[seq]; ok {
				kept++
			}
		}
		switch uint64(kept) {
		case 0:
			for seq := block.First; seq <= block.Last; seq++ {
				steps[seq] = block
			}
		case block.Last - block.First + 1:
		default:
			return metricsstore.ErrConflict
		}
	}
	r.steps = steps
	for _, d := range b.Details {
		if _, ok := r.details[d.DetailKey]; !ok {
			r.details[d.DetailKey] = string(d.Data)
		}
	}
	for _, w := range b.Workers {
		k := [2]uint32{w.Revision, w.Worker}
		if old, ok := r.workers[k]; !ok || w.Rank > old.Rank {
			r.workers[k] = w
		}
	}
	return nil
}

func (m *model) archive(id record.RunID, a metricsstore.Archive) error {
	r := m.runs[id]
	switch {
	case r == nil:
		return metricsstore.ErrNotFound
	case r.lease.Owner != a.Owner:
		return metricsstore.ErrLease
	case a.Header.Info.Revision != r.Info.Revision:
		return metricsstore.ErrStale
	case a.Header.Rollup <= r.Rollup:
		return nil
	case a.Header.Rollup > r.Rollup+1:
		return metricsstore.ErrStale
	}
	a.Header.AddedAt = r.AddedAt
	r.Header = a.Header
	for name, data := range a.Attachments {
		r.attach[name] = string(data)
	}
	r.rollups = map[metricsstore.RollupKey]string{}
	for _, row := range a.Rollups {
		r.rollups[row.RollupKey] = string(row.Data)
	}
	return nil
}

func (m *model) acquire(id record.RunID, l metricsstore.Lease, now time.Time) error {
	r := m.runs[id]
	if r == nil {
		return metricsstore.ErrNotFound
	}
	if r.lease.Owner != "" && r.lease.Owner != l.Owner && r.lease.Until.After(now) {
		return metricsstore.ErrLease
	}
	r.lease = l
	return nil
}

func (m *model) delete(id record.RunID) error {
	switch r := m.runs[id]; {
	case r == nil:
		return metricsstore.ErrNotFound
	case !r.Status.Final():
		return metricsstore.ErrLive
	}
	delete(m.runs, id)
	return nil
}

// view is the run as the store should show it.
func (r *modelRun) view() metricsstore.Run {
	v := r.Run
	v.Details, v.Steps = len(r.details), uint64(len(r.steps))
	for _, b := range r.blocks() {
		v.LastSeq = b.Last
		v.Bytes += int64(len(b.Data))
	}
	for _, d := range r.details {
		v.Bytes += int64(len(d))
	}
	for _, w := range r.workers {
		v.Bytes += int64(len(w.Data))
	}
	for _, a := range r.attach {
		v.Bytes += int64(len(a))
	}
	for _, d := range r.rollups {
		v.Bytes += int64(len(d))
	}
	return v
}

func (r *modelRun) blocks() []metricsstore.Block {
	var out []metricsstore.Block
	for _, seq := range slices.Sorted(maps.Keys(r.steps)) {
		if b := r.steps[seq]; b.First == seq {
			out = append(out, b)
		}
	}
	return out
}

// compare reads everything from the store and compares it with the model.
func (m *model) compare(s metricsstore.Store, t *rapid.T) {
	ctx := t.Context()
	var runs []metricsstore.Run
	var rollups []metricsstore.Rollup
	for id, r := range m.runs {
		runs = append(runs, r.view())
		for k, data := range r.rollups {
			rollups = append(rollups, metricsstore.Rollup{RollupKey: k, Data: []byte(data)})
		}
		blocks, err := s.Log(ctx, id, 0, 0)
		match(t, err, r.blocks(), blocks)
		details, err := s.Details(ctx, id, metricsstore.DetailKey{}, 0)
		kept := map[metricsstore.DetailKey]string{}
		for _, d := range details {
			kept[d.DetailKey] = string(d.Data)
		}
		match(t, err, r.details, kept)
		workers, err := s.Workers(ctx, id)
		rows := map[[2]uint32]metricsstore.WorkerRow{}
		for _, w := range workers {
			rows[[2]uint32{w.Revision, w.Worker}] = w
		}
		match(t, err, r.workers, rows)
		for name, want := range r.attach {
			got, err := s.Attachment(ctx, id, name)
			match(t, err, want, string(got))
		}
	}
	slices.SortFunc(runs, func(a, b metricsstore.Run) int {
		if a.Position().Before(b.Position()) {
			return -1
		}
		return 1
	})
	listed, err := s.Runs(ctx, metricsstore.Position{}, 0)
	match(t, err, runs, listed)
	slices.SortFunc(rollups, func(a, b metricsstore.Rollup) int { return a.Compare(b.RollupKey) })
	all, err := s.Rollups(ctx, metricsstore.RollupQuery{})
	match(t, err, rollups, all)
	require.NoError(t, s.Check(ctx))
}

func match(t *rapid.T, err error, want, got any) {
	t.Helper()
	require.NoError(t, err)
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("-model +store:\n%s", d)
	}
}

// same fails the test where an error is not that of the model.
func same(t *rapid.T, want, got error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("the store says %v, the model %v", got, want)
	}
}

func testModel(t *testing.T, b Backend) {
	rapid.Check(t, func(rt *rapid.T) {
		s, m := b.Open(t), &model{runs: map[record.RunID]*modelRun{}}
		defer func() { require.NoError(t, s.Close()) }()
		rt.Repeat(actions(s, m))
		m.compare(s, rt)
		if b.Reopen != nil {
			s = b.Reopen(t, s)
			m.compare(s, rt)
		}
	})
}

func actions(s metricsstore.Store, m *model) map[string]func(*rapid.T) {
	ids := rapid.SampledFrom([]record.RunID{"a", "ab", "b"})
	owners := rapid.SampledFrom([]string{"x", "y"})
	small := rapid.IntRange(0, 3)
	return map[string]func(*rapid.T){
		"": func(t *rapid.T) { m.compare(s, t) },
		"begin": func(t *rapid.T) {
			h := header(ids.Draw(t, "run"))
			h.Info.Revision = small.Draw(t, "revision") / 2
			h.Info.StartedAt = epoch().Add(time.Duration(small.Draw(t, "start")/3) * time.Hour)
			same(t, m.begin(h, "shape"), s.Begin(t.Context(), h, []byte("shape")))
		},
		"append": func(t *rapid.T) {
			id, batch := ids.Draw(t, "run"), drawBatch(t)
			same(t, m.append(id, batch), s.Append(t.Context(), id, batch))
		},
		"archive": func(t *rapid.T) {
			id := ids.Draw(t, "run")
			h := header(id)
			if r := m.runs[id]; r != nil {
				h = r.Header
			}
			h = ended(h, 1+small.Draw(t, "roll-up"))
			a := metricsstore.Archive{Owner: owners.Draw(t, "owner"), Header: h, Attachments: map[string][]byte{}}
			for range small.Draw(t, "roll-ups") {
				row := rollup(id, rapid.SampledFrom([]string{"f", "g"}).Draw(t, "function"), "m", fmt.Sprint(small.Draw(t, "data")))
				row.Day = metricsstore.DayOf(h.Info.StartedAt)
				a.Rollups = append(a.Rollups, row)
			}
			same(t, m.archive(id, a), s.Archive(t.Context(), id, a))
		},
		"acquire": func(t *rapid.T) {
			id, at := ids.Draw(t, "run"), epoch().Add(time.Duration(small.Draw(t, "now")))
			l := metricsstore.Lease{Owner: owners.Draw(t, "owner"), Until: at.Add(time.Duration(small.Draw(t, "for")))}
			same(t, m.acquire(id, l, at), s.Acquire(t.Context(), id, l, at))
		},
		"annotate": func(t *rapid.T) {
			id, a := ids.Draw(t, "run"), metricsstore.Annotation{Note: rapid.StringN(0, 5, 20).Draw(t, "note")}
			var want error = metricsstore.ErrNotFound
			if r := m.runs[id]; r != nil {
				r.Annotation, want = a, nil
			}
			same(t, want, s.Annotate(t.Context(), id, a))
		},
		"delete": func(t *rapid.T) {
			id := ids.Draw(t, "run")
			same(t, m.delete(id), s.Delete(t.Context(), id))
		},
	}
}

func drawBatch(t *rapid.T) metricsstore.Batch {
	var b metricsstore.Batch
	for range rapid.IntRange(0, 2).Draw(t, "blocks") {
		first := rapid.Uint64Range(1, 30).Draw(t, "first")
		b.Blocks = append(b.Blocks, block(first, first+rapid.Uint64Range(0, 6).Draw(t, "more")))
	}
	for range rapid.IntRange(0, 3).Draw(t, "details") {
		node := dag.NodeID(rapid.Uint32Range(0, 4).Draw(t, "node"))
		b.Details = append(b.Details, detail(node, 1, rapid.StringN(0, 4, 8).Draw(t, "data")))
	}
	for range rapid.IntRange(0, 2).Draw(t, "workers") {
		b.Workers = append(b.Workers, metricsstore.WorkerRow{
			Worker: rapid.Uint32Range(0, 2).Draw(t, "worker"), Rank: rapid.Int64Range(0, 3).Draw(t, "rank"),
			Data: []byte(rapid.StringN(0, 4, 8).Draw(t, "data")),
		})
	}
	return b
}

// testReopen: what was acknowledged is kept after closing and opening again.
func testReopen(t *testing.T, b Backend) {
	s := &subject{Store: b.Open(t), t: t, ctx: t.Context()}
	h := s.begin("r")
	s.begin("live")
	s.append("r", metricsstore.Batch{
		Blocks: []metricsstore.Block{block(1, 5)}, Details: []metricsstore.DetailRow{detail(1, 1, "a")},
		Workers: []metricsstore.WorkerRow{{Worker: 1, Data: []byte("w")}},
	})
	s.archive(ended(h, 1), rollup("r", "f", "m", "1"))
	require.NoError(t, s.Annotate(s.ctx, "r", metricsstore.Annotation{Note: "n"}))
	want, live := s.run("r"), s.run("live")
	s.Store = b.Reopen(t, s.Store)
	equal(t, want, s.run("r"))
	equal(t, live, s.run("live"))
	equal(t, []string{"1-5"}, s.log("r", 0, 0))
	equal(t, []metricsstore.Rollup{rollup("r", "f", "m", "1")}, s.rollups(metricsstore.RollupQuery{}))
	require.NoError(t, s.Check(s.ctx))
	require.NoError(t, s.Close())
}
