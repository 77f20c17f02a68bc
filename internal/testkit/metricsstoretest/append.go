package metricsstoretest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

func lawBegin(t *testing.T, s *subject) {
	h := s.begin("r")
	got := s.run("r")
	equal(t, metricsstore.Run{Header: h, Annotation: metricsstore.Annotation{Tags: []string{"nightly"}}, Bytes: int64(len("shape of r"))}, got)
	shape, err := s.Attachment(s.ctx, "r", metricsstore.AttachShape)
	require.NoError(t, err)
	assert.Equal(t, "shape of r", string(shape))
	_, err = s.Attachment(s.ctx, "r", metricsstore.AttachEnd)
	require.ErrorIs(t, err, metricsstore.ErrNotFound)
}

func lawBeginAgain(t *testing.T, s *subject) {
	h := s.begin("r")
	s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{block(1, 5)}})
	require.NoError(t, s.Begin(s.ctx, h, []byte("another")), "the same header again")
	again := h
	again.AddedAt = epoch().Add(time.Hour)
	require.NoError(t, s.Begin(s.ctx, again, nil), "the same header again, later")
	equal(t, h, s.run("r").Header)
	shape, err := s.Attachment(s.ctx, "r", metricsstore.AttachShape)
	require.NoError(t, err)
	assert.Equal(t, "shape of r", string(shape))
	assert.Equal(t, uint64(5), s.run("r").LastSeq)

	other := h
	other.Info.Workflow = "another"
	require.ErrorIs(t, s.Begin(s.ctx, other, nil), metricsstore.ErrExists)
	later := h
	later.Info.Revision = 1
	require.ErrorIs(t, s.Begin(s.ctx, later, nil), metricsstore.ErrExists, "a live run has no next revision")
	s.archive(ended(again, 1))
	require.ErrorIs(t, s.Begin(s.ctx, h, nil), metricsstore.ErrExists, "an ended run")
	equal(t, ended(h, 1), s.run("r").Header)
}

func lawRevision(t *testing.T, s *subject) {
	h := s.begin("r")
	s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{block(1, 5)}, Details: []metricsstore.DetailRow{detail(1, 1, "a")}})
	s.archive(ended(h, 1), rollup("r", "f", "m", "1"))
	require.NoError(t, s.Annotate(s.ctx, "r", metricsstore.Annotation{Note: "keep"}))

	moved := h
	moved.Info.Revision, moved.Info.StartedAt = 1, epoch().Add(1)
	require.ErrorIs(t, s.Begin(s.ctx, moved, nil), metricsstore.ErrExists, "another start")
	again := h
	again.Info.Revision, again.AddedAt = 1, epoch().Add(time.Hour)
	require.NoError(t, s.Begin(s.ctx, again, []byte("shape 1")))
	got := s.run("r")
	assert.Equal(t, 1, got.Info.Revision)
	assert.Equal(t, record.Running, got.Status)
	assert.Equal(t, 1, got.Rollup, "the count of roll-ups stays")
	assert.Equal(t, h.AddedAt, got.AddedAt, "the store got it with the revision before")
	assert.Equal(t, "keep", got.Annotation.Note)
	assert.Equal(t, uint64(5), got.LastSeq)
	assert.Equal(t, 1, got.Details)
	assert.Len(t, s.rollups(metricsstore.RollupQuery{}), 1, "roll-ups stay until they are replaced")
	shape, err := s.Attachment(s.ctx, "r", metricsstore.AttachShape)
	require.NoError(t, err)
	assert.Equal(t, "shape 1", string(shape))
	require.NoError(t, s.Begin(s.ctx, again, []byte("another")), "the same revision again")
	equal(t, got.Header, s.run("r").Header)
	require.ErrorIs(t, s.Delete(s.ctx, "r"), metricsstore.ErrLive)

	stale := metricsstore.Archive{Owner: "archiver", Header: ended(h, 2)}
	require.ErrorIs(t, s.Archive(s.ctx, "r", stale), metricsstore.ErrStale, "an archive of the revision before")
	s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{block(6, 7)}})
	s.archive(ended(again, 2))
	assert.Empty(t, s.rollups(metricsstore.RollupQuery{}))
}

func lawInvalid(t *testing.T, s *subject) {
	for name, change := range map[string]func(*metricsstore.Header){
		"no id":        func(h *metricsstore.Header) { h.Info.ID = "" },
		"path":         func(h *metricsstore.Header) { h.Info.ID = "../x" },
		"no start":     func(h *metricsstore.Header) { h.Info.StartedAt = h.Info.StartedAt.AddDate(-3000, 0, 0) },
		"final":        func(h *metricsstore.Header) { h.Status = record.Failed },
		"rolled up":    func(h *metricsstore.Header) { h.Rollup = 1 },
		"archived":     func(h *metricsstore.Header) { h.ArchivedSeq = 1 },
		"negative rev": func(h *metricsstore.Header) { h.Info.Revision = -1 },
	} {
		h := header("r")
		change(&h)
		require.ErrorIs(t, s.Begin(s.ctx, h, nil), metricsstore.ErrInvalid, name)
	}
	h := s.begin("r")
	for _, b := range []metricsstore.Block{block(0, 1), block(2, 1), block(1, 1<<64-1)} {
		require.ErrorIs(t, s.Append(s.ctx, "r", metricsstore.Batch{Blocks: []metricsstore.Block{b}}), metricsstore.ErrInvalid)
	}
	require.ErrorIs(t, s.Acquire(s.ctx, "r", metricsstore.Lease{}, epoch()), metricsstore.ErrInvalid)
	s.acquire("r", "archiver")
	good := metricsstore.Archive{Owner: "archiver", Header: ended(h, 1)}
	for name, change := range map[string]func(*metricsstore.Archive){
		"no owner":    func(a *metricsstore.Archive) { a.Owner = "" },
		"other run":   func(a *metricsstore.Archive) { a.Header.Info.ID = "q" },
		"not final":   func(a *metricsstore.Archive) { a.Header.Status = record.Running },
		"no roll-up":  func(a *metricsstore.Archive) { a.Header.Rollup = 0 },
		"block gap":   func(a *metricsstore.Archive) { a.Blocks = []metricsstore.Block{block(1, 2), block(4, 5)} },
		"other's row": func(a *metricsstore.Archive) { a.Rollups = []metricsstore.Rollup{rollup("q", "f", "m", "")} },
		"no function": func(a *metricsstore.Archive) { a.Rollups = []metricsstore.Rollup{rollup("r", "", "m", "")} },
		"other day": func(a *metricsstore.Archive) {
			a.Rollups = []metricsstore.Rollup{rollup("r", "f", "m", "")}
			a.Rollups[0].Day++
		},
	} {
		bad := good
		change(&bad)
		require.ErrorIs(t, s.Archive(s.ctx, "r", bad), metricsstore.ErrInvalid, name)
	}
	equal(t, h, s.run("r").Header)
}

func lawAppendOrder(t *testing.T, s *subject) {
	s.begin("r")
	var blocks []metricsstore.Block
	for i := range uint64(20) {
		blocks = append(blocks, block(i*10+1, i*10+10))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		rng.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
		for len(blocks) > 0 {
			n := 1 + rng.IntN(len(blocks))
			s.append("r", metricsstore.Batch{Blocks: blocks[:n]})
			blocks = blocks[n:]
		}
		kept, err := s.Log(s.ctx, "r", 0, 0)
		require.NoError(t, err)
		require.Len(t, kept, 20)
		for i, b := range kept {
			equal(t, block(uint64(i)*10+1, uint64(i)*10+10), b)
		}
		blocks = append(blocks, kept...)
	}
	got := s.run("r")
	assert.Equal(t, uint64(200), got.LastSeq)
	assert.Equal(t, uint64(200), got.Steps)
}

func lawAppendConflict(t *testing.T, s *subject) {
	s.begin("r")
	s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{block(1, 5), block(6, 10), block(21, 30)}})
	for _, b := range []metricsstore.Block{block(10, 11), block(15, 21), block(5, 25), block(11, 40), block(22, 31)} {
		batch := metricsstore.Batch{
			Blocks: []metricsstore.Block{block(100, 101), b}, Details: []metricsstore.DetailRow{detail(1, 1, "a")},
			Workers: []metricsstore.WorkerRow{{Worker: 1}},
		}
		require.ErrorIs(t, s.Append(s.ctx, "r", batch), metricsstore.ErrConflict, "%d to %d", b.First, b.Last)
	}
	for _, b := range []metricsstore.Block{block(1, 5), block(2, 3), block(4, 8), block(1, 10), block(30, 30)} {
		s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{b}})
	}
	assert.Equal(t, []string{"1-5", "6-10", "21-30"}, s.log("r", 0, 0))
	got := s.run("r")
	assert.Equal(t, uint64(30), got.LastSeq)
	assert.Equal(t, uint64(20), got.Steps)
	assert.Zero(t, got.Details, "a batch is kept as a whole or not at all")
	s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{block(11, 20)}})
	assert.Equal(t, []string{"1-5", "6-10", "11-20", "21-30"}, s.log("r", 0, 0), "a gap is filled")

	twice := metricsstore.Batch{Blocks: []metricsstore.Block{block(31, 35), block(31, 35), block(36, 36)}}
	s.append("r", twice)
	assert.Equal(t, uint64(36), s.run("r").Steps, "a block twice in a batch")
}

func lawAppendRows(t *testing.T, s *subject) {
	s.begin("r")
	row := func(worker uint32, rank int64, data string) metricsstore.WorkerRow {
		return metricsstore.WorkerRow{Worker: worker, Rank: rank, Data: []byte(data)}
	}
	s.append("r", metricsstore.Batch{
		Details: []metricsstore.DetailRow{detail(7, 1, "first"), detail(7, 1, "second"), detail(7, 2, "retry")},
		Workers: []metricsstore.WorkerRow{row(1, 5, "five"), row(1, 3, "three"), row(0, 0, "other")},
	})
	s.append("r", metricsstore.Batch{
		Details: []metricsstore.DetailRow{detail(7, 1, "third"), detail(3, 1, "")},
		Workers: []metricsstore.WorkerRow{row(1, 5, "five again"), row(0, 9, "nine"), {Revision: 1, Worker: 0, Rank: -1}},
	})
	rows, err := s.Details(s.ctx, "r", metricsstore.DetailKey{}, 0)
	require.NoError(t, err)
	equal(t, []metricsstore.DetailRow{detail(3, 1, ""), detail(7, 1, "first"), detail(7, 2, "retry")}, rows)
	workers, err := s.Workers(s.ctx, "r")
	require.NoError(t, err)
	equal(t, []metricsstore.WorkerRow{row(0, 9, "nine"), row(1, 5, "five"), {Revision: 1, Worker: 0, Rank: -1}}, workers)
	assert.Equal(t, 3, s.run("r").Details)
}

func lawAppendLate(t *testing.T, s *subject) {
	h := s.begin("r")
	s.archive(ended(h, 1))
	s.append("r", metricsstore.Batch{
		Blocks: []metricsstore.Block{block(101, 103)}, Details: []metricsstore.DetailRow{detail(1, 1, "late")},
	})
	got := s.run("r")
	assert.Equal(t, uint64(103), got.LastSeq)
	assert.Equal(t, 1, got.Details)
	equal(t, ended(h, 1), got.Header)
}

func lawLog(t *testing.T, s *subject) {
	s.begin("r")
	assert.Empty(t, s.log("r", 0, 0))
	s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{block(1, 10), block(11, 11), block(21, 30)}})
	for _, c := range []struct {
		after uint64
		limit int
		want  []string
	}{
		{0, 0, []string{"1-10", "11-11", "21-30"}},
		{0, 2, []string{"1-10", "11-11"}},
		{9, 0, []string{"1-10", "11-11", "21-30"}},
		{10, 0, []string{"11-11", "21-30"}},
		{10, 1, []string{"11-11"}},
		{15, 0, []string{"21-30"}},
		{29, 5, []string{"21-30"}},
		{30, 0, []string{}},
		{1<<64 - 1, 0, []string{}},
	} {
		assert.Equal(t, c.want, s.log("r", c.after, c.limit), "Log(after %d, limit %d)", c.after, c.limit)
	}
}

func lawDetails(t *testing.T, s *subject) {
	s.begin("r")
	key := func(rev uint32, node dag.NodeID, epoch, attempt uint16) metricsstore.DetailKey {
		return metricsstore.DetailKey{Revision: rev, Node: node, Epoch: epoch, Attempt: attempt}
	}
	keys := []metricsstore.DetailKey{
		key(0, 1, 0, 1), key(0, 1, 0, 300), key(0, 1, 1, 1), key(0, 256, 0, 1), key(0, dag.NoNode, 0, 0), key(1, 0, 0, 1),
	}
	var batch metricsstore.Batch
	for i := range keys {
		k := keys[len(keys)-1-i]
		batch.Details = append(batch.Details, metricsstore.DetailRow{DetailKey: k, Data: fmt.Append(nil, k)})
	}
	s.append("r", batch)
	for i, from := range keys {
		for _, limit := range []int{0, 1, 2, 100} {
			rows, err := s.Details(s.ctx, "r", from, limit)
			require.NoError(t, err)
			want := keys[i:]
			if limit > 0 {
				want = want[:min(limit, len(want))]
			}
			got := []metricsstore.DetailKey{}
			for _, r := range rows {
				got = append(got, r.DetailKey)
				assert.Equal(t, fmt.Sprint(r.DetailKey), string(r.Data))
			}
			assert.Equal(t, want, got, "Details(from %v, limit %d)", from, limit)
		}
	}
	rows, err := s.Details(s.ctx, "r", key(0, 2, 0, 0), 1)
	require.NoError(t, err)
	assert.Equal(t, keys[3], rows[0].DetailKey, "from a key that is not there")
}

func lawConcurrent(t *testing.T, s *subject) {
	const writers, batches = 4, 25
	s.begin("shared")
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			own := record.RunID(fmt.Sprintf("own-%d", w))
			assert.NoError(t, s.Begin(s.ctx, header(own), nil))
			for i := range uint64(batches) {
				b := metricsstore.Batch{Blocks: []metricsstore.Block{block(i*2+1, i*2+2)}}
				assert.NoError(t, s.Append(s.ctx, "shared", b))
				assert.NoError(t, s.Append(s.ctx, own, b))
				_, err := s.Runs(s.ctx, metricsstore.Position{}, 0)
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	runs, err := s.Runs(s.ctx, metricsstore.Position{}, 0)
	require.NoError(t, err)
	require.Len(t, runs, writers+1)
	for _, r := range runs {
		assert.Equal(t, uint64(2*batches), r.Steps, r.Info.ID)
	}
}
