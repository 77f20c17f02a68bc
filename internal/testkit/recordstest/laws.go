package recordstest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// Laws compiles a run twice and holds the result to what the reader reported. It returns the recording.
func Laws(t require.TestingT, run *records.Run) *records.Recording {
	rec, err := records.Compile(run, records.Origin{Digest: [32]byte{1}})
	require.NoError(t, err)
	again, err := records.Compile(run, records.Origin{Digest: [32]byte{1}})
	require.NoError(t, err)
	require.Equal(t, rec.Info, again.Info, "the same record gives the same run")
	log := Replayed(t, rec)
	require.Equal(t, log, Replayed(t, again))
	require.Equal(t, log, Replayed(t, rec), "also when it is replayed again")
	require.NotEmpty(t, rec.Info.Origin.Format)
	for _, n := range rec.Info.Origin.Notes {
		require.NotEmpty(t, n.Text)
		require.NotZero(t, n.Count)
	}
	checkCounts(t, run, rec, log)
	checkOrder(t, rec, log)
	checkLanes(t, rec, log)
	checkNames(t, rec)
	return rec
}

// checkNames checks that no two tasks have one name.
func checkNames(t require.TestingT, rec *records.Recording) {
	seen := map[string]dag.NodeID{}
	for i := range rec.Graph.Named() {
		node := dag.NodeID(i)
		name := rec.Graph.Name(node)
		if name == "" {
			continue
		}
		other, taken := seen[name]
		require.False(t, taken, "the nodes %d and %d have the name %s", other, node, name)
		seen[name] = node
	}
}

// checkCounts checks that each attempt is in the log once, with its outcome.
func checkCounts(t require.TestingT, run *records.Run, rec *records.Recording, log *Log) {
	want, got := map[record.Outcome]int{}, map[record.Outcome]int{}
	functions := map[string]int{}
	for i := range run.Tasks {
		for k := range run.Tasks[i].Attempts {
			want[run.Tasks[i].Attempts[k].Outcome]++
		}
	}
	nodes := map[dag.NodeID]bool{}
	walker := record.NewWalker(rec.Graph)
	for i := range log.Steps {
		s := &log.Steps[i]
		_, err := walker.Next(s)
		require.NoError(t, err)
		if s.Kind != record.AttemptEnded {
			continue
		}
		nodes[s.Node] = true
		outcome := s.Outcome
		if outcome == record.OutcomeRetrying {
			outcome = record.OutcomeFailed
		}
		got[outcome]++
		functions[walker.Numbering().Identity(walker.Numbering().Locate(s.Node)).Function]++
	}
	want[record.OutcomeLost] += want[record.NoOutcome]
	delete(want, record.NoOutcome)
	if want[record.OutcomeLost] == 0 {
		delete(want, record.OutcomeLost)
	}
	require.Equal(t, want, got, "each attempt is in the log once")
	require.Equal(t, len(run.Tasks), walker.Numbering().Tasks(), "each task is in the graph once")
	executed := 0
	for i := range run.Tasks {
		if len(run.Tasks[i].Attempts) > 0 {
			executed++
		}
	}
	require.Len(t, nodes, executed)
}

// checkOrder checks that nothing happens before it is ready, and that the moments of each attempt are in order.
func checkOrder(t require.TestingT, rec *records.Recording, log *Log) {
	ready := map[dag.NodeID]bool{}
	for i := range log.Steps {
		s := &log.Steps[i]
		require.EqualValues(t, i+1, s.Seq)
		switch s.Kind {
		case record.AttemptEnded, record.AttemptStarted, record.FanOutExpanded:
			require.True(t, ready[s.Node], "node %d was not ready", s.Node)
		}
		if s.Kind == record.AttemptEnded {
			require.True(t, 0 <= s.Ready && s.Ready <= s.Claimed && s.Claimed <= s.Started && s.Started <= s.Ended && s.Ended <= s.Updated,
				"moments of node %d: %d %d %d %d %d", s.Node, s.Ready, s.Claimed, s.Started, s.Ended, s.Updated)
			require.True(t, 0 <= s.Fetch && s.Fetch <= s.Started-s.Claimed)
		}
		for _, n := range s.Readied {
			require.False(t, ready[n], "node %d is made ready once", n)
			ready[n] = true
		}
	}
	require.Equal(t, record.RunStarted, log.Steps[0].Kind)
	last := log.Steps[len(log.Steps)-1]
	require.Equal(t, record.RunFinished, last.Kind)
	require.Equal(t, rec.End.Status.Outcome(), last.Outcome)
}

// checkLanes checks that no lane runs two attempts at a time, and that every worker and lane exists.
func checkLanes(t require.TestingT, rec *records.Recording, log *Log) {
	type lane struct{ worker, slot uint16 }
	lanes := map[lane][]*record.Step{}
	for i := range log.Steps {
		if s := &log.Steps[i]; s.Kind == record.AttemptEnded {
			require.Less(t, int(s.Worker), len(rec.Workers))
			require.Less(t, int(s.Slot), rec.Workers[s.Worker].Slots)
			lanes[lane{s.Worker, s.Slot}] = append(lanes[lane{s.Worker, s.Slot}], s)
		}
	}
	for _, in := range lanes {
		slices.SortFunc(in, func(a, b *record.Step) int {
			return cmp.Or(cmp.Compare(a.Claimed, b.Claimed), cmp.Compare(a.Updated, b.Updated))
		})
		for i := 1; i < len(in); i++ {
			require.LessOrEqual(t, in[i-1].Updated, in[i].Claimed, "two attempts in one lane")
		}
	}
}

// Cuts reads a file cut at n random places, and with its last byte missing. Each must give an error, or runs of which
// one says that it is incomplete, or, if whole accepts the cut content, runs that may be whole. seed makes the places.
func Cuts(t require.TestingT, format records.Format, path string, content []byte, n int, seed uint64, whole func(cut []byte) bool, companions ...records.File) {
	random := rand.New(rand.NewPCG(seed, 0))
	places := []int{len(content) - 1}
	for range n {
		places = append(places, random.IntN(len(content)))
	}
	for _, at := range places {
		cut := content[:at]
		file := File(format, path, cut)
		if file.Part != records.Main {
			continue // nothing of it is left
		}
		runs, err := format.Read(context.Background(), append([]records.File{file}, companions...))
		if err != nil {
			require.ErrorIs(t, err, records.ErrFormat, "seed %d, cut at byte %d", seed, at)
			continue
		}
		isIncomplete := false
		for _, run := range runs {
			isIncomplete = isIncomplete || run.Incomplete != "" || run.Status == record.Running
			rec, err := records.Compile(run, records.Origin{})
			if err != nil {
				require.ErrorIs(t, err, records.ErrFormat)
				isIncomplete = true
				continue
			}
			isIncomplete = isIncomplete || rec.End.Status == record.Interrupted
		}
		if whole == nil || !whole(cut) {
			require.True(t, isIncomplete, fmt.Sprintf("seed %d: cut at byte %d of %d, the run claims to be whole", seed, at, len(content)))
		}
	}
}
