package index_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/index"
)

// world is an index, and what was put in it as a plain map.
type world struct {
	index *index.Index
	runs  map[record.RunID]metricsstore.Run
	rng   *rand.Rand
}

func newWorld(seed uint64) *world {
	return &world{index: index.New(), runs: map[record.RunID]metricsstore.Run{}, rng: rand.New(rand.NewPCG(seed, 1))}
}

var (
	workflows = []string{"sort", "blur", "gemm"}
	statuses  = []record.Status{record.Running, record.Succeeded, record.Succeeded, record.Failed, record.Cancelled}
	tags      = []string{"a", "b", "nightly"}
	origins   = []*record.Origin{nil, nil, {System: "Spark"}, {System: "Nextflow"}, {Format: "WfFormat 1.5"}}
	engines   = []string{"dagscope", "Spark", "nextflow", "unknown", "Dagster"}
)

func pick[T any](w *world, from []T) T { return from[w.rng.IntN(len(from))] }

func start(minute int) time.Time {
	return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
}

// change puts a run, new or again, or removes one.
func (w *world) change() {
	id := record.RunID(fmt.Sprintf("run-%03d", w.rng.IntN(150)))
	if w.rng.IntN(5) == 0 {
		delete(w.runs, id)
		w.index.Remove(id)
		return
	}
	r, known := w.runs[id]
	if !known {
		r.Info = record.RunInfo{ID: id, Workflow: pick(w, workflows), StartedAt: start(w.rng.IntN(40))}
		r.Info.Params = map[string]string{"n": fmt.Sprint(w.rng.IntN(3))}
		r.Info.Origin = pick(w, origins)
	}
	r.Status, r.Counts.MakespanNS = pick(w, statuses), w.rng.Int64N(6)
	r.Annotation.Tags = slices.DeleteFunc(slices.Clone(tags), func(string) bool { return w.rng.IntN(2) == 0 })
	w.runs[id] = r
	w.index.Put(metricsstore.NewEntry(&r, ""), w.rng.Uint64())
}

// plain lists what a test selects, the latest first.
func (w *world) plain(match func(r *metricsstore.Run) bool) (ids []record.RunID) {
	for id, r := range w.runs {
		if match(&r) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b record.RunID) int {
		p, q := w.runs[a], w.runs[b]
		return cmp.Or(q.Info.StartedAt.Compare(p.Info.StartedAt), cmp.Compare(b, a))
	})
	return ids
}

func (w *world) filter() (f metricsstore.RunFilter) {
	if w.rng.IntN(2) == 0 {
		f.Workflow = pick(w, append(workflows, "nowhere"))
	}
	if w.rng.IntN(2) == 0 {
		f.Status = slices.Compact([]record.Status{pick(w, statuses), pick(w, statuses)})
	}
	if w.rng.IntN(2) == 0 {
		f.Tag = pick(w, append(tags, "none"))
	}
	if w.rng.IntN(3) == 0 {
		f.Engine = pick(w, engines)
	}
	if w.rng.IntN(3) == 0 {
		f.From = start(w.rng.IntN(40))
	}
	if w.rng.IntN(3) == 0 {
		f.To = start(w.rng.IntN(40))
	}
	if w.rng.IntN(3) == 0 {
		f.Text = pick(w, []string{"N=1", "run-00", "SORT", "nightly", "\n"})
	}
	return f
}

// pages follows a query to its end.
func (w *world) pages(t *testing.T, q metricsstore.RunQuery, only []record.RunID) (ids []record.RunID) {
	t.Helper()
	for {
		page, next, err := w.index.Page(q, only)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), q.Limit)
		for _, e := range page {
			ids = append(ids, e.ID)
		}
		if next == "" {
			return ids
		}
		q.Cursor = next
	}
}

// TestIndex compares all answers with those of plain loops over the runs, while runs come, change and go.
func TestIndex(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(seed)
		for range 30 {
			for range 20 {
				w.change()
			}
			require.Equal(t, len(w.runs), w.index.Len())
			f := w.filter()
			want := w.plain(func(r *metricsstore.Run) bool { return f.MatchRun(r) })
			require.Equal(t, want, w.index.IDs(f), "%+v", f)
			w.checkPages(t, f, want)
			w.checkCounts(t, f)
			w.checkPeers(t)
		}
	}
}

func (w *world) checkPages(t *testing.T, f metricsstore.RunFilter, want []record.RunID) {
	t.Helper()
	q := metricsstore.RunQuery{RunFilter: f, Limit: 1 + w.rng.IntN(7)}
	require.Equal(t, want, w.pages(t, q, nil))
	var only, rest []record.RunID
	for _, id := range want {
		if w.rng.IntN(2) == 0 {
			only = append(only, id)
		}
	}
	rest = w.pages(t, q, append([]record.RunID{"gone"}, only...))
	require.Equal(t, only, rest)

	q.Ascending = true
	slices.Reverse(want)
	require.Equal(t, want, w.pages(t, q, nil))
	slices.Reverse(want)

	q.Sort, q.Ascending = metricsstore.ByMakespan, false
	slices.SortStableFunc(want, func(a, b record.RunID) int {
		return cmp.Compare(w.runs[b].Counts.MakespanNS, w.runs[a].Counts.MakespanNS)
	})
	require.Equal(t, want, w.pages(t, q, nil))
}

func (w *world) checkCounts(t *testing.T, f metricsstore.RunFilter) {
	t.Helper()
	seen, on := map[string]bool{}, map[string]bool{}
	for _, r := range w.runs {
		seen[r.Info.Workflow], on[r.Info.Engine()] = true, true
	}
	require.Equal(t, slices.Sorted(maps.Keys(seen)), w.index.Workflows())
	require.Equal(t, slices.Sorted(maps.Keys(on)), w.index.Engines())
	for _, f := range []metricsstore.RunFilter{f, {Workflow: f.Workflow}, {Engine: f.Engine}, {}} {
		want, got := map[record.Status]int{}, w.index.Counts(f, nil)
		f.Status = nil
		for _, r := range w.runs {
			if f.MatchRun(&r) {
				want[r.Status]++
			}
		}
		for _, status := range statuses {
			require.Equal(t, want[status], got[status], "%s of %+v", status, f)
		}
	}
}

func (w *world) checkPeers(t *testing.T) {
	t.Helper()
	for _, of := range w.runs {
		for _, scope := range []metricsstore.PeerScope{metricsstore.SamePeers, metricsstore.WorkflowPeers} {
			want := w.plain(func(r *metricsstore.Run) bool {
				return r.Comparable() && of.Position().Before(r.Position()) && r.Info.Workflow == of.Info.Workflow &&
					(scope == metricsstore.WorkflowPeers || r.PeerKey() == of.PeerKey())
			})
			peers, err := w.index.Peers(&of, scope)
			require.NoError(t, err)
			require.Len(t, peers, len(want))
			for i := range peers {
				require.Equal(t, want[i], peers[i].ID)
			}
		}
		return // one of them, any, each time
	}
}

func TestNamesAreNeverNil(t *testing.T) {
	assert.NotNil(t, index.New().Workflows())
	assert.NotNil(t, index.New().Engines())
}

func TestSince(t *testing.T) {
	x := index.New()
	put := func(id record.RunID, mark uint64) {
		x.Put(metricsstore.NewEntry(&metricsstore.Run{Header: metricsstore.Header{Info: record.RunInfo{ID: id}}}, ""), mark)
	}
	put("a", 1)
	put("b", 1)
	changed, at := x.Since(0)
	assert.Equal(t, []record.RunID{"a", "b"}, changed)
	put("a", 1)
	changed, same := x.Since(at)
	assert.Empty(t, changed, "nothing has changed")
	assert.Equal(t, at, same)
	put("c", 1)
	put("a", 2)
	put("b", 2)
	x.Remove("c")
	changed, later := x.Since(at)
	assert.Equal(t, []record.RunID{"a", "b"}, changed)
	changed, _ = x.Since(later)
	assert.Empty(t, changed)
}

// TestKeyed: a submission is found by the part of its key before the dot, the latest first, until its run is gone.
func TestKeyed(t *testing.T) {
	x := index.New()
	put := func(id record.RunID, started int64, key string) {
		x.Put(metricsstore.Entry{ID: id, StartedNS: started, Workflow: "w", Key: key}, 1)
	}
	put("a", 1, "name.first")
	put("b", 2, "name.second")
	put("c", 3, "")
	found, ok := x.Keyed("name")
	assert.True(t, ok)
	assert.Equal(t, record.RunID("b"), found.ID)
	put("b", 2, "another.second")
	found, _ = x.Keyed("name")
	assert.Equal(t, record.RunID("a"), found.ID)
	x.Remove("a")
	_, ok = x.Keyed("name")
	assert.False(t, ok)
	_, ok = x.Keyed("")
	assert.False(t, ok)
}
