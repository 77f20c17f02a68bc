package redis

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
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

// longestCommand is how long a command may occupy a server.
const longestCommand = 10 * time.Millisecond

// stopwatch measures for how long each command of a test occupies the server, in CPU time of the server's main thread:
// wall-clock time, as in the slow log, would include the time in which the machine runs other programs. It is a hook of
// the client that sends the commands of a pipeline one by one.
type stopwatch struct {
	t      *testing.T
	server *redistest.Server
	client redis.UniversalClient // that is not measured
	run    string                // the step that is measured
	times  []timing
}

type timing struct {
	step, command string
	took          time.Duration
}

func (w *stopwatch) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *stopwatch) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		before := w.busy()
		err := next(ctx, cmd)
		command := fmt.Sprintf("%.40v", cmd.Args()[:min(len(cmd.Args()), 2)])
		w.times = append(w.times, timing{w.run, command, w.busy() - before})
		return err
	}
}

func (w *stopwatch) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	one := w.ProcessHook(w.client.Process)
	return func(ctx context.Context, cmds []redis.Cmder) error {
		var failed error
		for _, cmd := range cmds {
			if err := one(ctx, cmd); failed == nil {
				failed = err
			}
		}
		return failed
	}
}

// busy is the CPU time of the server's main thread so far.
func (w *stopwatch) busy() time.Duration { return mainThread(w.t, w.client) }

// mainThread is the CPU time of a server's main thread so far.
func mainThread(t testing.TB, client redis.UniversalClient) (total time.Duration) {
	info, err := client.Info(context.Background(), "cpu").Result()
	assert.NoError(t, err)
	for lines := bufio.NewScanner(strings.NewReader(info)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if name == "used_cpu_user_main_thread" || name == "used_cpu_sys_main_thread" {
			seconds, err := strconv.ParseFloat(value, 64)
			assert.NoError(t, err)
			total += time.Duration(seconds * float64(time.Second))
		}
	}
	return total
}

// neverBlocks plays a scenario, whose commands are always the same, and expects each to take at most longestCommand. On a
// busy machine all take longer than they need, so the shortest of a few repetitions counts.
func neverBlocks(t *testing.T, scenario func(*stopwatch, *Backend)) {
	t.Helper()
	const times = 5
	var best []timing
	for i := range times {
		b, s := open(t)
		w := &stopwatch{t: t, server: s, client: s.Client(t)}
		b.conn.Client.AddHook(w)
		scenario(w, b)
		t.Logf("the slow log of repetition %d has %d commands above %s", i, len(s.Slowlog()), longestCommand)
		if i == 0 {
			best = w.times
		}
		require.Len(t, w.times, len(best))
		for i := range best {
			best[i].took = min(best[i].took, w.times[i].took)
		}
		if slices.MaxFunc(best, slower).took <= longestCommand {
			break
		}
	}
	slices.SortStableFunc(best, func(a, b timing) int { return slower(b, a) })
	for _, x := range best[:min(len(best), 8)] {
		t.Logf("%10s %s: %s", x.took.Round(10*time.Microsecond), x.step, x.command)
	}
	for _, x := range best {
		assert.LessOrEqual(t, x.took, longestCommand, "%s: %s", x.step, x.command)
	}
}

func slower(a, b timing) int { return cmp.Compare(a.took, b.took) }

// time measures one step.
func (w *stopwatch) time(step string, do func()) {
	w.t.Helper()
	w.run = step
	do()
}

// part is a session of a run that a test plays by hand.
type part struct {
	*stopwatch
	backend *Backend
	id      record.RunID
	session ledger.SessionID
	number  uint64
}

// create creates a run and measures it.
func (w *stopwatch) create(b *Backend, r shared.NewRun) {
	w.t.Helper()
	r.Policy = record.Continue
	w.time("create", func() { require.NoError(w.t, b.Create(w.t.Context(), r)) })
}

func (w *stopwatch) join(b *Backend, run record.RunID, session ledger.SessionID) *part {
	w.t.Helper()
	p := &part{stopwatch: w, backend: b, id: run, session: session}
	p.do("open", ledger.Open{Session: session, Lease: time.Minute})
	return p
}

func (p *part) do(step string, op ledger.Op) (reply ledger.Reply) {
	p.t.Helper()
	p.time(step, func() {
		var err error
		reply, err = p.backend.Do(p.t.Context(), p.id, op, nil)
		require.NoError(p.t, err)
	})
	require.Contains(p.t, []ledger.Verdict{ledger.Applied, ledger.Repeated}, reply.Verdict, reply.Why)
	return reply
}

// commit sends a commit a number of times; all but the first are answered Repeated.
func (p *part) commit(step string, c ledger.Commit, times int) ledger.Reply {
	p.t.Helper()
	p.number++
	c.Session, c.Number, c.Lease = p.session, p.number, time.Minute
	var first ledger.Reply
	for i := range times {
		name := step
		if i > 0 {
			name += " repeated"
		}
		p.time(name, func() {
			replies, err := p.backend.Commit(p.t.Context(), p.id, []shared.Call{{Commit: c}})
			require.NoError(p.t, err)
			if i == 0 {
				require.Equal(p.t, ledger.Applied, replies[0].Verdict, replies[0].Why)
				first = replies[0]
			} else {
				require.Contains(p.t, []ledger.Verdict{ledger.Repeated, ledger.Gone}, replies[0].Verdict)
			}
		})
	}
	return first
}

// Numbers of a large run.
const (
	edgesAtOnce = 1000 // as engine/state/shared sends them
	heldAtOnce  = 200
	fan         = 10_000
)

// A fan-out of 10,000 and the fan-in after it, each completion sent three times: node 0, its children 1 to 10,000, and
// the last one.
func TestFansFireOnceAndNeverBlock(t *testing.T) {
	neverBlocks(t, fans)
}

func fans(w *stopwatch, b *Backend) {
	t := w.t
	w.create(b, shared.NewRun{
		ID: "fan", Nodes: fan + 2, Edges: 2 * fan, Tasks: fan + 2, LimitEdges: 2 * fan, Sinks: 1, Roots: []ledger.Grant{{Node: 0}},
	})
	p := w.join(b, "fan", "s")
	c := ledger.Commit{Want: 1, Classes: []ledger.Class{0}}
	require.Len(t, p.commit("claim the root", c, 3).Claims, 1)
	end := []ledger.End{{Node: 0, Outcome: record.OutcomeOK, Task: true, More: true}}
	ready := 0
	for from := uint32(0); from < fan; from += edgesAtOnce {
		c := ledger.Commit{Ends: end, Steps: len(end), Packed: []byte("step")}
		for i := from; i < from+edgesAtOnce; i++ {
			c.Edges = append(c.Edges, ledger.Edge{Offset: i, Child: dag.NodeID(i + 1), Waits: 1, End: len(end) - 1})
		}
		if end = nil; from+edgesAtOnce == fan {
			c.EdgesDone = []dag.NodeID{0}
		}
		ready = p.commit("fan out", c, 3).Waiting
	}
	require.Equal(t, fan, ready)
	fired, done := 0, 0
	for claims := p.commit("claim children", ledger.Commit{Want: 256, Classes: []ledger.Class{0}}, 3).Claims; len(claims) > 0; {
		c := ledger.Commit{Want: 256, Classes: []ledger.Class{0}}
		for i, claim := range claims {
			done++
			isLast := claim.Node == fan+1
			c.Ends = append(c.Ends, ledger.End{Node: claim.Node, Outcome: record.OutcomeOK, Task: true, Sink: isLast})
			if isLast {
				fired++
			} else {
				c.Edges = append(c.Edges, ledger.Edge{Offset: fan - 1 + uint32(claim.Node), Child: fan + 1, Waits: fan, End: i})
			}
		}
		claims = p.commit("fan in", c, 3).Claims
	}
	assert.Equal(t, 1, fired)
	assert.Equal(t, fan+1, done)
	s, err := b.Snapshot(t.Context(), "fan")
	require.NoError(t, err)
	assert.Equal(t, record.Succeeded, s.Status)
	require.NoError(t, s.Check())
}
