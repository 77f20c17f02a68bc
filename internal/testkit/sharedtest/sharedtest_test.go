package sharedtest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// pair is a run of two tasks of class 0 that wait for nothing.
func pair(id record.RunID) shared.NewRun {
	return shared.NewRun{
		ID: id, Job: []byte("job"), Graph: []byte("graph"), Nodes: 2, Tasks: 2, Sinks: 2,
		Roots: []ledger.Grant{{Node: 0}, {Node: 1}}, Constants: map[string][]byte{"hash": []byte("value")},
	}
}

// within runs a test on fake time, against a server whose every operation is audited.
func within(t *testing.T, test func(t *testing.T, s *Server)) {
	synctest.Test(t, func(t *testing.T) {
		test(t, New(Config{Audit: func(err error) { t.Error(err) }}))
	})
}

func begin(t *testing.T, b *Backend) {
	t.Helper()
	require.NoError(t, b.Create(t.Context(), pair("r")))
	reply, err := b.Do(t.Context(), "r", ledger.Open{Session: "s", Lease: time.Second}, []byte("worker"))
	require.NoError(t, err)
	require.Equal(t, ledger.Applied, reply.Verdict)
}

func take(number uint64) shared.Call {
	return shared.Call{Commit: ledger.Commit{Session: "s", Number: number, Lease: time.Second, Want: 1, Classes: []ledger.Class{0}}}
}

func end(number uint64, node dag.NodeID) shared.Call {
	return shared.Call{
		Commit: ledger.Commit{
			Session: "s", Number: number, Lease: time.Second, Steps: 1, Packed: []byte{byte(node)},
			Ends: []ledger.End{{Node: node, Outcome: record.OutcomeOK, Task: true, Sink: true}},
		},
		Outputs: []shared.Output{{Node: node, Inline: []byte("out")}},
		Details: [][]byte{[]byte("detail")},
	}
}

func TestRun(t *testing.T) {
	within(t, func(t *testing.T, s *Server) {
		ctx, b := t.Context(), s.Connect(nil)
		begin(t, b)
		require.ErrorIs(t, b.Create(ctx, pair("r")), execution.ErrRunExists)
		_, err := b.Open(ctx, "other")
		require.ErrorIs(t, err, engine.ErrUnknownRun)
		time.Sleep(100 * time.Nanosecond)

		replies, err := b.Commit(ctx, "r", []shared.Call{take(1), take(2), take(4), take(3)})
		require.NoError(t, err)
		assert.Equal(t, []ledger.Claim{{Node: 0, Attempt: 1}}, replies[0].Claims)
		assert.Equal(t, int64(100), replies[0].Now)
		assert.Equal(t, dag.NodeID(1), replies[1].Claims[0].Node)
		assert.Equal(t, ledger.Malformed, replies[2].Verdict)
		assert.Equal(t, ledger.Malformed, replies[3].Verdict, "a commit after one that was not applied is not either")

		workers, err := b.Workers(ctx, "r")
		require.NoError(t, err)
		assert.Equal(t, []shared.Worker{{Session: "s", Record: []byte("worker"), Beat: time.Now(), Claims: 2}}, workers)

		require.NoError(t, b.PutOutput(ctx, "r", "key", []byte("large")))
		last := end(4, 1)
		last.Outputs[0] = shared.Output{Node: 1, Key: "key"}
		replies, err = b.Commit(ctx, "r", []shared.Call{end(3, 0), last})
		require.NoError(t, err)
		assert.Equal(t, record.Succeeded, replies[1].Status)
		outputs, err := b.Outputs(ctx, "r", []dag.NodeID{1, 7, 0})
		require.NoError(t, err)
		assert.Equal(t, []shared.Output{{Node: 1, Key: "key", Inline: []byte("large")}, {Node: 7}, {Node: 0, Inline: []byte("out")}}, outputs)
		s.LoseOutput("r", 1)
		outputs, err = b.Outputs(ctx, "r", []dag.NodeID{1})
		require.NoError(t, err)
		assert.Equal(t, []shared.Output{{Node: 1}}, outputs)

		checkLog(t, b)
		finish(t, b)
	})
}

func checkLog(t *testing.T, b *Backend) {
	entries, err := b.Log(t.Context(), "r", "", 10, 0)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	assert.Equal(t, record.RunStarted, entries[0].Plain[0].Kind)
	assert.Equal(t, uint64(3), entries[2].First)
	assert.Equal(t, record.RunFinished, entries[2].Plain[0].Kind)
	rest, err := b.Log(t.Context(), "r", entries[0].At, 1, 0)
	require.NoError(t, err)
	assert.Equal(t, entries[1:2], rest)
	blobs, err := b.Details(t.Context(), "r", "", 10)
	require.NoError(t, err)
	require.Len(t, blobs, 2)
	_, err = b.Log(t.Context(), "r", "9", 1, 0)
	require.Error(t, err)
}

func finish(t *testing.T, b *Backend) {
	ctx := t.Context()
	active, err := b.Active(ctx)
	require.NoError(t, err)
	assert.Equal(t, []record.RunID{"r"}, active)
	require.Error(t, b.Delete(ctx, "r"), "it is not finished")
	for _, want := range []string{"first", "second"} {
		kept, err := b.Finish(ctx, "r", []byte(want))
		require.NoError(t, err)
		assert.Equal(t, []byte("first"), kept)
	}
	ended, err := b.Ended(ctx)
	require.NoError(t, err)
	assert.Equal(t, []record.RunID{"r"}, ended)
	keys, err := b.Clean(ctx, "r", []dag.NodeID{1})
	require.NoError(t, err)
	assert.Positive(t, keys)
	replies, err := b.Commit(ctx, "r", []shared.Call{take(5)})
	require.NoError(t, err)
	assert.Equal(t, ledger.Gone, replies[0].Verdict)
	require.NoError(t, b.Delete(ctx, "r"))
	require.ErrorIs(t, b.Delete(ctx, "r"), engine.ErrUnknownRun)
	assert.Empty(t, b.server.constants)
}

// TestLostAnswers: a call takes effect once, whatever gets lost.
func TestLostAnswers(t *testing.T) {
	within(t, func(t *testing.T, s *Server) {
		b := s.Connect(func(c Call) Fault {
			if c.Method == "Do" {
				return Fault{}
			}
			return Fault{Before: time.Millisecond, After: time.Millisecond, LoseAnswer: c.Attempt == 0, LoseCall: c.Attempt == 1}
		})
		begin(t, b)
		replies, err := b.Commit(t.Context(), "r", []shared.Call{take(1)})
		require.NoError(t, err)
		require.Equal(t, ledger.Repeated, replies[0].Verdict)
		require.Equal(t, dag.NodeID(0), replies[0].Claims[0].Node)
		require.NoError(t, b.AddDetails(t.Context(), "r", [][]byte{{1}}))
		blobs, err := b.Details(t.Context(), "r", "", 10)
		require.NoError(t, err)
		require.Len(t, blobs, 2, "details may come twice")
	})
}

func TestCut(t *testing.T) {
	within(t, func(t *testing.T, s *Server) {
		b, other := s.Connect(nil), s.Connect(nil)
		begin(t, other)
		b.Cut()
		b.Cut()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := b.Active(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, b.Costs())

		t0 := time.Now()
		time.AfterFunc(time.Second, b.Heal)
		_, err = b.Commit(t.Context(), "r", []shared.Call{take(1), take(2)})
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(t0))
		assert.Equal(t, shared.Costs{Commands: 2, RoundTrips: 1}, b.Costs())
	})
}

// TestCutOnTheWayBack: the call takes effect, its answer comes when the connection is whole again.
func TestCutOnTheWayBack(t *testing.T) {
	within(t, func(t *testing.T, s *Server) {
		b := s.Connect(func(Call) Fault { return Fault{After: time.Second} })
		begin(t, s.Connect(nil))
		time.AfterFunc(time.Millisecond, b.Cut)
		time.AfterFunc(time.Minute, b.Heal)
		replies, err := b.Commit(t.Context(), "r", []shared.Call{take(1)})
		require.NoError(t, err)
		assert.Equal(t, ledger.Repeated, replies[0].Verdict)
	})
}

func TestWaits(t *testing.T) {
	within(t, func(t *testing.T, s *Server) {
		ctx, b := t.Context(), s.Connect(nil)
		begin(t, b)
		t0 := time.Now()
		entries, err := b.Log(ctx, "r", "1", 10, time.Second)
		require.NoError(t, err)
		assert.Empty(t, entries)
		assert.Equal(t, time.Second, time.Since(t0))

		time.AfterFunc(time.Second, func() { _, _ = b.Do(ctx, "r", ledger.Pause{}, nil) })
		entries, err = b.Log(ctx, "r", "1", 10, time.Minute)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		assert.Equal(t, record.RunPaused, entries[0].Plain[0].Kind)

		run, err := b.Sleep(ctx, []string{"f"}, time.Second)
		require.NoError(t, err)
		assert.Empty(t, run)
		require.NoError(t, b.Wake(ctx, "r", []string{"f", "g"}, 1))
		for _, want := range []record.RunID{"r", ""} {
			run, err = b.Sleep(ctx, []string{"f"}, time.Second)
			require.NoError(t, err)
			assert.Equal(t, want, run)
		}
		time.AfterFunc(time.Second, func() { _ = b.Wake(ctx, "r", []string{"h"}, 1) })
		t0 = time.Now()
		run, err = b.Sleep(ctx, []string{"f", "h"}, time.Minute)
		require.NoError(t, err)
		assert.Equal(t, record.RunID("r"), run)
		assert.Equal(t, time.Second, time.Since(t0))
	})
}

func TestNews(t *testing.T) {
	within(t, func(t *testing.T, s *Server) {
		b := s.Connect(nil)
		deaf := s.Connect(func(c Call) Fault { return Fault{Drop: c.Method == "News"} })
		ctx, cancel := context.WithCancel(t.Context())
		notified := make(chan record.RunID, 8)
		for _, listens := range []*Backend{b, deaf} {
			go func() { _ = listens.News(ctx, func(id record.RunID) { notified <- id }) }()
		}
		synctest.Wait()
		begin(t, b)
		synctest.Wait()
		require.Len(t, notified, 1, "the creation reaches one, and not the other")
		for _, op := range []ledger.Op{ledger.Pause{}, ledger.Pause{}, ledger.Resume{}, ledger.Stop{Status: record.Cancelled}} {
			_, err := b.Do(ctx, "r", op, []byte("first"))
			require.NoError(t, err)
			synctest.Wait()
		}
		assert.Len(t, notified, 4, "what changes nothing is no news")
		stored, err := b.Open(ctx, "r")
		require.NoError(t, err)
		assert.Equal(t, record.Cancelled, stored.Status)
		assert.Equal(t, []byte("first"), stored.First)
		cancel()
		synctest.Wait()
		assert.Empty(t, s.news)
	})
}

func TestRevise(t *testing.T) {
	within(t, func(t *testing.T, s *Server) {
		ctx, b := t.Context(), s.Connect(nil)
		begin(t, b)
		_, err := b.Commit(ctx, "r", []shared.Call{take(1), end(2, 0)})
		require.NoError(t, err)
		_, err = b.Do(ctx, "r", ledger.Stop{Status: record.Failed}, []byte("first"))
		require.NoError(t, err)
		old, err := b.Snapshot(ctx, "r")
		require.NoError(t, err)
		next := old.Next(7, func(dag.NodeID) ledger.Pending { return ledger.Pending{Sink: true} })
		require.ErrorIs(t, b.Revise(ctx, "r", next), execution.ErrRunExists, "it is not finished")
		_, err = b.Finish(ctx, "r", []byte("end"))
		require.NoError(t, err)
		require.NoError(t, b.Revise(ctx, "r", next))
		require.ErrorIs(t, b.Revise(ctx, "r", next), execution.ErrRunExists, "another one was first")

		stored, err := b.Open(ctx, "r")
		require.NoError(t, err)
		assert.Equal(t, 1, stored.Revision)
		assert.Equal(t, record.Running, stored.Status)
		assert.Nil(t, stored.End)
		assert.Nil(t, stored.First)
		replies, err := b.Commit(ctx, "r", []shared.Call{take(3)})
		require.NoError(t, err)
		assert.Equal(t, ledger.Fenced, replies[0].Verdict)
		reply, err := b.Do(ctx, "r", ledger.Open{Session: "t", Lease: time.Second}, nil)
		require.NoError(t, err)
		assert.Equal(t, uint16(1), reply.Worker, "numbers of sessions continue")
		entries, err := b.Log(ctx, "r", "3", 10, 0)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		assert.Equal(t, uint64(4), entries[0].First)
		assert.Equal(t, []record.Step{{Kind: record.RunStarted, Became: dag.NoNode, Readied: []dag.NodeID{1}}}, entries[0].Plain)
	})
}

// TestRandom: two connections with faults work a run off; each node ends once.
func TestRandom(t *testing.T) {
	for seed := range uint64(20) {
		within(t, func(t *testing.T, s *Server) {
			ctx, b := t.Context(), s.Connect(Random(seed, 0.3, time.Second))
			require.NoError(t, b.Create(ctx, pair("r")))
			_, err := b.Do(ctx, "r", ledger.Open{Session: "s", Lease: time.Second}, nil)
			require.NoError(t, err)
			for i := range dag.NodeID(2) {
				replies, err := b.Commit(ctx, "r", []shared.Call{take(uint64(2*i + 1)), end(uint64(2*i+2), i)})
				require.NoError(t, err)
				if replies[0].Verdict != ledger.Gone { // the answer that the run is over was lost
					require.NotEqual(t, ledger.Malformed, replies[1].Verdict, "seed %d: %s", seed, replies[1].Why)
				}
			}
			state, err := s.Connect(nil).Snapshot(ctx, "r")
			require.NoError(t, err)
			require.Equal(t, record.Succeeded, state.Status, "seed %d", seed)
			require.Equal(t, uint64(4), state.Seq, "seed %d", seed)
		})
	}
}
