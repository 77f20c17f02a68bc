package records

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Recording is a recorded execution as a finished run: everything that a record.Recorder receives during a run.
type Recording struct {
	Info record.RunInfo
	// OtherIDs are those that a shorter or longer record of the run may have, if it begins at another time.
	OtherIDs []record.RunID
	Graph    *dag.Graph
	// Steps are those of a run: it starts, its workers start, attempts end, the workers stop, the run ends.
	Steps []record.Step
	// Details contain, in the order of the steps, what the record says about attempts.
	Details []record.Detail
	Workers []record.WorkerRecord
	End     record.RunEnd
}

// Origin identifies the bytes that a run was read from.
type Origin struct {
	// Digest is the SHA-256 of the files' contents, decompressed and without byte order marks.
	Digest [32]byte
	// Index is the number of the run among all that were read from them.
	Index int
}

// Compile makes a finished run of what a reader has read. SCHEDULE.md has the rules by which it places what has no
// moments or lanes, and what it repairs. The error is ErrFormat if nothing was executed, ErrTooLarge above the limits.
func Compile(r *Run, from Origin) (*Recording, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	own := *r // workers are added to it
	own.Workers = slices.Clone(r.Workers)
	c := &compiler{run: &own, notes: slices.Clone(r.Notes), hasMachines: len(r.Workers) > 0}
	for _, stage := range []func(){
		c.name, c.connect, c.connectGroups, c.order, c.read, c.align, c.place, c.rank, c.assignLanes,
	} {
		stage()
	}
	graph, err := c.graph()
	if err != nil {
		return nil, err
	}
	out := &Recording{Graph: graph, Workers: c.workerRecords()}
	c.write(out)
	c.describe(out, from)
	return out, nil
}

// check holds a run to the limits, and to what Compile relies on.
func (r *Run) check() error {
	attempts, timed, edges := 0, 0, 0
	for i := range r.Tasks {
		t := &r.Tasks[i]
		attempts += len(t.Attempts)
		edges += len(t.Parents)
		for k := range t.Attempts {
			if started, ended := t.Attempts[k].body(); started.Known() || ended.Known() || t.Attempts[k].Runtime >= 0 {
				timed++
			}
		}
		if len(t.Attempts) > MaxAttempts {
			return fmt.Errorf("%w: task %q has %d attempts, at most %d are allowed", ErrTooLarge, t.ID, len(t.Attempts), MaxAttempts)
		}
	}
	switch {
	case attempts == 0:
		return fmt.Errorf("%w: %s: no task was executed, expected at least one that was", ErrFormat, cmp.Or(r.Workflow, r.Format))
	case timed == 0:
		return fmt.Errorf("%w: %s: nothing says when a task ran or for how long, expected times of at least one", ErrFormat, cmp.Or(r.Workflow, r.Format))
	case max(attempts, len(r.Tasks)) > MaxTasks:
		return fmt.Errorf("%w: %d tasks with %d attempts, at most %d are allowed", ErrTooLarge, len(r.Tasks), attempts, MaxTasks)
	case edges > MaxEdges:
		return fmt.Errorf("%w: %d edges, at most %d are allowed", ErrTooLarge, edges, MaxEdges)
	case len(r.Workers) >= MaxWorkers:
		return fmt.Errorf("%w: %d workers, at most %d are allowed", ErrTooLarge, len(r.Workers), MaxWorkers-1)
	}
	return nil
}

// name gives each task the name of its function.
func (c *compiler) name() {
	c.functions = make([]string, len(c.run.Tasks))
	for i := range c.run.Tasks {
		t := &c.run.Tasks[i]
		switch {
		case t.Group != None:
			c.functions[i] = record.FunctionName(c.run.Groups[t.Group].Name)
		case t.Function != "":
			c.functions[i] = record.FunctionName(t.Function)
		default:
			c.functions[i] = record.FunctionOf(t.ID, cmp.Or(t.Name, t.ID), "")
		}
	}
}
