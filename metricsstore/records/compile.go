package records

import (
	"cmp"
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
	// Steps is how many steps Replay passes on: the run starts, its workers start, attempts end, the workers stop, the
	// run ends.
	Steps   int
	Workers []record.WorkerRecord
	End     record.RunEnd

	writer *writer
}

// Origin identifies the bytes that a run was read from.
type Origin struct {
	// Digest is the SHA-256 of the files' contents, decompressed and without byte order marks.
	Digest [32]byte
	// Index is the number of the run among all that were read from them.
	Index int
}

// Compile makes a finished run of what a reader has read. SCHEDULE.md has the rules by which it places what has no
// moments or lanes, and what it repairs. The recording refers to the run, which must not be changed. The error is ErrFormat if nothing was executed, ErrTooLarge above the limits.
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
	if err := own.checkPlaced(c.made.makespan); err != nil {
		return nil, err
	}
	graph, err := c.graph()
	if err != nil {
		return nil, err
	}
	w := newWriter(c, graph)
	out := &Recording{Steps: w.count(), Workers: c.workerRecords(), writer: w}
	if out.Graph, err = w.nameNodes(graph); err != nil {
		return nil, err
	}
	c.describe(out, from)
	c.release()
	return out, nil
}

// release drops what only stages need, as a recording is kept while its steps are written.
func (c *compiler) release() {
	c.functions, c.groupFunctions, c.number, c.causes, c.lanes = nil, nil, nil, causes{}, nil
}

// A graph has at most 65,535 functions; those of a record that are more count as one.
const (
	maxFunctions   = 1<<16 - 2
	otherFunctions = "others"
)

// name gives each task the name of its function, and its own.
func (c *compiler) name() {
	known, left := map[string]bool{}, 0
	bounded := func(name string) string {
		if !known[name] && len(known) >= maxFunctions {
			left++
			return otherFunctions
		}
		known[name] = true
		return name
	}
	c.groupFunctions = make([]string, len(c.run.Groups))
	for i := range c.run.Groups {
		c.groupFunctions[i] = bounded(record.FunctionName(c.run.Groups[i].Name))
	}
	c.functions = make([]string, len(c.run.Tasks))
	for i := range c.run.Tasks {
		t := &c.run.Tasks[i]
		switch {
		case t.Group != None:
			c.functions[i] = c.groupFunctions[t.Group]
		case t.Function != "":
			c.functions[i] = bounded(record.FunctionName(t.Function))
		default:
			c.functions[i] = bounded(record.FunctionOf(t.ID, cmp.Or(t.Name, t.ID), ""))
		}
	}
	c.names = chooseNames(c.run.Tasks, c.functions)
	c.notes.Repaired(left, "tasks and groups are of further functions than a run can have and count as one, "+otherFunctions)
}
