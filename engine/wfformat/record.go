package wfformat

import (
	"cmp"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// batch is how many steps or details Replay passes on at a time.
const batch = 512

// Recording is a recorded execution as a finished run: everything that a Recorder receives during a run.
type Recording struct {
	Info  record.RunInfo
	Graph *dag.Graph
	// Steps are those of a run without failures: it starts, its workers start, each task ends once, the workers stop,
	// the run ends.
	Steps []record.Step
	// Details contain, for each task in the order of their ends, what the recording says about it (as its log), and the
	// bytes that it read from each parent.
	Details []record.Detail
	// Workers are the recorded machines.
	Workers []record.WorkerRecord
	End     record.RunEnd
}

// Record makes a finished run of an instance that Parse returned. Its Info says which parts of the schedule are
// invented (SCHEDULE.md). Its ID is derived from the content and the date of the file, so importing a file twice gives
// one run. The error is ErrInvalid if no task has a runtime, because then there is nothing to show.
func Record(in *Instance) (*Recording, error) {
	if !in.timed() {
		return nil, fmt.Errorf("%w: %s has no runtimes, expected workflow.execution with some", ErrInvalid, title(in))
	}
	b := engine.NewBuilder()
	g, err := b.Compile(build(b, in, scale{time: 1, bytes: DefaultByteScale}))
	if err != nil {
		return nil, fmt.Errorf("wfformat: %s: %w", title(in), err)
	}
	s := makeSchedule(in)
	started := in.start()
	r := &Recording{
		Graph: g,
		Info: record.RunInfo{
			ID: runID(in, started), Workflow: "wfformat:" + title(in), Params: params(in), Policy: record.FailFast,
			Tags: []string{"imported"}, SubmittedAt: started, StartedAt: started, Reconstructed: s.sentence(in), Origin: origin(in, s),
		},
		End: record.RunEnd{Status: record.Succeeded, EndedAt: started.Add(cmp.Or(in.Makespan, s.makespan))},
	}
	f := newFlows(in)
	r.Details = details(in, s, f)
	r.Steps = steps(in, s, f, r.Details)
	r.Workers = workers(in, s)
	return r, nil
}

// Replay passes the run to rec in the order of its methods, in batches of 512. The error is the one that Begin or End
// returned.
func (r *Recording) Replay(rec record.Recorder) error {
	if err := rec.Begin(r.Info, r.Graph); err != nil {
		return err
	}
	for part := range slices.Chunk(r.Steps, batch) {
		rec.Steps(r.Info.ID, part)
	}
	workers := r.Workers
	for part := range slices.Chunk(r.Details, batch) {
		rec.Details(r.Info.ID, part, workers)
		workers = nil
	}
	return rec.End(r.Info.ID, r.End)
}

// title is the recording's own name, made printable.
func title(in *Instance) string {
	if in.Name == "" {
		return "recording"
	}
	return printable(in.Name)
}

// runID has the form of record.NewRunID, so that imported runs sort correctly among others: 48 bits of milliseconds,
// then, in place of random bits, the first 52 of the file's hash.
func runID(in *Instance, started time.Time) record.RunID {
	var b [13]byte
	binary.BigEndian.PutUint64(b[:8], uint64(started.UnixMilli())<<16)
	copy(b[6:], in.Hash[:7])
	encoding := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	return record.RunID(encoding.EncodeToString(b[:])[:20])
}

func params(in *Instance) map[string]string {
	p := map[string]string{"schema": in.SchemaVersion}
	if in.RuntimeSystem != "" {
		p["runtime_system"] = in.RuntimeSystem
	}
	return p
}

// sentence returns the text of RunInfo.Reconstructed.
func (s *schedule) sentence(in *Instance) string {
	timed, stamped := in.starts()
	if timed == stamped {
		return ""
	}
	untimed := 0
	for i := range in.Tasks {
		if !in.Tasks[i].Timed {
			untimed++
		}
	}
	var b strings.Builder
	if stamped == 0 {
		b.WriteString("the recording has no start times")
	} else {
		fmt.Fprintf(&b, "the recording has start times for %d of %d tasks only, which were not used", stamped, timed)
	}
	b.WriteString(", so each task was started as soon as its parents had ended and " +
		"cores of its machine were free, those that had waited longest first")
	if untimed > 0 {
		fmt.Fprintf(&b, "; %d of %d tasks have no runtime and take no time", untimed, len(in.Tasks))
	}
	if len(in.Machines) == 0 {
		b.WriteString("; no machine is recorded and none was ever full")
	}
	if in.Makespan > 0 {
		fmt.Fprintf(&b, "; this takes %s, and %s was recorded", s.makespan.Round(time.Millisecond), in.Makespan)
	}
	return b.String()
}

// steps lists what happened. Each task is listed where it ended, so parents come before children.
func steps(in *Instance, s *schedule, f *flows, details []record.Detail) []record.Step {
	out := make([]record.Step, 0, len(s.order)+2*len(s.machines)+2)
	add := func(step record.Step) {
		step.Seq = uint64(len(out) + 1)
		out = append(out, step)
	}
	readied := make([][]dag.NodeID, len(in.Tasks))
	var roots []dag.NodeID
	for i := range s.places {
		if t := s.places[i].trigger; t != none {
			readied[t] = append(readied[t], dag.NodeID(i))
		} else {
			roots = append(roots, dag.NodeID(i))
		}
	}
	add(record.Step{Kind: record.RunStarted, Readied: roots, Became: dag.NoNode})
	for i := range s.machines {
		add(record.Step{Kind: record.WorkerStarted, Worker: uint16(i), Became: dag.NoNode})
	}
	for n, i := range s.order { // in the same order as details
		step := s.attempt(in, i)
		step.Readied, step.Usage = readied[i], f.usage(int(i), details[n].Inputs)
		add(step)
	}
	end := int64(s.makespan)
	for i := range s.machines {
		add(record.Step{Kind: record.WorkerStopped, Worker: uint16(i), Ended: end, Became: dag.NoNode})
	}
	add(record.Step{Kind: record.RunFinished, Outcome: record.OutcomeOK, Ended: end, Became: dag.NoNode})
	return out
}

// attempt is the one attempt of a task. Reading and writing files is part of recorded runtimes, so no phase but the
// body takes time.
func (s *schedule) attempt(in *Instance, task int32) record.Step {
	p := &s.places[task]
	step := record.Step{
		Kind: record.AttemptEnded, Outcome: record.OutcomeOK, Attempt: 1, Node: dag.NodeID(task),
		Worker: uint16(p.machine), Slot: uint16(p.lane), Head: !p.isFollower, Became: dag.NoNode,
		Ready: int64(p.ready), Claimed: int64(p.start), Started: int64(p.start), Ended: int64(p.end), Updated: int64(p.end),
	}
	if p.became != none {
		step.Became = dag.NodeID(p.became)
	}
	if len(in.Tasks[task].Outputs) > 0 {
		step.Location, step.OutputBytes = record.LocationStored, in.OutputBytes(int(task))
		step.StoredBytes = max(step.OutputBytes, 0)
	}
	return step
}

// workers describes the machines. CPU is the processor time of the tasks, if it is recorded.
func workers(in *Instance, s *schedule) []record.WorkerRecord {
	cpu := make([]float64, len(s.machines))
	for i := range in.Tasks {
		t := &in.Tasks[i]
		cpu[s.places[i].machine] += max(t.CPU, 0) * float64(t.Runtime)
	}
	out := make([]record.WorkerRecord, len(s.machines))
	for i, m := range s.machines {
		out[i] = record.WorkerRecord{
			Worker: i, Name: printable(m.Name), Host: printable(m.Name), Width: s.widths[i], Slots: s.lanes[i],
			Ended: int64(s.makespan), CPU: time.Duration(min(cpu[i], math.MaxInt64/2)),
		}
	}
	return out
}
