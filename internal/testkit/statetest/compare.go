package statetest

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/dagscope/dagscope/engine/record"
)

func equal(what string, got, want any) error {
	if d := cmp.Diff(want, got); d != "" {
		return fmt.Errorf("%s differs (- expected, + got):\n%s", what, d)
	}
	return nil
}

// compareLogs compares step by step what the model decides. Skips that follow each other may come in any order, and
// stores may differ in where outputs are and when a skip was noticed.
func compareLogs(got, want []record.Step) error {
	got, want = normal(got), normal(want)
	for i := range min(len(got), len(want)) {
		if err := equal(fmt.Sprintf("step %d", i+1), got[i], want[i]); err != nil {
			return err
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("the log has %d steps, expected %d", len(got), len(want))
	}
	return nil
}

func normal(steps []record.Step) []record.Step {
	out := make([]record.Step, len(steps))
	for i, s := range steps {
		out[i] = normalStep(s)
	}
	for first := 0; first < len(out); first++ {
		last := first
		for last < len(out) && out[last].Kind == record.TaskSkipped {
			last++
		}
		slices.SortFunc(out[first:last], func(a, b record.Step) int { return int(a.Node) - int(b.Node) })
		for i := first; i < last; i++ {
			out[i].Seq = uint64(i + 1)
		}
		first = max(first, last)
	}
	return out
}

// normalStep leaves the fields that the kind names.
func normalStep(s record.Step) record.Step {
	n := record.Step{Seq: s.Seq, Kind: s.Kind, Outcome: s.Outcome, Readied: slices.Sorted(slices.Values(s.Readied))}
	switch s.Kind {
	case record.WorkerStarted, record.WorkerStopped, record.SlotLeaked:
		n.Worker, n.Slot, n.Started = s.Worker, s.Slot, s.Started
	case record.TaskSkipped:
		n.Node, n.Epoch = s.Node, s.Epoch
	case record.AttemptStarted:
		n.Node, n.Epoch, n.Attempt, n.Slot = s.Node, s.Epoch, s.Attempt, s.Slot
		n.Ready, n.Claimed, n.Started, n.Fetch = s.Ready, s.Claimed, s.Started, s.Fetch
	case record.AttemptEnded, record.FanOutExpanded:
		readied := n.Readied
		n = s
		n.Readied, n.Location, n.StoredBytes = readied, 0, 0
		if s.Outcome != record.OutcomeOK || s.Kind == record.FanOutExpanded {
			n.OutputBytes = 0
		}
	}
	return n
}

func kindName(k record.StepKind) string {
	names := map[record.StepKind]string{
		record.RunStarted: "start of the run", record.RunFinished: "end of the run", record.AttemptStarted: "announcement",
		record.AttemptEnded: "end", record.FanOutExpanded: "expansion", record.TaskSkipped: "skip",
	}
	if name := names[k]; name != "" {
		return name
	}
	return fmt.Sprintf("step of kind %d", k)
}
