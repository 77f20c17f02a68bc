package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	statememory "github.com/dagscope/dagscope/engine/state/memory"
	workers "github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// slowStore takes its time for lists, and counts them.
type slowStore struct {
	metricsstore.Store
	lists time.Duration
	scans int
	calls int
	// forgets: it does not know which runs have changed.
	forgets bool
	block   chan struct{} // attachments wait for it, where it is set
}

func (s *slowStore) Runs(ctx context.Context, after metricsstore.Position, limit int) ([]metricsstore.Run, error) {
	if limit > 3 {
		limit = 3 // so that a list takes several calls
	}
	time.Sleep(s.lists)
	s.calls++
	if after == (metricsstore.Position{}) {
		s.scans++
	}
	return s.Store.Runs(ctx, after, limit)
}

func (s *slowStore) ChangedSince(ctx context.Context, number uint64) (metricsstore.ChangeList, error) {
	if s.forgets {
		number = 0
	}
	return s.Store.ChangedSince(ctx, number)
}

func (s *slowStore) Attachment(ctx context.Context, run record.RunID, name string) ([]byte, error) {
	if s.block != nil {
		select {
		case <-s.block:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.Store.Attachment(ctx, run, name)
}

// idle is an API whose engine does nothing, over a store with some ended runs.
func idle(t *testing.T, s *slowStore, runs int, change ...func(*Config)) (*API, http.Handler) {
	t.Helper()
	s.Store = memory.New()
	archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s.Store})
	require.NoError(t, err)
	for i := range runs {
		keep(t, s.Store, archiver, i)
	}
	pool, err := workers.New(workers.Config{State: statememory.New()})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool})
	require.NoError(t, err)
	cfg := Config{Engine: e, Store: s, Archiver: archiver}
	for _, c := range change {
		c(&cfg)
	}
	router := chi.NewRouter()
	a, err := New(cfg, router)
	require.NoError(t, err)
	return a, router
}

// keep puts a run without steps into a store.
func keep(t *testing.T, s metricsstore.Store, a *metricsstore.Archiver, number int) record.RunID {
	t.Helper()
	b := engine.NewBuilder()
	g, err := b.Compile(engine.Const(b, 1))
	require.NoError(t, err)
	id := record.RunID(fmt.Sprintf("run%03d", number))
	info := record.RunInfo{ID: id, Workflow: "w", StartedAt: time.Date(2026, 1, 1, 0, number, 0, 0, time.UTC)}
	require.NoError(t, s.Begin(t.Context(), metricsstore.Header{Info: info, Status: record.Running}, g.AppendShape(nil)))
	_, err = a.Rebuild(t.Context(), id)
	require.NoError(t, err)
	return id
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	out := httptest.NewRecorder()
	h.ServeHTTP(out, httptest.NewRequest(http.MethodGet, path, nil))
	return out
}

// TestHeavyQueriesAreBounded: what finds no place waits for a moment and is refused; what takes too long is given up.
func TestHeavyQueriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowStore{block: make(chan struct{})}
		_, h := idle(t, s, 1, func(c *Config) { c.MaxQueries, c.QueryTimeout = 1, time.Minute })
		first := make(chan int)
		go func() { first <- get(h, "/runs/run000/graph").Code }()
		synctest.Wait()
		began := time.Now()
		out := get(h, "/runs/run000/tasks")
		assert.Equal(t, http.StatusTooManyRequests, out.Code)
		assert.Equal(t, "2", out.Header().Get("Retry-After"))
		assert.Equal(t, heavyPatience, time.Since(began))
		assert.Equal(t, http.StatusOK, get(h, "/runs/run000").Code, "what reads no log is not held up")

		second := make(chan int)
		go func() { second <- get(h, "/runs/run000/graph").Code }()
		synctest.Wait()
		close(s.block)
		assert.Equal(t, http.StatusOK, <-first)
		assert.Equal(t, http.StatusOK, <-second, "it waited for the place")

		s.block = make(chan struct{})
		began = time.Now()
		assert.Equal(t, http.StatusServiceUnavailable, get(h, "/runs/run000/graph").Code)
		assert.Equal(t, time.Minute, time.Since(began))
	})
}

// TestListsReadWhatHasChanged: the headers of all runs are read once, and again where the store does not know what has
// changed.
func TestListsReadWhatHasChanged(t *testing.T) {
	s := &slowStore{}
	a, _ := idle(t, s, 10)
	count := func() int {
		require.NoError(t, a.summaries.runs.refresh(t.Context()))
		return a.summaries.runs.index.Len()
	}
	require.Equal(t, 10, count())
	require.Equal(t, 1, s.scans)
	keep(t, s.Store, a.cfg.Archiver, 50)
	keep(t, s.Store, a.cfg.Archiver, 20)
	assert.Equal(t, 12, count(), "a new run, and one that started before others")
	require.NoError(t, s.Store.Delete(t.Context(), "run003"))
	assert.Equal(t, 11, count())
	assert.Equal(t, 1, s.scans)

	s.forgets = true
	require.NoError(t, s.Store.Delete(t.Context(), "run004"))
	keep(t, s.Store, a.cfg.Archiver, 60)
	assert.Equal(t, 11, count())
	assert.Equal(t, 2, s.scans)
	assert.NotContains(t, a.summaries.runs.index.IDs(metricsstore.RunFilter{}), record.RunID("run004"))
}

// TestChangesReadOneRun: what submitting, tagging and deleting read does not depend on how many runs are kept, and
// neither does the list that follows.
func TestChangesReadOneRun(t *testing.T) {
	reads := func(runs int) int {
		s := &slowStore{lists: 2 * time.Millisecond}
		var n int
		synctest.Test(t, func(t *testing.T) {
			a, h := idle(t, s, runs)
			ask := func(method, path, body string) {
				r := httptest.NewRequest(method, path, strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				out := httptest.NewRecorder()
				h.ServeHTTP(out, r)
				require.Less(t, out.Code, 300, "%s %s: %s", method, path, out.Body)
			}
			ask(http.MethodGet, "/runs", "")
			before := s.calls
			_, err := a.submit.made(t.Context(), "run001", http.StatusCreated)
			require.NoError(t, err)
			require.Equal(t, before, s.calls, "the answer to a submission reads no list")
			ask(http.MethodPatch, "/runs/run002", `{"tags":["x"]}`)
			ask(http.MethodGet, "/runs?tag=x&sort=makespan", "")
			ask(http.MethodDelete, "/runs/run003", "")
			ask(http.MethodGet, "/runs?status=succeeded", "")
			n = s.calls - before
		})
		return n
	}
	few, many := reads(10), reads(300)
	assert.Equal(t, few, many)
	assert.Zero(t, few)
}

func TestRecent(t *testing.T) {
	r := newRecent[string, int](2)
	r.put("a", 1)
	r.put("b", 2)
	_, _ = r.get("a")
	r.put("c", 3)
	_, ok := r.get("b")
	assert.False(t, ok, "the one not used for the longest time goes")
	v, ok := r.get("a")
	assert.True(t, ok)
	assert.Equal(t, 1, v)
	r.put("a", 5)
	v, _ = r.get("a")
	assert.Equal(t, 5, v)
	r.remove("a")
	_, ok = r.get("a")
	assert.False(t, ok)
	assert.Equal(t, 1, r.order.Len())
}

func TestIdempotencyIsBounded(t *testing.T) {
	i := newIdempotency(time.Now)
	for n := range maxKeys + 100 {
		_, err := i.submit(t.Context(), fmt.Sprint(n), [32]byte{}, func() (record.RunID, error) { return "x", nil })
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, len(i.keys), maxKeys+1)
	assert.Equal(t, len(i.keys), i.order.Len())
}

func TestRunName(t *testing.T) {
	assert.Equal(t, runName("06h0eae446v7bmdwp9q1"), runName("06h0eae446v7bmdwp9q1"))
	names := map[string]bool{}
	for range 2000 {
		names[runName(record.NewRunID(time.Now()))] = true
	}
	assert.Greater(t, len(names), 1800, "IDs of one moment have different names")
	seen := map[string]bool{}
	for _, w := range append(adjectives[:], nouns[:]...) {
		assert.False(t, seen[w], w)
		seen[w] = true
	}
}

func TestFileName(t *testing.T) {
	for given, want := range map[string]string{
		"a.txt": "a.txt", "../../etc/passwd": "passwd", `C:\x\y.csv`: "y.csv", "": "other", "..": "other", "/": "other", "a\x00b\n": "ab", "a/": "a",
	} {
		assert.Equal(t, want, fileName(given, "other"), "%q", given)
	}
}

func TestPlain(t *testing.T) {
	for given, want := range map[string]string{
		"metricsstore: invalid argument: Limit is 0":                                      "Limit is 0",
		"engine: invalid parameter: n of workflow spread: 0 is out of range":              "n of workflow spread: 0 is out of range",
		"engine: invalid parameter: file of workflow wfformat: invalid recording, try it": "file of workflow wfformat: invalid recording, try it",
	} {
		assert.Equal(t, want, plain(errors.New(given)))
	}
}

func TestSpread(t *testing.T) {
	into := make([]float64, 4)
	spread(into, 5, 25, 10)
	assert.Equal(t, []float64{0.5, 1, 0.5, 0}, into)
	spread(into, -10, 100, 10)
	assert.Equal(t, []float64{1.5, 2, 1.5, 1}, into)
	spread(into, 30, 30, 10)
	assert.Equal(t, []float64{1.5, 2, 1.5, 1}, into)
}
