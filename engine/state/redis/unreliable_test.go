package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/internal/testkit/ledgertest"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// unreliable is a machine whose operations may be applied more than once. It knows the model's replies to the first
// application and to a repetition; the actual reply has to be one of these.
type unreliable struct {
	*sharedtest.Machine
	t       *testing.T
	model   *ledger.State
	trouble func()      // called before each operation
	calm    sync.Locker // held while no reply may be lost
	again   *int        // how many replies were those to a repetition
}

func (u *unreliable) Apply(ctx context.Context, op ledger.Op) (ledger.Reply, error) {
	if _, ok := op.(ledger.Reap); ok { // each repetition reaps more, which is correct, but differs from the model
		u.calm.Lock()
		defer u.calm.Unlock()
	} else {
		u.trouble()
	}
	got, err := u.Machine.Apply(ctx, op)
	if err != nil {
		return got, err
	}
	got.Why = ""
	text := func(r ledger.Reply) string {
		r.Why = ""
		return fmt.Sprintf("%+v", r)
	}
	first, _ := u.model.Apply(op)
	if text(got) == text(first) {
		return first, nil
	}
	second, _ := u.model.Apply(op)
	if text(got) != text(second) {
		return got, fmt.Errorf("the reply is\n%s, expected\n%s or\n%s", text(got), text(first), text(second))
	}
	*u.again++
	return first, nil
}

func (u *unreliable) Revise(ctx context.Context, now int64, next *ledger.State) error {
	if err := u.Machine.Revise(ctx, now, next.Clone()); err != nil {
		return err
	}
	ledger.Revise(u.model, next, now)
	u.model = next
	return nil
}

// endure applies random operations to a back end and calls trouble before each of them.
func endure(t *testing.T, b *Backend, seed uint64, ops int, calm sync.Locker, trouble func(*rand.Rand)) (again int) {
	t.Helper()
	runs := 0
	rng := rand.New(rand.NewPCG(seed, 17))
	played, err := ledgertest.Differ(t.Context(), func(config ledger.Config) (ledgertest.Machine, error) {
		runs++
		var now int64
		b.clock = func() int64 { return now }
		id := record.RunID(fmt.Sprintf("r%d", runs))
		m, err := sharedtest.NewMachine(t.Context(), b, id, config, func(at int64) { now = at })
		model, _ := ledger.New(config)
		return &unreliable{Machine: m, t: t, model: model, trouble: func() { trouble(rng) }, calm: calm, again: &again}, err
	}, ledgertest.Config{Seed: seed, Ops: ops, Every: 20})
	require.NoError(t, err)
	t.Logf("seed %d: %d runs, verdicts %v; %d answers were to a call that was repeated", seed, played.Runs, played.Verdicts, again)
	return again
}

// Lost replies, cut connections and a flushed script cache change nothing: no operation is applied twice.
func TestLostAnswersChangeNothing(t *testing.T) {
	s := redistest.Start(t)
	proxy := redistest.NewProxy(t, s)
	b, direct := New(dial(t, proxy.URL())), s.Client(t)
	again := endure(t, b, 21, 500, new(sync.Mutex), func(rng *rand.Rand) {
		switch k := rng.IntN(100); {
		case k < 40:
			proxy.LoseReplies(1, "evalsha")
		case k < 45:
			proxy.Cut()
		case k < 50:
			assert.NoError(t, direct.ScriptFlush(context.Background()).Err())
		}
	})
	assert.Greater(t, again, 60)
}

// A server that is killed between operations continues from its append-only file.
func TestAKilledServerContinues(t *testing.T) {
	b, s := open(t, "--appendonly", "yes", "--appendfsync", "always")
	stop := make(chan struct{})
	var killer sync.WaitGroup
	var calm sync.Mutex
	kills := 0
	killer.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(150 * time.Millisecond):
			}
			calm.Lock()
			s.Kill()
			s.Restart()
			calm.Unlock()
			kills++
		}
	})
	defer killer.Wait()
	defer close(stop)
	endure(t, b, 22, 250, &calm, func(*rand.Rand) { time.Sleep(time.Millisecond) })
	stop <- struct{}{}
	assert.Positive(t, kills)
}

// Every call whose reply is lost is repeated, and takes effect once.
func TestEveryCallSurvivesALostAnswer(t *testing.T) {
	s := redistest.Start(t)
	proxy := redistest.NewProxy(t, s)
	b := New(dial(t, proxy.URL()))
	playAll(t, b, "caches the scripts", func(_, _ string, call func() error) { require.NoError(t, call()) }, ledger.Applied)
	playAll(t, b, "r", func(what, part string, call func() error) {
		t.Helper()
		proxy.LoseReplies(1, part)
		require.NoError(t, call(), what)
		require.Equal(t, 1, proxy.Lost(), what)
	}, ledger.Repeated)
}

// playAll plays a run from its creation to its deletion. lossy makes each call; verdict is the expected verdict of
// operations.
func playAll(t *testing.T, b *Backend, id record.RunID, lossy func(what, part string, call func() error), verdict ledger.Verdict) {
	ctx := t.Context()
	run := shared.NewRun{
		ID: id, Job: []byte("job"), Graph: []byte("graph"), Nodes: 2, Tasks: 2, Sinks: 2, Roots: []ledger.Grant{{Node: 0}, {Node: 1}},
		Constants: map[string][]byte{"c1": []byte("value")}, Policy: record.Continue,
	}
	lossy("create", "evalsha", func() error { return b.Create(ctx, run) })
	require.ErrorIs(t, b.Create(ctx, run), execution.ErrRunExists)
	var reply ledger.Reply
	do := func(op ledger.Op) func() error {
		return func() (err error) {
			reply, err = b.Do(ctx, id, op, []byte("record"))
			return err
		}
	}
	lossy("open", "evalsha", do(ledger.Open{Session: "s", Lease: time.Minute}))
	require.Equal(t, verdict, reply.Verdict)
	lossy("put", "evalsha", func() error { return b.PutOutput(ctx, id, "k", []byte("output")) })
	lossy("details", "evalsha", func() error { return b.AddDetails(ctx, id, [][]byte{[]byte("d1"), []byte("d2")}) })
	details, err := b.Details(ctx, id, "", 10)
	require.NoError(t, err)
	require.Len(t, details, 2)

	var replies []ledger.Reply
	calls := []shared.Call{
		{Commit: ledger.Commit{Session: "s", Number: 1, Lease: time.Minute, Want: 2, Classes: []ledger.Class{0}}, Details: [][]byte{[]byte("d3")}},
		{Commit: ledger.Commit{
			Session: "s", Number: 2, Lease: time.Minute, Steps: 1, Packed: []byte("p"),
			Ends: []ledger.End{{Node: 0, Outcome: record.OutcomeOK, Task: true, Sink: true}},
		}, Outputs: []shared.Output{{Node: 0, Key: "k"}}},
	}
	lossy("commit", "evalsha", func() (err error) {
		replies, err = b.Commit(ctx, id, calls)
		return err
	})
	require.Equal(t, []ledger.Verdict{verdict, verdict}, []ledger.Verdict{replies[0].Verdict, replies[1].Verdict})
	if verdict == ledger.Repeated {
		require.Len(t, replies[1].Claims, 1)
	}
	lossy("outputs", "hmget", func() error {
		out, err := b.Outputs(ctx, id, []dag.NodeID{0, 1})
		require.Equal(t, []shared.Output{{Node: 0, Key: "k", Inline: []byte("output")}, {Node: 1}}, out)
		return err
	})
	lossy("stop", "evalsha", do(ledger.Stop{Status: record.Failed}))
	lossy("leave", "evalsha", do(ledger.Leave{Session: "s"}))
	require.Equal(t, record.Failed, reply.Status)
	lossy("finish", "evalsha", func() error {
		kept, err := b.Finish(ctx, id, []byte("end"))
		require.Equal(t, "end", string(kept))
		return err
	})
	lossy("clean", "hmget", func() error {
		_, err := b.Clean(ctx, id, []dag.NodeID{0})
		return err
	})
	state, err := b.Snapshot(ctx, id)
	require.NoError(t, err)
	next := state.Next(1, func(dag.NodeID) ledger.Pending { return ledger.Pending{Sink: true} })
	lossy("revise", "evalsha", func() error { return b.Revise(ctx, id, next) })
	kept, err := b.Open(ctx, id)
	require.NoError(t, err)
	require.Equal(t, 1, kept.Revision)
	entries, err := b.Log(ctx, id, "", 100, 0)
	require.NoError(t, err)
	require.Len(t, entries, 4, "start, commit, stop with the end, revision")
	lossy("stop", "evalsha", do(ledger.Stop{Status: record.Cancelled}))
	require.Equal(t, record.Cancelled, reply.Status)
	_, err = b.Finish(ctx, id, []byte("end"))
	require.NoError(t, err)
	lossy("delete", "unlink", func() error { return b.Delete(ctx, id) })
	_, err = b.Open(ctx, id)
	require.ErrorIs(t, err, engine.ErrUnknownRun)
}
