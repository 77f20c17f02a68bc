package metricsstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/index"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// put keeps the nth run of a store, ended after so many nanoseconds; change makes it another one.
func put(t testing.TB, s metricsstore.Store, n int, makespan int64, change func(*metricsstore.Header)) record.RunID {
	t.Helper()
	id := record.RunID(fmt.Sprintf("r%02d", n))
	h := metricsstore.Header{Info: info(id), Status: record.Running, Graph: metricsstore.GraphSize{Hash: "g", Functions: "f@0"}}
	h.Info.Workflow, h.Info.StartedAt = "w", began().Add(time.Duration(n)*time.Minute)
	h.Info.Params = map[string]string{"n": "1000"}
	if change != nil {
		change(&h)
	}
	ended := h
	h.Status = record.Running
	require.NoError(t, s.Begin(t.Context(), h, nil))
	if ended.Rollup, ended.Counts.MakespanNS = 1, makespan; !ended.Status.Final() {
		ended.Status = record.Succeeded
	}
	require.NoError(t, s.Acquire(t.Context(), id, metricsstore.Lease{Owner: "x", Until: began()}, began()))
	require.NoError(t, s.Archive(t.Context(), id, metricsstore.Archive{Owner: "x", Header: ended}))
	return id
}

// peersOf gives the peers that the runs of a store are to one of them.
func peersOf(t testing.TB, s metricsstore.Store, of *metricsstore.Run, scope metricsstore.PeerScope) []metricsstore.Entry {
	t.Helper()
	runs, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
	require.NoError(t, err)
	x := index.New()
	for i := range runs {
		x.Put(metricsstore.NewEntry(&runs[i], ""), 0)
	}
	peers, err := x.Peers(of, scope)
	require.NoError(t, err)
	return peers
}

func TestPeers(t *testing.T) {
	s := memory.New()
	file := func(name string, size int64) func(*metricsstore.Header) {
		return func(h *metricsstore.Header) {
			h.Info.Params, h.Info.Inputs = map[string]string{"n": "1000", "input": name}, map[string]int64{"input": size}
			h.Graph.Hash = name // as many tasks as the file has lines
		}
	}
	imported := func(makespan, graph string) func(*metricsstore.Header) {
		return func(h *metricsstore.Header) {
			h.Info.Reconstructed, h.Info.Params, h.Graph.Hash = "made up", map[string]string{"recorded_makespan": makespan}, graph
		}
	}
	for n, change := range []func(*metricsstore.Header){
		nil,
		func(h *metricsstore.Header) { h.Info.Params = map[string]string{"n": "10"} },
		func(h *metricsstore.Header) { h.Info.Workflow = "other" },
		func(h *metricsstore.Header) { h.Graph.Hash, h.Graph.Functions = "g2", "f@1" }, // another version
		func(h *metricsstore.Header) { h.Status = record.Failed },
		func(h *metricsstore.Header) { h.Info.Revision = 1 }, // continued, with the pause in its makespan
		nil,
		file("a.txt", 70_000),
		file("b.txt", 120_000),
		file("c.txt", 140_000),
		imported("1s", "i1"),
		imported("2s", "i1"),
		imported("3s", "i2"),
		func(h *metricsstore.Header) { h.Graph.Functions = "" }, // kept before that was noted
		file("a.txt", 80_000),
		nil,
		nil,
	} {
		put(t, s, n, 1000, change)
	}
	for _, c := range []struct {
		of    record.RunID
		scope metricsstore.PeerScope
		want  []record.RunID
		terms []string
	}{
		{"r15", metricsstore.SamePeers, []record.RunID{"r13", "r06", "r00"}, []string{"n=1000"}},
		{"r06", metricsstore.SamePeers, []record.RunID{"r00"}, []string{"n=1000"}},
		{"r00", metricsstore.SamePeers, nil, []string{"n=1000"}},
		{"r14", metricsstore.SamePeers, []record.RunID{"r08", "r07"}, []string{"input of 64 to 128 KiB", "n=1000"}},
		{"r12", metricsstore.SamePeers, nil, []string{"the same graph"}},
		{"r11", metricsstore.SamePeers, []record.RunID{"r10"}, []string{"the same graph"}},
		{"r09", metricsstore.WorkflowPeers, []record.RunID{"r08", "r07", "r06", "r03", "r01", "r00"}, []string{"input of 128 to 256 KiB", "n=1000"}},
	} {
		r := mustRun(t, s, c.of)
		var got []record.RunID
		for _, p := range peersOf(t, s, &r, c.scope) {
			got = append(got, p.ID)
		}
		assert.Equal(t, c.want, got, "%s, %s", c.of, c.scope)
		assert.Equal(t, c.terms, r.PeerTerms(), c.of)
	}
	r := mustRun(t, s, "r15")
	_, err := index.New().Peers(&r, "all")
	require.ErrorIs(t, err, metricsstore.ErrInvalid)
}

func TestPeersAreTheLatest(t *testing.T) {
	s := memory.New()
	for n := range metricsstore.MaxPeers + 20 {
		put(t, s, n, 1000, nil)
	}
	last := metricsstore.MaxPeers + 19
	r := mustRun(t, s, record.RunID(fmt.Sprintf("r%02d", last)))
	peers := peersOf(t, s, &r, metricsstore.SamePeers)
	require.Len(t, peers, metricsstore.MaxPeers)
	assert.Equal(t, record.RunID(fmt.Sprintf("r%02d", last-1)), peers[0].ID)
}

func TestSizeClasses(t *testing.T) {
	for size, want := range map[int64]string{
		0: "0 B", 1: "1 to 2 B", 3: "2 to 4 B", 1023: "512 to 1024 B", 1024: "1 to 2 KiB", 5 << 20: "4 to 8 MiB", 1 << 62: "4 to 8 EiB",
	} {
		h := metricsstore.Header{Info: record.RunInfo{Params: map[string]string{"in": "x"}, Inputs: map[string]int64{"in": size}}}
		assert.Equal(t, []string{"in of " + want}, h.PeerTerms(), "%d bytes", size)
	}
}

func TestStanding(t *testing.T) {
	s := memory.New()
	for n := range 25 {
		put(t, s, n, int64(1000+n), nil)
	}
	put(t, s, 25, 1010, nil)
	put(t, s, 26, 2000, nil)
	put(t, s, 27, 69_500, func(h *metricsstore.Header) { h.Info.Revision = 1 })
	put(t, s, 28, 50_000, func(h *metricsstore.Header) { h.Info.Params = map[string]string{"n": "100000"} })
	put(t, s, 29, 1005, nil)
	stand := func(run record.RunID, scope metricsstore.PeerScope) metricsstore.Standing {
		r := mustRun(t, s, run)
		return metricsstore.NewStanding(&r, scope, peersOf(t, s, &r, scope))
	}
	few := stand("r04", metricsstore.SamePeers)
	assert.Equal(t, metricsstore.Standing{Peers: metricsstore.SamePeers, Runs: 4}, few, "too few to say anything")
	some := stand("r05", metricsstore.SamePeers)
	assert.Equal(t, 5, some.SlowerThan)
	assert.InDelta(t, 1002, some.MedianNS, 0)
	assert.Zero(t, some.LimitNS, "too few to call any run slow")

	usual := stand("r25", metricsstore.SamePeers)
	assert.Equal(t, []int{25, 10, 14}, []int{usual.Runs, usual.SlowerThan, usual.Slower})
	assert.InDelta(t, 6, usual.MADNS, 0)
	assert.False(t, usual.Slow)
	assert.True(t, stand("r26", metricsstore.SamePeers).Slow)

	assert.Zero(t, stand("r27", metricsstore.SamePeers), "a continued run has its pause in its makespan")
	assert.Zero(t, stand("r28", metricsstore.SamePeers).MedianNS, "no other run had these parameters")
	assert.True(t, stand("r28", metricsstore.WorkflowPeers).Slow, "compared with others, it is")
	last := stand("r29", metricsstore.SamePeers)
	assert.Equal(t, 27, last.Runs, "neither the continued run nor the one of other parameters")
	assert.InDelta(t, 1012, last.MedianNS, 0)
}
