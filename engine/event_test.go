package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

var runInfo = engine.RunInfo{
	ID: "r1", Revision: 2, Workflow: "w", SubmittedAt: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC),
	StartedAt: time.Date(2024, 5, 1, 12, 0, 0, 1000, time.UTC),
}

// fanOutGraph is: node 0 upto, 1 sum, 2 expansion, 3 join; a body of add after double.
func fanOutGraph(t testing.TB) *engine.Graph {
	t.Helper()
	g := engine.NewBuilder()
	list := upto.Call(engine.Const(g, 2))
	graph, err := g.Compile(sum.Call(engine.FanOut(g, list, func(e engine.Ref[int]) engine.Ref[int] {
		return add.Call(double.Call(e), e)
	})))
	require.NoError(t, err)
	return graph
}

// brief is an event in a line.
func brief(e engine.Event) string {
	s := fmt.Sprintf("%d %s @%d", e.Seq, e.Kind, e.At)
	if e.EventTask != nil && e.Task != nil {
		s += " " + e.Task.String()
	}
	if e.EventTask != nil && e.Attempt > 0 {
		s += fmt.Sprintf(" try %d", e.Attempt)
	}
	if e.EventLane != nil {
		s += fmt.Sprintf(" on %d", e.Worker)
	}
	if e.EventLane != nil && e.Slot != nil {
		s += fmt.Sprintf("/%d", *e.Slot)
	}
	if e.From != nil {
		s += fmt.Sprintf(" from %d", *e.From)
	}
	if e.Width != nil {
		s += fmt.Sprintf(" width %d", *e.Width)
	}
	if e.Status != "" {
		s += " " + string(e.Status)
	}
	if e.Delay > 0 {
		s += " after " + e.Delay.String()
	}
	return s
}

// Long: one table with a row for each kind of step.
func TestEventsOfEachStep(t *testing.T) {
	attempt := func(s engine.Step) engine.Step { // of node 0, unless s says otherwise
		s.Kind, s.Worker, s.Slot = engine.AttemptEnded, 1, 3
		s.Attempt = max(s.Attempt, 1)
		s.Ready, s.Claimed, s.Started, s.Ended, s.Updated = 10, 20, 30, 40, 50
		return s
	}
	none := engine.NoNode
	cases := []struct {
		name string
		step engine.Step
		want []string
	}{
		{"run started", engine.Step{Kind: engine.RunStarted, Readied: []engine.NodeID{0, 2}}, []string{
			"1 run.submitted @-1000", "2 run.started @0", "3 task.ready @0 upto",
		}},
		{"run finished", engine.Step{Kind: engine.RunFinished, Outcome: engine.OutcomeFailed, Ended: 9}, []string{"1 run.finished @9 failed"}},
		{"run interrupted", engine.Step{Kind: engine.RunFinished, Outcome: engine.OutcomeLost}, []string{"1 run.finished @0 interrupted"}},
		{"paused", engine.Step{Kind: engine.RunPaused, Ended: 5, Node: none}, []string{"1 run.paused @5"}},
		{"resumed", engine.Step{Kind: engine.RunResumed, Ended: 5}, []string{"1 run.resumed @5"}},
		{"deadline", engine.Step{Kind: engine.RunDeadline, Ended: 5}, []string{"1 run.deadline @5"}},
		{"cancel", engine.Step{Kind: engine.CancelRequested, Ended: 5}, []string{"1 run.cancel_requested @5"}},
		{"worker started", engine.Step{Kind: engine.WorkerStarted, Worker: 4, Started: 7}, []string{"1 worker.started @7 on 4"}},
		{"worker stopped", engine.Step{Kind: engine.WorkerStopped, Worker: 4, Ended: 8}, []string{"1 worker.stopped @8 on 4"}},
		{"leak", engine.Step{Kind: engine.SlotLeaked, Worker: 4, Slot: 2, Ended: 8}, []string{"1 slot.leaked @8 on 4/2"}},
		{"announced start", engine.Step{Kind: engine.AttemptStarted, Attempt: 1, Claimed: 3, Started: 4}, []string{
			"1 task.claimed @3 upto try 1 on 0/0", "2 task.started @4 upto try 1 on 0/0",
		}},
		{"finished, expansion readied", attempt(engine.Step{
			Outcome: engine.OutcomeOK, Location: engine.LocationHeld, Became: 2, Readied: []engine.NodeID{2},
		}), []string{
			"1 task.claimed @20 upto try 1 on 1/3", "2 task.started @30 upto try 1 on 1/3",
			"3 task.finished @40 upto try 1 on 1/3", "4 output.held @50 upto try 1 on 1/3",
		}},
		{"announced, dropped, child left to others", attempt(engine.Step{
			Outcome: engine.OutcomeOK, Announced: true, Became: none, Readied: []engine.NodeID{1},
		}), []string{
			"1 task.finished @40 upto try 1 on 1/3", "2 output.dropped @50 upto try 1 on 1/3",
			"3 task.ready @50 sum", "4 task.invoked @50 sum on 1/3 from 0",
		}},
		{"stored, child become", attempt(engine.Step{
			Outcome: engine.OutcomeOK, Announced: true, Location: engine.LocationStored, Became: 1, Readied: []engine.NodeID{1},
		}), []string{
			"1 task.finished @40 upto try 1 on 1/3", "2 output.stored @50 upto try 1 on 1/3",
			"3 task.ready @50 sum", "4 task.became @50 sum on 1/3 from 0",
		}},
		{"a child become that an earlier step readied", attempt(engine.Step{
			Outcome: engine.OutcomeOK, Announced: true, Location: engine.LocationInline, Became: 1,
		}), []string{
			"1 task.finished @40 upto try 1 on 1/3", "2 output.stored @50 upto try 1 on 1/3", "3 task.became @50 sum on 1/3 from 0",
		}},
		{"failed", attempt(engine.Step{Outcome: engine.OutcomeFailed, Announced: true, Became: none}), []string{"1 task.failed @40 upto try 1 on 1/3"}},
		{"retrying", attempt(engine.Step{Outcome: engine.OutcomeRetrying, Announced: true, Attempt: 2, Delay: 7, Became: none}), []string{
			"1 task.retrying @40 upto try 2 on 1/3 after 7ns",
		}},
		{"cancelled", attempt(engine.Step{Outcome: engine.OutcomeCancelled, Announced: true, Became: none}), []string{"1 task.cancelled @40 upto try 1 on 1/3"}},
		{"lost", attempt(engine.Step{Outcome: engine.OutcomeLost, Announced: true, Became: none}), []string{"1 task.lost @40 upto try 1 on 1/3"}},
		{"skipped", engine.Step{Kind: engine.TaskSkipped, Outcome: engine.OutcomeSkipped, Node: 1, Ended: 5}, []string{"1 task.skipped @5 sum"}},
		{"skipped join", engine.Step{Kind: engine.TaskSkipped, Outcome: engine.OutcomeSkipped, Node: 3, Ended: 5}, nil},
		{"expanded", engine.Step{
			Kind: engine.FanOutExpanded, Outcome: engine.OutcomeOK, Node: 2, Width: 2, Updated: 60,
			Became: 4, Readied: []engine.NodeID{4, 6},
		}, []string{
			"1 fanout.expanded @60 on 0/0 width 2", "2 task.ready @60 double[0]", "3 task.ready @60 double[1]",
			"4 task.became @60 double[0] on 0/0 from 2", "5 task.invoked @60 double[1] on 0/0 from 2",
		}},
		{"nothing to expand", engine.Step{
			Kind: engine.FanOutExpanded, Outcome: engine.OutcomeOK, Node: 2, Updated: 60, Became: none, Readied: []engine.NodeID{1},
		}, []string{"1 fanout.expanded @60 on 0/0 width 0", "2 task.ready @60 sum", "3 task.invoked @60 sum on 0/0 from 2"}},
		{"too wide", engine.Step{Kind: engine.FanOutExpanded, Outcome: engine.OutcomeFailed, Node: 2, Updated: 60, Became: none}, []string{
			"1 fanout.failed @60 on 0/0",
		}},
		{"split failed", attempt(engine.Step{Outcome: engine.OutcomeFailed, Node: 2, Became: none}), []string{"1 fanout.failed @50 try 1 on 1/3"}},
		{"split retried", attempt(engine.Step{Outcome: engine.OutcomeRetrying, Node: 2, Became: none}), nil},
		{"unknown kind", engine.Step{Kind: 200, Node: 77, Became: 0}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.step.Seq = 1
			d := engine.NewDecoder(fanOutGraph(t), runInfo)
			var got []string
			for _, e := range d.Events(nil, []engine.Step{c.step}) {
				require.Equal(t, runInfo.ID, e.Run)
				require.Equal(t, 2, e.Revision)
				require.True(t, e.Time.Equal(runInfo.StartedAt.Add(time.Duration(e.At))))
				got = append(got, brief(e))
			}
			require.NoError(t, d.Err())
			require.Equal(t, c.want, got)
			require.Equal(t, len(c.want), engine.NewDecoder(fanOutGraph(t), runInfo).EventCount(&c.step))
		})
	}
}

func TestEventsDoNotDependOnHowStepsCome(t *testing.T) {
	graphs := compiled(t)
	names := slices.Sorted(maps.Keys(graphs))
	rapid.Check(t, func(t *rapid.T) {
		g := graphs[rapid.SampledFrom(names).Draw(t, "graph")]
		steps := enginetest.SimulateSteps(g, rapid.Uint64().Draw(t, "seed"), 3)
		whole := engine.NewDecoder(g, runInfo)
		want := whole.Events(nil, steps)
		d := engine.NewDecoder(g, runInfo)
		var got []engine.Event
		for from := 0; from < len(steps); {
			to := rapid.IntRange(from+1, len(steps)).Draw(t, "to")
			again := rapid.IntRange(0, from).Draw(t, "again from")
			if rapid.Bool().Draw(t, "skip") {
				d.Skip(steps[again:to])
				got = append(got, want[len(got):d.Seq()]...)
			} else {
				got = d.Events(got, steps[again:to])
			}
			d.Metrics(nil, steps[again:to])
			from = to
		}
		require.NoError(t, d.Err())
		require.Equal(t, whole.Seq(), d.Seq())
		require.Equal(t, want, got)
		count := 0
		for i := range steps {
			count += d.EventCount(&steps[i])
		}
		require.Len(t, want, count)
	})
}

func TestEventsOfAnArchivedRun(t *testing.T) {
	for name, g := range compiled(t) {
		steps := enginetest.SimulateSteps(g, 11, 3)
		want := engine.NewDecoder(g, runInfo).Events(nil, steps)
		for i, e := range want {
			require.Equal(t, uint64(i+1), e.Seq)
		}
		shape, err := engine.DecodeShape(g.AppendShape(nil))
		require.NoError(t, err)
		require.Equal(t, want, engine.NewDecoder(shape, runInfo).Events(nil, steps), name)
	}
}

func TestEachTaskIsToldOnce(t *testing.T) {
	for name, g := range compiled(t) {
		steps := enginetest.SimulateSteps(g, 5, 2)
		d := engine.NewDecoder(g, runInfo)
		seen := map[engine.EventKind]map[engine.NodeID]int{}
		for _, e := range d.Events(nil, steps) {
			if e.EventTask == nil || e.Task == nil {
				continue
			}
			if seen[e.Kind] == nil {
				seen[e.Kind] = map[engine.NodeID]int{}
			}
			seen[e.Kind][e.Node]++
		}
		for id := range d.Numbering().Nodes() {
			n := engine.NodeID(id)
			if !d.Numbering().IsTask(n) {
				continue
			}
			require.Equal(t, 1, seen[engine.TaskReadyEvent][n], name)
			require.Equal(t, 1, seen[engine.TaskFinishedEvent][n], name)
			require.Equal(t, 1+seen[engine.TaskRetryingEvent][n], seen[engine.TaskStartedEvent][n], name)
			require.Equal(t, seen[engine.TaskStartedEvent][n], seen[engine.TaskClaimedEvent][n], name)
		}
	}
}

func TestStepsThatDoNotFit(t *testing.T) {
	cases := []struct {
		name string
		step engine.Step
		want string
	}{
		{"gap", engine.Step{Seq: 2}, "step 2 follows on step 0"},
		{"node", engine.Step{Seq: 1, Kind: engine.AttemptEnded, Node: 4, Became: engine.NoNode}, "names node 4, there are 4"},
		{"became", engine.Step{Seq: 1, Kind: engine.AttemptEnded, Became: 9}, "names node 9"},
		{"readied", engine.Step{Seq: 1, Kind: engine.RunStarted, Readied: []engine.NodeID{engine.NoNode}}, "names node 4294967295"},
		{"expands a task", engine.Step{Seq: 1, Kind: engine.FanOutExpanded, Outcome: engine.OutcomeOK, Width: 1}, "node 0, which is no expansion"},
		{"too wide", engine.Step{Seq: 1, Kind: engine.FanOutExpanded, Outcome: engine.OutcomeOK, Node: 2, Width: 1 << 31}, "at most 67108864"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := engine.NewDecoder(fanOutGraph(t), runInfo)
			require.Empty(t, d.Events(nil, []engine.Step{c.step}))
			require.ErrorIs(t, d.Err(), engine.ErrMalformed)
			require.ErrorContains(t, d.Err(), c.want)
			require.Empty(t, d.Events(nil, []engine.Step{{Seq: 1, Kind: engine.RunStarted}}), "nothing is decoded any more")
			require.Empty(t, d.Metrics(nil, []engine.Step{{Seq: 1, Kind: engine.AttemptEnded}}))
		})
	}
}

func TestEventJSON(t *testing.T) {
	step := engine.Step{
		Seq: 1, Kind: engine.AttemptEnded, Outcome: engine.OutcomeOK, Location: engine.LocationHeld, Announced: true, Attempt: 1,
		Ready: 1, Claimed: 3, Started: 6, Fetch: 2, Ended: 10, Updated: 15, OutputBytes: engine.UnknownSize, Became: engine.NoNode,
	}
	events := engine.NewDecoder(treeGraph(t, 4), runInfo).Events(nil, []engine.Step{step})
	text, err := json.Marshal(events[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"run": "r1", "revision": 2, "seq": 1, "kind": "task.finished", "time": "2024-05-01T12:00:00.00000101Z",
		"at_ns": 10, "task": {"function": "plus", "version": 0, "path": [0]}, "node": 0, "attempt": 1, "worker": 0, "slot": 0,
		"queue_ns": 2, "wait_ns": 1, "fetch_ns": 2, "execute_ns": 4, "store_ns": 0, "update_ns": 5,
		"input_bytes": 0, "output_bytes": -1, "stored_bytes": 0, "location": "held"}`, string(text))
	var back engine.Event
	require.NoError(t, json.Unmarshal(text, &back))
	require.Empty(t, cmp.Diff(events[0], back))
	text, err = json.Marshal(engine.NewDecoder(treeGraph(t, 4), runInfo).Events(nil, []engine.Step{{Seq: 1, Kind: engine.RunFinished, Outcome: engine.OutcomeOK}})[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"run": "r1", "revision": 2, "seq": 1, "kind": "run.finished", "time": "2024-05-01T12:00:00.000001Z",
		"at_ns": 0, "status": "succeeded"}`, string(text))
}

func TestNamesOfOutcomesAndLocations(t *testing.T) {
	for o := range engine.Outcome(7) {
		text, err := o.MarshalText()
		require.NoError(t, err)
		var back engine.Outcome
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, o, back)
	}
	for l := range engine.Location(4) {
		text, err := l.MarshalText()
		require.NoError(t, err)
		var back engine.Location
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, l, back)
	}
	require.Equal(t, "outcome(7)", engine.Outcome(7).String())
	require.Equal(t, "location(4)", engine.Location(4).String())
	require.ErrorContains(t, new(engine.Outcome).UnmarshalText([]byte("nope")), `"nope" is not an outcome, expected one of [none ok`)
}

func FuzzDecoder(f *testing.F) {
	for _, g := range compiled(f) {
		f.Add(g.AppendShape(nil), engine.AppendSteps(nil, enginetest.SimulateSteps(g, 3, 2)))
	}
	f.Fuzz(func(t *testing.T, shape, block []byte) {
		g, err := engine.DecodeShape(shape)
		if err != nil {
			return
		}
		steps, err := engine.DecodeSteps(block, nil)
		if err != nil {
			return
		}
		steps = slices.DeleteFunc(steps, func(s engine.Step) bool { return len(s.Readied) > 1000 })
		events := engine.NewDecoder(g, runInfo).Events(nil, steps)
		d := engine.NewDecoder(g, runInfo)
		d.Metrics(nil, steps)
		count := 0
		for i := range steps {
			count += d.EventCount(&steps[i])
		}
		require.True(t, d.Err() != nil || count >= len(events))
	})
}

// The log of a run continues when what failed is tried again.
func TestNextRevisionHasEvents(t *testing.T) {
	d := engine.NewDecoder(treeGraph(t, 4), runInfo)
	var kinds []engine.EventKind
	for _, e := range d.Events(nil, []engine.Step{
		{Seq: 1, Kind: engine.RunStarted},
		{Seq: 2, Kind: engine.RunFinished, Outcome: engine.OutcomeFailed},
		{Seq: 3, Kind: engine.RunStarted, Readied: []engine.NodeID{0}},
	}) {
		kinds = append(kinds, e.Kind)
	}
	require.NoError(t, d.Err())
	require.Equal(t, []engine.EventKind{
		engine.RunSubmittedEvent, engine.RunStartedEvent, engine.RunFinishedEvent, engine.RunRetriedEvent, engine.TaskReadyEvent,
	}, kinds)
}
