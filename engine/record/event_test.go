package record_test

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

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

var runInfo = record.RunInfo{
	ID: "r1", Revision: 2, Workflow: "w", SubmittedAt: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC),
	StartedAt: time.Date(2024, 5, 1, 12, 0, 0, 1000, time.UTC),
}

// brief is an event as one line.
func brief(e record.Event) string {
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
	attempt := func(s record.Step) record.Step { // of node 0, unless s says otherwise
		s.Kind, s.Worker, s.Slot = record.AttemptEnded, 1, 3
		s.Attempt = max(s.Attempt, 1)
		s.Ready, s.Claimed, s.Started, s.Ended, s.Updated = 10, 20, 30, 40, 50
		return s
	}
	none := dag.NoNode
	cases := []struct {
		name string
		step record.Step
		want []string
	}{
		{"run started", record.Step{Kind: record.RunStarted, Readied: []dag.NodeID{0, 2}}, []string{
			"1 run.submitted @-1000", "2 run.started @0", "3 task.ready @0 upto",
		}},
		{"run finished", record.Step{Kind: record.RunFinished, Outcome: record.OutcomeFailed, Ended: 9}, []string{"1 run.finished @9 failed"}},
		{"run interrupted", record.Step{Kind: record.RunFinished, Outcome: record.OutcomeLost}, []string{"1 run.finished @0 interrupted"}},
		{"paused", record.Step{Kind: record.RunPaused, Ended: 5, Node: none}, []string{"1 run.paused @5"}},
		{"resumed", record.Step{Kind: record.RunResumed, Ended: 5}, []string{"1 run.resumed @5"}},
		{"deadline", record.Step{Kind: record.RunDeadline, Ended: 5}, []string{"1 run.deadline @5"}},
		{"cancel", record.Step{Kind: record.CancelRequested, Ended: 5}, []string{"1 run.cancel_requested @5"}},
		{"worker started", record.Step{Kind: record.WorkerStarted, Worker: 4, Started: 7}, []string{"1 worker.started @7 on 4"}},
		{"worker stopped", record.Step{Kind: record.WorkerStopped, Worker: 4, Ended: 8}, []string{"1 worker.stopped @8 on 4"}},
		{"leak", record.Step{Kind: record.SlotLeaked, Worker: 4, Slot: 2, Ended: 8}, []string{"1 slot.leaked @8 on 4/2"}},
		{"announced start", record.Step{Kind: record.AttemptStarted, Attempt: 1, Claimed: 3, Started: 4}, []string{
			"1 task.claimed @3 upto try 1 on 0/0", "2 task.started @4 upto try 1 on 0/0",
		}},
		{"finished, expansion readied", attempt(record.Step{
			Outcome: record.OutcomeOK, Location: record.LocationHeld, Became: 2, Readied: []dag.NodeID{2},
		}), []string{
			"1 task.claimed @20 upto try 1 on 1/3", "2 task.started @30 upto try 1 on 1/3",
			"3 task.finished @40 upto try 1 on 1/3", "4 output.held @50 upto try 1 on 1/3",
		}},
		{"announced, dropped, child left to others", attempt(record.Step{
			Outcome: record.OutcomeOK, Announced: true, Became: none, Readied: []dag.NodeID{1},
		}), []string{
			"1 task.finished @40 upto try 1 on 1/3", "2 output.dropped @50 upto try 1 on 1/3",
			"3 task.ready @50 sum", "4 task.invoked @50 sum on 1/3 from 0",
		}},
		{"stored, child become", attempt(record.Step{
			Outcome: record.OutcomeOK, Announced: true, Location: record.LocationStored, Became: 1, Readied: []dag.NodeID{1},
		}), []string{
			"1 task.finished @40 upto try 1 on 1/3", "2 output.stored @50 upto try 1 on 1/3",
			"3 task.ready @50 sum", "4 task.became @50 sum on 1/3 from 0",
		}},
		{"a child become that an earlier step readied", attempt(record.Step{
			Outcome: record.OutcomeOK, Announced: true, Location: record.LocationInline, Became: 1,
		}), []string{
			"1 task.finished @40 upto try 1 on 1/3", "2 output.stored @50 upto try 1 on 1/3", "3 task.became @50 sum on 1/3 from 0",
		}},
		{"failed", attempt(record.Step{Outcome: record.OutcomeFailed, Announced: true, Became: none}), []string{"1 task.failed @40 upto try 1 on 1/3"}},
		{"retrying", attempt(record.Step{Outcome: record.OutcomeRetrying, Announced: true, Attempt: 2, Delay: 7, Became: none}), []string{
			"1 task.retrying @40 upto try 2 on 1/3 after 7ns",
		}},
		{"cancelled", attempt(record.Step{Outcome: record.OutcomeCancelled, Announced: true, Became: none}), []string{"1 task.cancelled @40 upto try 1 on 1/3"}},
		{"lost", attempt(record.Step{Outcome: record.OutcomeLost, Announced: true, Became: none}), []string{"1 task.lost @40 upto try 1 on 1/3"}},
		{"cached, child left to others", attempt(record.Step{Outcome: record.OutcomeCached, Became: none, Readied: []dag.NodeID{1}}), []string{
			"1 task.cached @40 upto try 1 on 1/3", "2 task.ready @50 sum", "3 task.invoked @50 sum on 1/3 from 0",
		}},
		{"skipped", record.Step{Kind: record.TaskSkipped, Outcome: record.OutcomeSkipped, Node: 1, Ended: 5}, []string{"1 task.skipped @5 sum"}},
		{"skipped join", record.Step{Kind: record.TaskSkipped, Outcome: record.OutcomeSkipped, Node: 3, Ended: 5}, nil},
		{"expanded", record.Step{
			Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: 2, Width: 2, Updated: 60,
			Became: 4, Readied: []dag.NodeID{4, 6},
		}, []string{
			"1 fanout.expanded @60 on 0/0 width 2", "2 task.ready @60 double[0]", "3 task.ready @60 double[1]",
			"4 task.became @60 double[0] on 0/0 from 2", "5 task.invoked @60 double[1] on 0/0 from 2",
		}},
		{"nothing to expand", record.Step{
			Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: 2, Updated: 60, Became: none, Readied: []dag.NodeID{1},
		}, []string{"1 fanout.expanded @60 on 0/0 width 0", "2 task.ready @60 sum", "3 task.invoked @60 sum on 0/0 from 2"}},
		{"too wide", record.Step{Kind: record.FanOutExpanded, Outcome: record.OutcomeFailed, Node: 2, Updated: 60, Became: none}, []string{
			"1 fanout.failed @60 on 0/0",
		}},
		{"split failed", attempt(record.Step{Outcome: record.OutcomeFailed, Node: 2, Became: none}), []string{"1 fanout.failed @50 try 1 on 1/3"}},
		{"split retried", attempt(record.Step{Outcome: record.OutcomeRetrying, Node: 2, Became: none}), nil},
		{"unknown kind", record.Step{Kind: 200, Node: 77, Became: 0}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.step.Seq = 1
			d := record.NewDecoder(enginetest.FanOutGraph(t), runInfo)
			var got []string
			for _, e := range d.Events(nil, []record.Step{c.step}) {
				require.Equal(t, runInfo.ID, e.Run)
				require.Equal(t, 2, e.Revision)
				require.True(t, e.Time.Equal(runInfo.StartedAt.Add(time.Duration(e.At))))
				got = append(got, brief(e))
			}
			require.NoError(t, d.Err())
			require.Equal(t, c.want, got)
			require.Equal(t, len(c.want), record.NewDecoder(enginetest.FanOutGraph(t), runInfo).EventCount(&c.step))
		})
	}
}

func TestEventsDoNotDependOnHowStepsCome(t *testing.T) {
	graphs := enginetest.Compiled(t)
	names := slices.Sorted(maps.Keys(graphs))
	rapid.Check(t, func(t *rapid.T) {
		g := graphs[rapid.SampledFrom(names).Draw(t, "graph")]
		steps := enginetest.SimulateSteps(g, rapid.Uint64().Draw(t, "seed"), 3)
		whole := record.NewDecoder(g, runInfo)
		want := whole.Events(nil, steps)
		d := record.NewDecoder(g, runInfo)
		var got []record.Event
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
	for name, g := range enginetest.Compiled(t) {
		steps := enginetest.SimulateSteps(g, 11, 3)
		want := record.NewDecoder(g, runInfo).Events(nil, steps)
		for i, e := range want {
			require.Equal(t, uint64(i+1), e.Seq)
		}
		shape, err := dag.DecodeShape(g.AppendShape(nil))
		require.NoError(t, err)
		require.Equal(t, want, record.NewDecoder(shape, runInfo).Events(nil, steps), name)
	}
}

func TestEachTaskIsReportedOnce(t *testing.T) {
	for name, g := range enginetest.Compiled(t) {
		steps := enginetest.SimulateSteps(g, 5, 2)
		d := record.NewDecoder(g, runInfo)
		seen := map[record.EventKind]map[dag.NodeID]int{}
		for _, e := range d.Events(nil, steps) {
			if e.EventTask == nil || e.Task == nil {
				continue
			}
			if seen[e.Kind] == nil {
				seen[e.Kind] = map[dag.NodeID]int{}
			}
			seen[e.Kind][e.Node]++
		}
		for id := range d.Numbering().Nodes() {
			n := dag.NodeID(id)
			if !d.Numbering().IsTask(n) {
				continue
			}
			require.Equal(t, 1, seen[record.TaskReadyEvent][n], name)
			require.Equal(t, 1, seen[record.TaskFinishedEvent][n], name)
			require.Equal(t, 1+seen[record.TaskRetryingEvent][n], seen[record.TaskStartedEvent][n], name)
			require.Equal(t, seen[record.TaskStartedEvent][n], seen[record.TaskClaimedEvent][n], name)
		}
	}
}

func TestStepsThatDoNotFit(t *testing.T) {
	cases := []struct {
		name string
		step record.Step
		want string
	}{
		{"gap", record.Step{Seq: 2}, "step 2 follows on step 0"},
		{"node", record.Step{Seq: 1, Kind: record.AttemptEnded, Node: 4, Became: dag.NoNode}, "names node 4, there are 4"},
		{"became", record.Step{Seq: 1, Kind: record.AttemptEnded, Became: 9}, "names node 9"},
		{"readied", record.Step{Seq: 1, Kind: record.RunStarted, Readied: []dag.NodeID{dag.NoNode}}, "names node 4294967295"},
		{"expands a task", record.Step{Seq: 1, Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Width: 1}, "node 0, which is no expansion"},
		{"too wide", record.Step{Seq: 1, Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: 2, Width: 1 << 31}, "at most 67108864"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := record.NewDecoder(enginetest.FanOutGraph(t), runInfo)
			require.Empty(t, d.Events(nil, []record.Step{c.step}))
			require.ErrorIs(t, d.Err(), codec.ErrMalformed)
			require.ErrorContains(t, d.Err(), c.want)
			require.Empty(t, d.Events(nil, []record.Step{{Seq: 1, Kind: record.RunStarted}}), "nothing is decoded any more")
			require.Empty(t, d.Metrics(nil, []record.Step{{Seq: 1, Kind: record.AttemptEnded}}))
		})
	}
}

func TestEventJSON(t *testing.T) {
	step := record.Step{
		Seq: 1, Kind: record.AttemptEnded, Outcome: record.OutcomeOK, Location: record.LocationHeld, Announced: true, Attempt: 1,
		Ready: 1, Claimed: 3, Started: 6, Fetch: 2, Ended: 10, Updated: 15, OutputBytes: codec.UnknownSize, Became: dag.NoNode,
	}
	events := record.NewDecoder(enginetest.TreeGraph(t, 4), runInfo).Events(nil, []record.Step{step})
	text, err := json.Marshal(events[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"run": "r1", "revision": 2, "seq": 1, "kind": "task.finished", "time": "2024-05-01T12:00:00.00000101Z",
		"at_ns": 10, "task": {"function": "plus", "version": 0, "path": [0]}, "node": 0, "attempt": 1, "worker": 0, "slot": 0,
		"queue_ns": 2, "wait_ns": 1, "fetch_ns": 2, "execute_ns": 4, "store_ns": 0, "update_ns": 5,
		"input_bytes": 0, "output_bytes": -1, "stored_bytes": 0, "location": "held"}`, string(text))
	var back record.Event
	require.NoError(t, json.Unmarshal(text, &back))
	require.Empty(t, cmp.Diff(events[0], back))
	text, err = json.Marshal(record.NewDecoder(enginetest.TreeGraph(t, 4), runInfo).Events(nil, []record.Step{{Seq: 1, Kind: record.RunFinished, Outcome: record.OutcomeOK}})[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"run": "r1", "revision": 2, "seq": 1, "kind": "run.finished", "time": "2024-05-01T12:00:00.000001Z",
		"at_ns": 0, "status": "succeeded"}`, string(text))
}

func TestNamesOfOutcomesAndLocations(t *testing.T) {
	for o := range record.Outcome(8) {
		text, err := o.MarshalText()
		require.NoError(t, err)
		var back record.Outcome
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, o, back)
	}
	for l := range record.Location(4) {
		text, err := l.MarshalText()
		require.NoError(t, err)
		var back record.Location
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, l, back)
	}
	require.Equal(t, "outcome(8)", record.Outcome(8).String())
	require.Equal(t, "location(4)", record.Location(4).String())
	require.ErrorContains(t, new(record.Outcome).UnmarshalText([]byte("nope")), `"nope" is not an outcome, expected one of [none ok`)
}

func FuzzDecoder(f *testing.F) {
	for _, g := range enginetest.Compiled(f) {
		f.Add(g.AppendShape(nil), record.AppendSteps(nil, enginetest.SimulateSteps(g, 3, 2)))
	}
	f.Fuzz(func(t *testing.T, shape, block []byte) {
		g, err := dag.DecodeShape(shape)
		if err != nil {
			return
		}
		steps, err := record.DecodeSteps(block, nil)
		if err != nil {
			return
		}
		steps = slices.DeleteFunc(steps, func(s record.Step) bool { return len(s.Readied) > 1000 })
		events := record.NewDecoder(g, runInfo).Events(nil, steps)
		d := record.NewDecoder(g, runInfo)
		d.Metrics(nil, steps)
		count := 0
		for i := range steps {
			count += d.EventCount(&steps[i])
		}
		require.True(t, d.Err() != nil || count >= len(events))
	})
}

// The log of a run continues when failed tasks are tried again.
func TestNextRevisionHasEvents(t *testing.T) {
	d := record.NewDecoder(enginetest.TreeGraph(t, 4), runInfo)
	var kinds []record.EventKind
	for _, e := range d.Events(nil, []record.Step{
		{Seq: 1, Kind: record.RunStarted},
		{Seq: 2, Kind: record.RunFinished, Outcome: record.OutcomeFailed},
		{Seq: 3, Kind: record.RunStarted, Readied: []dag.NodeID{0}},
	}) {
		kinds = append(kinds, e.Kind)
	}
	require.NoError(t, d.Err())
	require.Equal(t, []record.EventKind{
		record.RunSubmittedEvent, record.RunStartedEvent, record.RunFinishedEvent, record.RunRetriedEvent, record.TaskReadyEvent,
	}, kinds)
}
