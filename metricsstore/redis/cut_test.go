package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/metricsstore"
)

// cutter interrupts a call at its nth request: before it is sent, or before its answer is received.
type cutter struct {
	mu   sync.Mutex
	left int // requests that go through; negative for all
	sent bool
	cut  context.CancelFunc
}

// arm makes the next calls end with their nth request.
func (c *cutter) arm(n int, sent bool, cut context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.sent, c.cut = n, sent, cut
}

// reached reports whether a request is sent, and whether its answer is received.
func (c *cutter) reached() (sent, heard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.left < 0:
		return true, true
	case c.left == 0: // cut off already
		return false, false
	}
	c.left--
	if c.left > 0 {
		return true, true
	}
	c.cut()
	return c.sent, false
}

func (c *cutter) request(send func() error) error {
	sent, heard := c.reached()
	if sent {
		if err := send(); err != nil {
			return err
		}
	}
	if !heard {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (c *cutter) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (c *cutter) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		err := c.request(func() error { return next(context.WithoutCancel(ctx), cmd) })
		cmd.SetErr(err)
		return err
	}
}

func (c *cutter) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		return c.request(func() error { return next(context.WithoutCancel(ctx), cmds) })
	}
}

// everything is all that can be read from a store.
type everything struct {
	Runs        []metricsstore.Run
	Rollups     []metricsstore.Rollup
	Blocks      map[record.RunID][]metricsstore.Block
	Details     map[record.RunID][]metricsstore.DetailRow
	Workers     map[record.RunID][]metricsstore.WorkerRow
	Attachments map[string]string
	History     []metricsstore.FunctionHistory
}

func read(t testing.TB, s *Store) everything {
	t.Helper()
	ctx := t.Context()
	e := everything{
		Blocks: map[record.RunID][]metricsstore.Block{}, Details: map[record.RunID][]metricsstore.DetailRow{},
		Workers: map[record.RunID][]metricsstore.WorkerRow{}, Attachments: map[string]string{},
	}
	var err error
	e.History = history(t, s)
	e.Runs, err = s.Runs(ctx, metricsstore.Position{}, 0)
	require.NoError(t, err)
	e.Rollups, err = s.Rollups(ctx, metricsstore.RollupQuery{})
	require.NoError(t, err)
	for i := range e.Runs {
		id := e.Runs[i].Info.ID
		e.Blocks[id], err = s.Log(ctx, id, 0, 0)
		require.NoError(t, err)
		e.Details[id], err = s.Details(ctx, id, metricsstore.DetailKey{}, 0)
		require.NoError(t, err)
		e.Workers[id], err = s.Workers(ctx, id)
		require.NoError(t, err)
		for _, name := range []string{metricsstore.AttachShape, metricsstore.AttachEnd} {
			data, err := s.Attachment(ctx, id, name)
			if !errors.Is(err, metricsstore.ErrNotFound) {
				require.NoError(t, err)
				e.Attachments[string(id)+" "+name] = string(data)
			}
		}
	}
	return e
}

// unmerged is a store that merges nothing.
type unmerged struct{ *Store }

func (u unmerged) Rollups(ctx context.Context, q metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	q.Merge = metricsstore.MergeNothing
	return u.Store.Rollups(ctx, q)
}

// history merges what is loose, and is what merged roll-ups say, which has to be what those of the runs say.
func history(t testing.TB, s *Store) []metricsstore.FunctionHistory {
	t.Helper()
	var got [2][]metricsstore.FunctionHistory
	for i, store := range []metricsstore.Store{s, unmerged{s}} {
		q, err := metricsstore.NewQueries(store)
		require.NoError(t, err)
		got[i], err = q.HistoryByFunction(t.Context(), metricsstore.HistoryQuery{Metric: metricsstore.ExecuteNS, Quantiles: []float64{0.5}})
		require.NoError(t, err)
		for f := range got[i] {
			for b := range got[i][f].Buckets {
				got[i][f].Buckets[b].Sketch = nil // its bytes depend on the order of merging while it is exact
			}
		}
	}
	require.Equal(t, got[1], got[0])
	return got[0]
}

func difference(a, b everything) string { return cmp.Diff(a, b, cmpopts.EquateEmpty()) }

// block holds steps first to last.
func block(first, last uint64) metricsstore.Block {
	return metricsstore.Block{First: first, Last: last, From: int64(first), To: int64(last), Data: fmt.Appendf(nil, "%d to %d", first, last)}
}

// rollup is the digest of one value that text stands for.
func rollup(run record.RunID, function, text string) metricsstore.Rollup {
	var sketch digest.Sketch
	sketch.Add(new(big.Int).SetBytes([]byte(text)).Int64() >> 1)
	h := header(run)
	r, err := metricsstore.PackRollup(&h, metricsstore.FunctionDigest{Function: function, Metric: metricsstore.ExecuteNS, Sketch: &sketch})
	if err != nil {
		panic(err)
	}
	return r
}

func ended(h metricsstore.Header, n int) metricsstore.Header {
	h.Status, h.EndedAt, h.Rollup, h.ArchivedSeq = record.Succeeded, began().Add(time.Minute), n, 100
	return h
}

// many are details that do not fit into one script.
func many() []metricsstore.DetailRow {
	var out []metricsstore.DetailRow
	for i := range 2*rowsPerScript + 100 {
		out = append(out, metricsstore.DetailRow{
			DetailKey: metricsstore.DetailKey{Node: dag.NodeID(i % (2 * rowsPerScript)), Attempt: 1}, Data: fmt.Append(nil, i),
		})
	}
	return out
}

// archive is the nth one of a run.
func archive(run record.RunID, n int, rollups ...metricsstore.Rollup) metricsstore.Archive {
	return metricsstore.Archive{
		Owner: "me", Header: ended(header(run), n), Rollups: rollups,
		Attachments: map[string][]byte{metricsstore.AttachEnd: fmt.Append(nil, "end ", n)},
	}
}

// prepare makes a run as a call may find it: with a log, rows, a lease, and archived once where it has ended.
func prepare(t testing.TB, s *Store, run record.RunID, hasEnded bool) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, s.Begin(ctx, header(run), []byte("shape")))
	require.NoError(t, s.Append(ctx, run, metricsstore.Batch{
		Blocks:  []metricsstore.Block{block(1, 2), block(3, 4), block(5, 9), block(20, 30)},
		Details: []metricsstore.DetailRow{{DetailKey: metricsstore.DetailKey{Node: 7, Attempt: 1}, Data: []byte("seven")}},
		Workers: []metricsstore.WorkerRow{{Worker: 1, Rank: 3, Data: []byte("worker")}},
	}))
	require.NoError(t, s.Acquire(ctx, run, metricsstore.Lease{Owner: "me", Until: began()}, began()))
	if hasEnded {
		require.NoError(t, s.Archive(ctx, run, archive(run, 1, rollup(run, "f", "one"), rollup(run, "gone", "two"))))
	}
}

// cutCall is a call that is cut off.
type cutCall struct {
	name  string
	begun bool // the run exists before the call
	ended bool // and has ended
	call  func(ctx context.Context, s *Store, run record.RunID) error
}

func cutCalls() []cutCall {
	return []cutCall{
		{"begin", false, false, func(ctx context.Context, s *Store, run record.RunID) error {
			return s.Begin(ctx, header(run), bytes.Repeat([]byte("shape"), 1000))
		}},
		{"begin a revision", true, true, func(ctx context.Context, s *Store, run record.RunID) error {
			h := header(run)
			h.Info.Revision = 1
			return s.Begin(ctx, h, []byte("another shape"))
		}},
		{"append", true, false, func(ctx context.Context, s *Store, run record.RunID) error {
			return s.Append(ctx, run, metricsstore.Batch{
				Blocks: []metricsstore.Block{block(10, 11), block(3, 6), block(12, 19)}, Details: many()[:3],
				Workers: []metricsstore.WorkerRow{{Worker: 1, Rank: 4, Data: []byte("more")}, {Worker: 2}},
			})
		}},
		{"append a lot", true, true, func(ctx context.Context, s *Store, run record.RunID) error {
			return s.Append(ctx, run, metricsstore.Batch{
				Blocks: []metricsstore.Block{block(10, 11)}, Details: many(), Workers: []metricsstore.WorkerRow{{Worker: 2}},
			})
		}},
		{"archive", true, false, func(ctx context.Context, s *Store, run record.RunID) error {
			return s.Archive(ctx, run, archive(run, 1, rollup(run, "f", "one")))
		}},
		{"archive again", true, true, func(ctx context.Context, s *Store, run record.RunID) error {
			a := archive(run, 2, rollup(run, "f", "three"), rollup(run, "new", "four"))
			a.Blocks = []metricsstore.Block{block(3, 7), block(8, 9)}
			return s.Archive(ctx, run, a)
		}},
		{"annotate", true, true, func(ctx context.Context, s *Store, run record.RunID) error {
			return s.Annotate(ctx, run, metricsstore.Annotation{Tags: []string{"a"}, Note: "b"})
		}},
		{"acquire", true, true, func(ctx context.Context, s *Store, run record.RunID) error {
			return s.Acquire(ctx, run, metricsstore.Lease{Owner: "you", Until: began().Add(1)}, began())
		}},
		{"release", true, true, func(ctx context.Context, s *Store, run record.RunID) error { return s.Release(ctx, run, "me") }},
		{"delete", true, true, func(ctx context.Context, s *Store, run record.RunID) error {
			err := s.Delete(ctx, run)
			if errors.Is(err, metricsstore.ErrNotFound) {
				return nil // it had taken effect
			}
			return err
		}},
	}
}

// TestCutCalls interrupts each call at each of its requests, before it is sent and after, as when its process is
// killed there. It has then taken effect as a whole or not at all, nothing is broken, and made again it does what it
// should.
func TestCutCalls(t *testing.T) {
	t.Run("server", func(t *testing.T) { testCutCalls(t, redistest.Start(t)) })
	t.Run("cluster", func(t *testing.T) { testCutCalls(t, redistest.Cluster(t)) })
}

func testCutCalls(t *testing.T, server *redistest.Server) {
	client, cuttable := server.Client(t), server.Client(t)
	c := &cutter{left: -1}
	cuttable.AddHook(c)
	for _, call := range cutCalls() {
		for _, sent := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/sent=%t", call.name, sent), func(t *testing.T) {
				for n := 1; cutOnce(t, client, cuttable, c, call, n, sent); n++ {
					require.Less(t, n, 60, "the call never gets through")
				}
			})
		}
	}
}

// cutOnce cuts a call off at its nth request; false where it has fewer.
func cutOnce(t *testing.T, client, cuttable goredis.UniversalClient, c *cutter, call cutCall, n int, sent bool) bool {
	name := prefix()
	whole, s, victim := open(t, client, prefix()), open(t, client, name), open(t, cuttable, name)
	for _, s := range []*Store{whole, s} {
		s.mergeAt = 1
		require.NoError(t, s.checkFormat(t.Context()))
		prepare(t, s, "other", true)
		if call.begun {
			prepare(t, s, "r", call.ended)
		}
	}
	victim.fits.Store(true) // no request of the call itself
	before := read(t, s)
	require.NoError(t, call.call(t.Context(), whole, "r"))
	after := read(t, whole)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.arm(n, sent, cancel)
	err := call.call(ctx, victim, "r")
	require.NoError(t, victim.Close())
	c.arm(-1, false, nil)
	cut := ctx.Err() != nil
	if !cut {
		require.NoError(t, err)
	}

	require.NoError(t, s.Check(t.Context()), "cut at request %d", n)
	got := read(t, s)
	if d := difference(after, got); d != "" {
		assert.Empty(t, difference(before, got), "cut at request %d: neither before nor after", n)
		assert.True(t, cut, "an acknowledged call: %s", d)
	}
	require.NoError(t, call.call(t.Context(), s, "r"), "made again after it was cut at request %d", n)
	assert.Empty(t, difference(after, read(t, s)), "made again after it was cut at request %d", n)
	require.NoError(t, s.Check(t.Context()))
	require.NoError(t, s.Compact(t.Context()))
	assert.Empty(t, difference(after, read(t, s)), "compacted")
	assert.Equal(t, index(t, whole), index(t, s), "compacted, the index lists what is there and nothing else")
	return cut
}

// index is all that is listed.
func index(t testing.TB, s *Store) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, part := range []string{runsIndex, rollupsIndex} {
		require.NoError(t, s.eachEntry(t.Context(), part, func(entries []string) error {
			out[part] = append(out[part], entries...)
			return nil
		}))
	}
	return out
}
