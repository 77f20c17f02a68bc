package redis

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

// mover moves a slot of a cluster from one master to another, as `redis-cli --cluster reshard` does.
type mover struct {
	t       *testing.T
	masters []*redis.Client
	ids     []string
	slot    int64
	at      int // the master that has the slot
}

func newMover(t *testing.T, s *redistest.Server, key string) *mover {
	t.Helper()
	m := &mover{t: t}
	for _, address := range s.Addresses() {
		c := redis.NewClient(&redis.Options{Addr: address, Protocol: 2})
		t.Cleanup(func() { _ = c.Close() })
		id, err := c.Do(t.Context(), "cluster", "myid").Text()
		require.NoError(t, err)
		m.masters, m.ids = append(m.masters, c), append(m.ids, id)
	}
	slot, err := m.masters[0].ClusterKeySlot(t.Context(), key).Result()
	require.NoError(t, err)
	m.slot = slot
	for i, c := range m.masters {
		n, err := c.ClusterCountKeysInSlot(t.Context(), int(slot)).Result()
		require.NoError(t, err)
		if n > 0 {
			m.at = i
		}
	}
	return m
}

// move moves the slot to the next master, and stops for a while with a part of the keys on each.
func (m *mover) move(pause time.Duration) {
	ctx := context.Background()
	from, to := m.at, (m.at+1)%len(m.masters)
	m.at = to
	must := func(err error) { assert.NoError(m.t, err) }
	must(m.masters[to].Do(ctx, "cluster", "setslot", m.slot, "importing", m.ids[from]).Err())
	must(m.masters[from].Do(ctx, "cluster", "setslot", m.slot, "migrating", m.ids[to]).Err())
	time.Sleep(pause)
	host, port, err := net.SplitHostPort(m.masters[to].Options().Addr)
	must(err)
	for {
		keys, err := m.masters[from].ClusterGetKeysInSlot(ctx, int(m.slot), 4).Result()
		must(err)
		if len(keys) == 0 {
			break
		}
		for _, key := range keys {
			must(m.masters[from].Do(ctx, "migrate", host, port, key, 0, 5000).Err())
		}
		time.Sleep(pause / 4)
	}
	for i := range m.masters { // the new owner first, then the old one
		i = (to + len(m.masters) - i) % len(m.masters)
		must(m.masters[i].Do(ctx, "cluster", "setslot", m.slot, "node", m.ids[to]).Err())
	}
}

// A run whose slot moves between masters while sessions work on it loses nothing: calls wait for the move to end.
func TestARunThatMovesInItsClusterLosesNothing(t *testing.T) {
	s := redistest.Cluster(t)
	b := New(dial(t, s.URL()))
	ctx := t.Context()
	const tasks = 150
	roots := make([]ledger.Grant, tasks)
	for i := range roots {
		roots[i].Node = dag.NodeID(i)
	}
	require.NoError(t, b.Create(ctx, shared.NewRun{ID: "r", Nodes: tasks, Tasks: tasks, Sinks: tasks, Roots: roots}))
	m := newMover(t, s, b.keys.run("r"))
	stop := make(chan struct{})
	var moving sync.WaitGroup
	moves := 0
	moving.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				m.move(20 * time.Millisecond)
				moves++
			}
		}
	})
	halt := sync.OnceFunc(func() {
		close(stop)
		moving.Wait()
	})
	defer halt()
	_, err := b.Do(ctx, "r", ledger.Open{Session: "s", Lease: time.Minute}, nil)
	require.NoError(t, err)
	c := ledger.Commit{Session: "s", Lease: time.Minute, Want: 2, Classes: []ledger.Class{0}}
	done := 0
	for status := record.Running; status == record.Running; c.Number++ {
		next := c
		next.Number++
		replies, err := b.Commit(ctx, "r", []shared.Call{{Commit: next, Outputs: []shared.Output{{Node: dag.NodeID(done), Inline: []byte("x")}}}})
		require.NoError(t, err)
		require.Contains(t, []ledger.Verdict{ledger.Applied, ledger.Repeated, ledger.Gone}, replies[0].Verdict, replies[0].Why)
		c.Ends = c.Ends[:0]
		for _, claim := range replies[0].Claims {
			c.Ends = append(c.Ends, ledger.End{Node: claim.Node, Outcome: record.OutcomeOK, Task: true, Sink: true})
			done++
		}
		status = replies[0].Status
		outs, err := b.Outputs(ctx, "r", []dag.NodeID{0})
		require.NoError(t, err)
		require.NotNil(t, outs[0].Inline)
	}
	assert.Equal(t, tasks, done)
	_, err = b.Finish(ctx, "r", []byte("end"))
	require.NoError(t, err)
	_, err = b.Clean(ctx, "r", nil)
	require.NoError(t, err)
	halt()
	assert.Positive(t, moves)
	t.Logf("the run moved %d times", moves)
	state, err := b.Snapshot(ctx, "r")
	require.NoError(t, err)
	assert.Equal(t, record.Succeeded, state.Status)
	require.NoError(t, b.Delete(ctx, "r"))
	for _, c := range m.masters {
		assert.Empty(t, c.Keys(ctx, "*{r}*").Val())
	}
}
