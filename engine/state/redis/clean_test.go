package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

// keysOf lists the keys of a server by the part after the run's name, and whether they expire.
func keysOf(t *testing.T, s *redistest.Server) map[string]bool {
	t.Helper()
	c := s.Client(t)
	keys := map[string]bool{}
	for _, key := range c.Keys(t.Context(), "*").Val() {
		keys[strings.TrimPrefix(key, "test:")] = c.TTL(t.Context(), key).Val() > 0
	}
	return keys
}

// busyRun creates a run that contains everything that a run can have: sessions, one of which was reaped, reservations,
// large outputs, one of which no commit mentions, details, a bounded class. Then the run ends with a status.
func busyRun(t *testing.T, b *Backend, id record.RunID, end record.Status) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, b.Create(ctx, shared.NewRun{
		ID: id, Job: []byte("job"), Graph: []byte("graph"), Nodes: 5, Edges: 4, Tasks: 5, Sinks: 1, Policy: record.Continue,
		Roots:         []ledger.Grant{{Node: 0}, {Node: 1}, {Node: 2, Class: 1}},
		MaxConcurrent: map[ledger.Class]int{1: 1}, Constants: map[string][]byte{"c": []byte("value")},
	}))
	do := func(op ledger.Op) {
		t.Helper()
		reply, err := b.Do(ctx, id, op, []byte("record"))
		require.NoError(t, err)
		require.Equal(t, ledger.Applied, reply.Verdict, reply.Why)
	}
	number := map[ledger.SessionID]uint64{}
	commit := func(session ledger.SessionID, c ledger.Commit, outputs ...shared.Output) {
		t.Helper()
		number[session]++
		c.Session, c.Number, c.Lease = session, number[session], time.Minute
		replies, err := b.Commit(ctx, id, []shared.Call{{Commit: c, Outputs: outputs, Details: [][]byte{[]byte("detail")}}})
		require.NoError(t, err)
		require.Equal(t, ledger.Applied, replies[0].Verdict, replies[0].Why)
	}
	for _, session := range []ledger.SessionID{"a", "b", "dead"} {
		do(ledger.Open{Session: session, Lease: time.Minute})
	}
	commit("a", ledger.Commit{Want: 1, Classes: []ledger.Class{0}})
	commit("b", ledger.Commit{Want: 1, Classes: []ledger.Class{0}})
	commit("dead", ledger.Commit{Want: 1, Classes: []ledger.Class{1}})
	do(ledger.Reap{Session: "dead"})
	for i, session := range []ledger.SessionID{"a", "b"} { // both hold an output for node 3
		require.NoError(t, b.PutOutput(ctx, id, fmt.Sprint("large", i), []byte("large")))
		commit(session, ledger.Commit{
			Ends:  []ledger.End{{Node: dag.NodeID(i), Outcome: record.OutcomeOK, Task: true}},
			Edges: []ledger.Edge{{Offset: uint32(i), Child: 3, Waits: 2, Hold: int64(i + 1), Parent: dag.NodeID(i)}},
		}, shared.Output{Node: dag.NodeID(i), Key: fmt.Sprint("large", i)})
	}
	require.NoError(t, b.PutOutput(ctx, id, "unmentioned", []byte("large")))
	require.NoError(t, b.AddDetails(ctx, id, [][]byte{[]byte("more")}))
	switch end {
	case record.Succeeded:
		commit("a", ledger.Commit{Edges: []ledger.Edge{{Offset: 0, Child: 3, Waits: 2, End: -1}}})
		commit("b", ledger.Commit{Want: 1, Classes: []ledger.Class{0}})
		commit("b", ledger.Commit{Ends: []ledger.End{{Node: 3, Outcome: record.OutcomeOK, Task: true, Sink: true}}}, shared.Output{Node: 3, Inline: []byte("small")})
	default:
		do(ledger.Stop{Status: end})
	}
	_, err := b.Finish(ctx, id, []byte("end"))
	require.NoError(t, err)
}

func TestNothingLeaks(t *testing.T) {
	after := map[record.Status][]string{
		record.Succeeded: {"run", "state", "graph", "log", "details", "out", "keys", "out:large0"}, // outputs that its result consists of
		record.Failed:    {"run", "state", "graph", "log", "details", "nodes", "bits", "arrived", "odd", "bounds", "running", "queues", "solo:1", "sessions", "records", "out", "keys", "out:large0"},
		record.Cancelled: {"run", "state", "graph", "log", "details", "nodes", "bits", "arrived", "odd", "bounds", "running", "queues", "solo:1", "sessions", "records", "out", "keys", "out:large0"},
	}
	for end, want := range after {
		t.Run(string(end), func(t *testing.T) {
			b, s := open(t)
			busyRun(t, b, "r", end)
			for key, expires := range keysOf(t, s) { // in case no process cleans it
				assert.True(t, expires || strings.HasPrefix(key, "{runs}:"), "%s expires", key)
			}
			before := len(keysOf(t, s))
			n, err := b.Clean(t.Context(), "r", []dag.NodeID{0})
			require.NoError(t, err)
			assert.Equal(t, before-len(keysOf(t, s)), n)
			var left []string
			for key, expires := range keysOf(t, s) {
				if part, ok := strings.CutPrefix(key, "{r}:"); ok {
					left = append(left, part)
					assert.True(t, expires, key)
				}
			}
			assert.ElementsMatch(t, want, left)
			n, err = b.Clean(t.Context(), "r", []dag.NodeID{0})
			require.NoError(t, err)
			assert.Zero(t, n, "it is clean")
			require.NoError(t, b.Delete(t.Context(), "r"))
			assert.Empty(t, keysOf(t, s))
			err = b.Delete(t.Context(), "r")
			require.ErrorIs(t, err, engine.ErrUnknownRun)
		})
	}
}

// A constant that several runs name is deleted with the last of them; a constant whose run was never created expires.
func TestConstantsGoWithTheLastRun(t *testing.T) {
	b, s := open(t)
	for _, id := range []record.RunID{"one", "two"} {
		busyRun(t, b, id, record.Cancelled)
	}
	require.NoError(t, b.Delete(t.Context(), "one"))
	kept, err := b.Open(t.Context(), "two")
	require.NoError(t, err)
	assert.Equal(t, "value", string(kept.Constants["c"]))
	require.NoError(t, b.Delete(t.Context(), "two"))
	require.NoError(t, b.putConstant(t.Context(), "lone", "never", []byte("x")))
	assert.Equal(t, map[string]bool{"const:lone": true}, keysOf(t, s))
}

// A process that dies while it creates a run leaves nothing permanent.
func TestACreationThatWasCutOffExpires(t *testing.T) {
	b, s := open(t)
	died := errors.New("died")
	b.conn.Client.AddHook(dying{"eval", died})
	err := b.Create(t.Context(), shared.NewRun{
		ID: "r", Nodes: 3, Edges: 1, Tasks: 3, Sinks: 3, Graph: []byte("graph"), Roots: []ledger.Grant{{}, {Node: 2, Class: 1}},
		MaxConcurrent: map[ledger.Class]int{1: 1},
	})
	require.ErrorIs(t, err, died)
	keys := keysOf(t, s)
	assert.Greater(t, len(keys), 5)
	for key, expires := range keys {
		assert.True(t, expires || key == "{runs}:active", key)
	}
	b = New(dial(t, s.URL()))
	runs, err := b.Active(t.Context())
	require.NoError(t, err)
	require.Equal(t, []record.RunID{"r"}, runs)
	require.NoError(t, s.Client(t).ZAdd(context.Background(), "test:{runs}:active", ageOf("r")).Err())
	_, err = b.Open(t.Context(), "r")
	require.ErrorIs(t, err, engine.ErrUnknownRun)
	runs, err = b.Active(t.Context())
	require.NoError(t, err)
	require.Empty(t, runs, "it is forgotten after a minute")
}
