package watch_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/metricsstore/watch"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// kept is a store whose runs a test begins and ends, and which can be made to fail.
type kept struct {
	metricsstore.Store
	t   *testing.T
	err error
}

func newKept(t *testing.T) *kept { return &kept{Store: memory.New(), t: t} }

func (k *kept) Run(ctx context.Context, id record.RunID) (metricsstore.Run, error) {
	if k.err != nil {
		return metricsstore.Run{}, k.err
	}
	return k.Store.Run(ctx, id)
}

func (k *kept) begin(id record.RunID, revision int) {
	k.t.Helper()
	require.NoError(k.t, k.Begin(k.t.Context(), metricsstore.Header{
		Info: record.RunInfo{ID: id, Workflow: "w", StartedAt: noon, Revision: revision}, Status: record.Running,
	}, []byte("shape")))
}

// end ends a run, or keeps another state of an ended one, with a recording that grows until a moment.
func (k *kept) end(id record.RunID, at, growsUntil time.Time) {
	k.t.Helper()
	r, err := k.Run(k.t.Context(), id)
	require.NoError(k.t, err)
	r.Status, r.EndedAt, r.Rollup = record.Failed, at, r.Rollup+1
	if !growsUntil.IsZero() {
		r.Info.Origin = &record.Origin{GrowsUntil: growsUntil}
	}
	now := time.Now()
	require.NoError(k.t, k.Acquire(k.t.Context(), id, metricsstore.Lease{Owner: "o", Until: now.Add(time.Hour)}, now))
	require.NoError(k.t, k.Archive(k.t.Context(), id, metricsstore.Archive{Owner: "o", Header: r.Header}))
}

func looked(t *testing.T, w *watch.Watch, now time.Time) (ended, open []record.RunID) {
	t.Helper()
	look, err := w.Look(t.Context(), now)
	require.NoError(t, err)
	for i := range look.Ended {
		ended = append(ended, look.Ended[i].Info.ID)
	}
	for _, r := range look.Open {
		open = append(open, r.Info.ID)
	}
	return ended, open
}

func TestLook(t *testing.T) {
	k := newKept(t)
	k.begin("before", 0)
	k.end("before", noon.Add(-time.Second), time.Time{})
	k.begin("open", 0)
	w := watch.New(k, watch.Mark{}, noon)

	ended, open := looked(t, w, noon.Add(time.Second))
	assert.Empty(t, ended, "what ended before the watch began")
	assert.Equal(t, []record.RunID{"open"}, open)

	k.begin("quick", 0)
	k.end("quick", noon.Add(2*time.Second), time.Time{})
	k.begin("old", 0)
	k.end("old", noon.Add(-time.Hour), time.Time{})
	k.end("open", noon.Add(-2*time.Hour), time.Time{}) // as a rebuilt record ends with its last step
	require.NoError(t, k.Annotate(t.Context(), "before", metricsstore.Annotation{Note: "look"}))
	ended, open = looked(t, w, noon.Add(3*time.Second))
	assert.ElementsMatch(t, []record.RunID{"quick", "open"}, ended)
	assert.Empty(t, open)

	for _, id := range []record.RunID{"before", "quick", "open", "old"} {
		require.NoError(t, k.Annotate(t.Context(), id, metricsstore.Annotation{Note: "again"}))
	}
	ended, _ = looked(t, w, noon.Add(4*time.Second))
	assert.Empty(t, ended, "each end is reported once")
}

func TestRetriedRunEndsAgain(t *testing.T) {
	k := newKept(t)
	w := watch.New(k, watch.Mark{}, noon)
	looked(t, w, noon)
	k.begin("r", 0)
	k.end("r", noon.Add(time.Second), time.Time{})
	ended, _ := looked(t, w, noon.Add(time.Second))
	assert.Equal(t, []record.RunID{"r"}, ended)
	k.begin("r", 1)
	k.end("r", noon.Add(2*time.Second), time.Time{}) // between two looks
	ended, _ = looked(t, w, noon.Add(3*time.Second))
	assert.Equal(t, []record.RunID{"r"}, ended)
}

func TestRecordingThatGrows(t *testing.T) {
	k := newKept(t)
	w := watch.New(k, watch.Mark{}, noon)
	looked(t, w, noon)
	k.begin("r", 0)
	k.end("r", noon, noon.Add(time.Minute))
	ended, open := looked(t, w, noon.Add(time.Second))
	assert.Empty(t, ended)
	assert.Equal(t, []record.RunID{"r"}, open)
	ended, open = looked(t, w, noon.Add(time.Minute))
	assert.Equal(t, []record.RunID{"r"}, ended, "nothing has changed but the time")
	assert.Empty(t, open)
}

// TestMark: a watch that continues at a mark reports what has ended meanwhile, and nothing twice.
func TestMark(t *testing.T) {
	k := newKept(t)
	w := watch.New(k, watch.Mark{}, noon)
	k.begin("open", 0)
	k.begin("gone", 0)
	k.begin("reported", 0)
	k.end("reported", noon.Add(time.Second), time.Time{})
	ended, open := looked(t, w, noon.Add(time.Second))
	assert.Equal(t, []record.RunID{"reported"}, ended)
	assert.Equal(t, []record.RunID{"gone", "open"}, open)

	packed, err := json.Marshal(w.Mark())
	require.NoError(t, err)
	var mark watch.Mark
	require.NoError(t, json.Unmarshal(packed, &mark))
	assert.Equal(t, w.Mark(), mark)

	k.end("open", noon.Add(-time.Hour), time.Time{})
	k.end("gone", noon, time.Time{})
	require.NoError(t, k.Delete(t.Context(), "gone"))
	k.begin("new", 0)
	k.end("new", noon.Add(time.Hour), time.Time{})
	later := noon.Add(72 * time.Hour)
	w = watch.New(k, mark, later)
	ended, open = looked(t, w, later)
	assert.ElementsMatch(t, []record.RunID{"open", "new"}, ended)
	assert.Empty(t, open)
}

// TestStoreThatFails: what was changed before a failure is reported after it.
func TestStoreThatFails(t *testing.T) {
	k := newKept(t)
	w := watch.New(k, watch.Mark{}, noon)
	looked(t, w, noon)
	k.begin("r", 0)
	k.end("r", noon.Add(time.Second), time.Time{})
	k.err = errors.New("out of order")
	_, err := w.Look(t.Context(), noon.Add(time.Second))
	require.ErrorIs(t, err, k.err)
	k.err = nil
	ended, _ := looked(t, w, noon.Add(2*time.Second))
	assert.Equal(t, []record.RunID{"r"}, ended)
}
