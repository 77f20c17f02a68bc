package runtable_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

const (
	noNode = dag.NoNode
	ok     = record.OutcomeOK
	whole  = runtable.HasReady | runtable.HasClaimed | runtable.HasStarted | runtable.HasEnded | runtable.HasUpdated
)

// ended is the end of an attempt that was ready at a moment, and took 10 ns for everything that follows.
func ended(seq uint64, node dag.NodeID, attempt uint16, o record.Outcome, ready int64) record.Step {
	return record.Step{
		Seq: seq, Kind: record.AttemptEnded, Node: node, Attempt: attempt, Outcome: o, Worker: 2, Slot: 1, Ready: ready,
		Claimed: ready + 10, Started: ready + 20, Ended: ready + 30, Updated: ready + 40, Became: noNode,
	}
}

// eventful is a run in which everything happens that a row can show. Tasks of the graph: 0 grow, 1 to 4 leaf, 5
// sum, 6 total.
func eventful(t *testing.T) *runtable.Table {
	t.Helper()
	g := nested(t, 4)
	require.Equal(t, 7, g.Tasks())
	announced := record.Step{
		Seq: 3, Kind: record.AttemptStarted, Node: 1, Attempt: 1, Worker: 1, Slot: 3, Ready: 0, Claimed: 5, Started: 6, Became: noNode,
	}
	grown := ended(4, 0, 1, ok, 0)
	grown.Readied, grown.Became, grown.Head, grown.OutputBytes = []dag.NodeID{7}, 7, true, 80
	grown.Location, grown.StoredBytes = record.LocationStored, 90
	flaky := ended(6, 1, 1, record.OutcomeRetrying, 0)
	flaky.Worker, flaky.Slot, flaky.Delay, flaky.Fetch = 1, 3, 500*time.Nanosecond, 7
	return folded(t, g, []record.Step{
		{Seq: 1, Kind: record.RunStarted, Readied: []dag.NodeID{0, 1, 2, 3, 4}, Became: noNode},
		{Seq: 2, Kind: record.WorkerStarted, Worker: 2, Started: 3, Became: noNode},
		announced, grown,
		{Seq: 5, Kind: record.FanOutExpanded, Node: 7, Outcome: ok, Width: 2, Ended: 50, Readied: []dag.NodeID{9, 11}, Became: noNode},
		flaky,
		ended(7, 2, 1, record.OutcomeLost, 0),
		ended(8, 3, 1, record.OutcomeFailed, 0),
		{Seq: 9, Kind: record.TaskSkipped, Node: 5, Outcome: record.OutcomeSkipped, Ended: 44, Became: noNode},
		{Seq: 10, Kind: record.CancelRequested, Ended: 60, Became: noNode},
		ended(11, 9, 1, record.OutcomeCancelled, 50),
		{Seq: 12, Kind: record.SlotLeaked, Worker: 2, Slot: 1, Ended: 61, Became: noNode},
		{Seq: 13, Kind: record.RunFinished, Outcome: record.OutcomeCancelled, Ended: 99, Became: noNode},
	})
}

func TestTable(t *testing.T) {
	v := &eventful(t).View
	moments := func(r runtable.Row, ready int64) runtable.Row {
		r.Worker, r.Slot, r.Has, r.Ready = 2, 1, whole, ready
		r.Claimed, r.Started, r.Ended, r.Updated = ready+10, ready+20, ready+30, ready+40
		return r
	}
	waiting := func(node dag.NodeID, attempt uint16, ready int64) runtable.Row {
		return runtable.Row{
			Node: node, Attempt: attempt, Worker: runtable.NoWorker, Has: runtable.HasReady, Ready: ready, OutputBytes: -1, StoredBytes: -1,
		}
	}
	retried := moments(runtable.Row{Node: 1, Attempt: 1, Outcome: record.OutcomeRetrying, Fetch: 7}, 0)
	retried.Worker, retried.Slot = 1, 3
	want := []runtable.Row{
		moments(runtable.Row{
			Node: 0, Attempt: 1, Outcome: ok, Flags: runtable.Head | runtable.Became | runtable.Stored, OutputBytes: 80, StoredBytes: 90,
		}, 0),
		retried,
		moments(runtable.Row{Node: 2, Attempt: 1, Outcome: record.OutcomeLost}, 0),
		moments(runtable.Row{Node: 3, Attempt: 1, Outcome: record.OutcomeFailed}, 0),
		waiting(4, 1, 0),
		moments(runtable.Row{Node: 9, Attempt: 1, Outcome: record.OutcomeCancelled}, 50),
		waiting(1, 2, 530),
		waiting(2, 2, 40),
		{
			Node: 5, Attempt: 1, Worker: runtable.NoWorker, Outcome: record.OutcomeSkipped, Has: runtable.HasUpdated, Updated: 44,
			OutputBytes: -1, StoredBytes: -1,
		},
	}
	got := contentOf(v)
	assert.Equal(t, want, got.Rows)
	assert.Equal(t, []int{1, 6}, v.RowsOf(1))
	assert.Equal(t, []runtable.Mark{
		{Kind: record.RunStarted},
		{Kind: record.WorkerStarted, At: 3, Value: 2},
		{Kind: record.CancelRequested, At: 60},
		{Kind: record.SlotLeaked, At: 61, Value: 2},
		{Kind: record.RunFinished, At: 99, Value: uint32(record.OutcomeCancelled)},
	}, got.Marks)
	assert.Equal(t, []runtable.Expansion{{Node: 7, Width: 2, First: 9}}, got.Expansions)
	assert.True(t, v.Ended())
	assert.Equal(t, int64(99), v.End())
	assert.Equal(t, 9, v.Tasks(), "each of two instances has one task before it fans out itself")
}

func TestStates(t *testing.T) {
	v := eventful(t)
	for _, c := range []struct {
		node dag.NodeID
		at   int64
		want runtable.State
	}{
		{0, -1, runtable.Pending},
		{0, 0, runtable.Ready},
		{0, 10, runtable.Fetching},
		{0, 20, runtable.Running},
		{0, 30, runtable.Storing},
		{0, 40, runtable.Succeeded},
		{1, 40, runtable.Retrying},
		{2, 40, runtable.Retrying},
		{2, 98, runtable.Retrying},
		{2, 99, runtable.Lost},
		{3, 41, runtable.Failed},
		{1, 98, runtable.Retrying},
		{1, 99, runtable.Failed},
		{1, 530, runtable.Failed},
		{4, 98, runtable.Ready},
		{4, 99, runtable.NotRun},
		{5, 43, runtable.Pending},
		{5, 44, runtable.Skipped},
		{6, 98, runtable.Pending},
		{6, 99, runtable.NotRun},
		{9, 49, runtable.Pending},
		{9, 90, runtable.Cancelled},
		{11, 0, runtable.Pending},
		{1 << 20, 0, runtable.Pending},
		{1 << 20, 99, runtable.NotRun},
	} {
		assert.Equal(t, c.want, v.StateAt(c.node, c.at), "node %d at %d: %s", c.node, c.at, v.StateAt(c.node, c.at))
	}
}

// troubled is the log of a run in which a worker dies and its unstored outputs are computed again; the run fails and is
// continued.
func troubled(t *testing.T) (*dag.Graph, []record.Step) {
	lost := func(seq uint64, node dag.NodeID) record.Step { // reported by a process that did not see it begin
		return record.Step{Seq: seq, Kind: record.AttemptEnded, Node: node, Attempt: 1, Worker: 1, Outcome: record.OutcomeLost, Ended: 80, Updated: 80, Became: noNode}
	}
	again := ended(9, 0, 1, ok, 80) // no step said that it is computed again
	again.Epoch = 1
	retried := ended(8, 1, 2, ok, 80)
	continued := ended(14, 2, 1, ok, 200)
	continued.Epoch = 1
	steps := []record.Step{
		{Seq: 1, Kind: record.RunStarted, Readied: []dag.NodeID{0, 1, 2, 3}, Became: noNode},
		{Seq: 2, Kind: record.WorkerStarted, Worker: 1, Started: 3, Became: noNode},
		ended(3, 0, 1, ok, 0),
		{Seq: 4, Kind: record.AttemptStarted, Node: 1, Attempt: 1, Worker: 1, Slot: 3, Head: true, Ready: 1, Claimed: 5, Started: 9, Fetch: 2, Became: noNode},
		lost(5, 1),
		lost(6, 3), // its start was not announced
		{Seq: 7, Kind: record.WorkerStopped, Worker: 1, Outcome: record.OutcomeLost, Ended: 80, Became: noNode},
		retried, again,
		ended(10, 2, 1, record.OutcomeFailed, 90),
		ended(11, 6, 1, record.OutcomeCached, 90), // only imported runs have such
		{Seq: 11, Kind: record.TaskSkipped, Node: 5, Ended: 140, Became: noNode},
		{Seq: 12, Kind: record.RunFinished, Outcome: record.OutcomeFailed, Ended: 150, Became: noNode},
		{Seq: 13, Kind: record.RunStarted, Ended: 200, Readied: []dag.NodeID{2}, Became: noNode},
		continued,
		{Seq: 15, Kind: record.RunFinished, Outcome: record.OutcomeCancelled, Ended: 300, Became: noNode},
	}
	for i := range steps {
		steps[i].Seq = uint64(i + 1)
	}
	return nested(t, 4), steps
}

func TestLostAndDoneAgain(t *testing.T) {
	g, steps := troubled(t)
	table := folded(t, g, steps)
	row := table.Row(table.RowsOf(1)[0])
	assert.Equal(t, runtable.Row{
		Node: 1, Attempt: 1, Worker: 1, Slot: 3, Outcome: record.OutcomeLost, Flags: runtable.Head, Has: whole,
		Ready: 1, Claimed: 5, Started: 9, Ended: 80, Updated: 80, Fetch: 2, OutputBytes: -1, StoredBytes: -1,
	}, row, "what its announcement said stays")
	row = table.Row(table.RowsOf(3)[0])
	assert.Equal(t, runtable.HasReady|runtable.HasUpdated, row.Has)
	assert.Equal(t, int64(80), row.Updated)
	for node, want := range map[dag.NodeID][][2]uint16{ // epoch and attempt of its rows
		0: {{0, 1}, {1, 1}}, 1: {{0, 1}, {0, 2}}, 2: {{0, 1}, {1, 1}}, 3: {{0, 1}, {0, 2}}, 5: {{0, 1}},
	} {
		var got [][2]uint16
		for _, i := range table.RowsOf(node) {
			got = append(got, [2]uint16{table.Row(i).Epoch, table.Row(i).Attempt})
		}
		assert.Equal(t, want, got, "node %d", node)
	}
	assert.Contains(t, table.Marks(), runtable.Mark{Kind: record.WorkerStopped, At: 80, Value: 1 | runtable.WorkerLost})
	for _, c := range []struct {
		node dag.NodeID
		at   int64
		want runtable.State
	}{
		{1, 79, runtable.Running},
		{1, 80, runtable.Retrying},
		{1, 100, runtable.Running},
		{1, 120, runtable.Succeeded},
		{0, 79, runtable.Succeeded},
		{0, 80, runtable.Ready},
		{0, 120, runtable.Succeeded},
		{0, 250, runtable.Succeeded},
		{2, 130, runtable.Failed},
		{2, 199, runtable.Failed},
		{2, 200, runtable.Ready},
		{2, 240, runtable.Succeeded},
		{6, 115, runtable.Fetching}, // nothing runs
		{6, 129, runtable.Storing},
		{6, 130, runtable.Cached},
		{6, 250, runtable.Cached}, // it is done, so the next revision does not repeat it
		{5, 199, runtable.Skipped},
		{5, 200, runtable.Pending},
		{5, 299, runtable.Pending},
		{5, 300, runtable.NotRun},
		{3, 100, runtable.Retrying},
		{3, 149, runtable.Retrying},
		{3, 150, runtable.Lost},
		{3, 200, runtable.Retrying},
		{3, 300, runtable.NotRun}, // the next revision had to repeat it
		{4, 149, runtable.Pending},
		{4, 150, runtable.NotRun},
		{4, 199, runtable.NotRun},
		{4, 200, runtable.Pending},
		{4, 300, runtable.NotRun},
	} {
		assert.Equal(t, c.want, table.StateAt(c.node, c.at), "node %d at %d: %s", c.node, c.at, table.StateAt(c.node, c.at))
	}
	var copied runtable.Copy
	pull(t, table, &copied, runtable.Cursor{}, 3)
	assert.Equal(t, runtable.Pending, copied.StateAt(5, 250), "a copy knows of it too")
}

// TestUnfinished: an attempt that was active when the log ended is lost from then on, and not before.
func TestUnfinished(t *testing.T) {
	table := folded(t, nested(t, 2), []record.Step{
		{Seq: 1, Kind: record.RunStarted, Readied: []dag.NodeID{0, 1}, Became: noNode},
		{Seq: 2, Kind: record.AttemptStarted, Node: 1, Attempt: 1, Ready: 0, Claimed: 5, Started: 6, Became: noNode},
		ended(3, 0, 1, ok, 60),
	})
	assert.Equal(t, runtable.Running, table.StateAt(1, 1000))
	assert.False(t, table.Ended())
	table.Complete()
	assert.True(t, table.Ended())
	assert.Equal(t, runtable.Running, table.StateAt(1, 99))
	assert.Equal(t, runtable.Lost, table.StateAt(1, table.End()))
	assert.Equal(t, int64(100), table.End())
	require.NoError(t, table.Steps([]record.Step{{Seq: 4, Kind: record.RunResumed, Ended: 200, Became: noNode}}))
	assert.False(t, table.Ended(), "another revision continues")
}

// TestRepeatedLives: rows of a task that is repeated, whatever epoch and attempt the log has for it.
func TestRepeatedLives(t *testing.T) {
	again := func(seq uint64, node dag.NodeID) record.Step {
		return record.Step{Seq: seq, Kind: record.RunResumed, Readied: []dag.NodeID{node}, Ended: 100, Became: noNode}
	}
	second := ended(4, 0, 1, ok, 100)
	second.Epoch = 1
	table := folded(t, nested(t, 2), []record.Step{
		{Seq: 1, Kind: record.RunStarted, Readied: []dag.NodeID{0, 1, 0}, Became: noNode},
		ended(2, 0, 1, ok, 0), again(3, 0), second,
		ended(5, 1, 1, record.OutcomeLost, 0), ended(6, 1, 1, ok, 100),
	})
	type life struct {
		node           dag.NodeID
		epoch, attempt uint16
		outcome        record.Outcome
	}
	var got []life
	for i := range table.Rows() {
		r := table.Row(i)
		got = append(got, life{r.Node, r.Epoch, r.Attempt, r.Outcome})
	}
	assert.Equal(t, []life{{0, 0, 1, ok}, {1, 0, 1, record.OutcomeLost}, {0, 1, 1, ok}, {1, 0, 1, ok}}, got)
}

// TestRowsAreMetrics: durations between the moments of a row are those of the record of the attempt, whatever clocks
// say.
func TestRowsAreMetrics(t *testing.T) {
	for seed := range uint64(6) {
		g, steps := simulated(t, seed, 200)
		if seed > 2 {
			for i := range steps {
				steps[i].Claimed -= int64(i%3) * 5000
				steps[i].Ended -= int64(i%5) * 3000
				steps[i].Fetch *= int64(i % 7)
			}
		}
		table := folded(t, g, steps)
		seen := 0
		for _, m := range record.NewDecoder(g, record.RunInfo{}).Metrics(nil, steps) {
			rows := table.RowsOf(m.Node)
			r := table.Row(rows[m.Attempt-1])
			update, store := r.Updated-r.Ended, int64(0)
			if r.Flags&runtable.Stored != 0 {
				update, store = 0, update
			}
			require.Equal(t, m.Phases, record.Phases{
				Queue: time.Duration(r.Claimed - r.Ready), Wait: time.Duration(r.Started - r.Claimed - r.Fetch), Fetch: time.Duration(r.Fetch),
				Execute: time.Duration(r.Ended - r.Started), Store: time.Duration(store), Update: time.Duration(update),
			}, "%+v", r)
			require.Equal(t, []any{m.Outcome, m.Worker, m.Slot, m.Output, m.Stored}, []any{r.Outcome, int(r.Worker), int(r.Slot), r.OutputBytes, r.StoredBytes})
			seen++
		}
		assert.Equal(t, table.Rows(), seen, "each row is of a record")
		for i := range table.Rows() {
			r := table.Row(i)
			require.True(t, r.Ready <= r.Claimed && r.Claimed <= r.Started && r.Started <= r.Ended && r.Ended <= r.Updated, "%+v", r)
		}
	}
}

func TestCutsDoNotMatter(t *testing.T) {
	g, steps := simulated(t, 2, 300)
	want := contentOf(&folded(t, g, steps).View)
	rapid.Check(t, func(rt *rapid.T) {
		table := runtable.New(g)
		for at := 0; at < len(steps); {
			n := rapid.IntRange(1, 300).Draw(rt, "steps")
			back := rapid.IntRange(0, min(at, 50)).Draw(rt, "again")
			require.NoError(rt, table.Steps(steps[at-back:min(at+n, len(steps))]))
			at += n
		}
		require.Equal(rt, want, contentOf(&table.View))
	})
}

func TestMalformedSteps(t *testing.T) {
	for name, s := range map[string]record.Step{
		"no such node":     {Seq: 2, Kind: record.AttemptEnded, Node: 99},
		"readied nothing":  {Seq: 2, Kind: record.RunResumed, Readied: []dag.NodeID{99}},
		"expands a task":   {Seq: 2, Kind: record.FanOutExpanded, Outcome: ok, Node: 1, Width: 3},
		"expands too much": {Seq: 2, Kind: record.FanOutExpanded, Outcome: ok, Node: 7, Width: 1 << 31},
	} {
		t.Run(name, func(t *testing.T) {
			table := folded(t, nested(t, 4), []record.Step{{Seq: 1, Kind: record.RunStarted, Readied: []dag.NodeID{0}, Became: noNode}})
			require.ErrorIs(t, table.Steps([]record.Step{s}), codec.ErrMalformed)
			assert.Equal(t, 1, table.Rows())
		})
	}
}

// TestUsageOfRows: a row has the measured usage of its attempt, and none if nothing was measured.
func TestUsageOfRows(t *testing.T) {
	unknown := &record.Usage{CPU: -1, MemoryBytes: -1, ReadBytes: -1, WrittenBytes: -1, InputBytes: 7}
	using := func(seq uint64, node dag.NodeID, u *record.Usage) record.Step {
		s := ended(seq, node, 1, ok, 0)
		s.Usage = u
		return s
	}
	table := folded(t, nested(t, 4), []record.Step{
		{Seq: 1, Kind: record.RunStarted, Readied: []dag.NodeID{0, 1, 2, 3}, Became: noNode},
		using(2, 0, &record.Usage{CPU: 3 * time.Second, MemoryBytes: 1 << 20, ReadBytes: -1, WrittenBytes: math.MaxInt64}),
		using(3, 1, unknown), using(4, 2, nil),
	})
	assert.Equal(t, &runtable.Usage{CPU: 3e9, MemoryBytes: 1 << 20, ReadBytes: -1, WrittenBytes: runtable.MaxTime}, table.Row(0).Usage)
	for row := 1; row < 4; row++ {
		assert.Nil(t, table.Row(row).Usage, "row %d", row)
	}
}
