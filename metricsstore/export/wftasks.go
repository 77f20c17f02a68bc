package export

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// ErrTooLarge: the run has more dependencies between tasks than the format is written for.
var ErrTooLarge = errors.New("export: run too large for this format")

// maxWfEdges bounds the edges of a file in WfFormat, which has no fan-outs and joins: it lists each pair of tasks. It is
// what readers of this project accept.
const maxWfEdges = 1_000_000

// wfTask is a task with what the file says of it.
type wfTask struct {
	node              dag.NodeID
	id, name, command string
	function          string
	untimed           bool // the recording says no runtime
	parents, children []int32
	ran               bool // an attempt succeeded; the fields up to output are about that
	worker            int
	started           time.Time
	runtime           time.Duration
	usage             *record.Usage
	output            int64 // bytes, or codec.UnknownSize
	inputs            []wfInput
	reads, writes     []int32 // numbers of files
}

// wfInput is how much a task read from another one, or from outside where from is outside.
type wfInput struct {
	from  int32
	bytes int64
}

const outside int32 = -1

// wfRun is a run with its tasks in the order of their nodes.
type wfRun struct {
	kept     metricsstore.Run
	workers  []record.WorkerRecord
	tasks    []wfTask
	byNode   map[dag.NodeID]int32
	makespan time.Duration
	files    []wfFile
}

// collectWf reads what the file needs of a run.
func collectWf(ctx context.Context, q *metricsstore.Queries, run record.RunID) (*wfRun, error) {
	r := &wfRun{byNode: map[dag.NodeID]int32{}}
	var err error
	if r.kept, err = q.Run(ctx, run); err != nil {
		return nil, err
	}
	if r.workers, err = q.Workers(ctx, run); err != nil {
		return nil, err
	}
	decoder, log, err := q.Decode(ctx, run)
	if err != nil {
		return nil, err
	}
	attempts := map[dag.NodeID]wfTask{}
	var records []record.TaskMetrics
	err = log.Each(ctx, func(steps []record.Step) error {
		records = decoder.Metrics(records[:0], steps)
		for i := range records {
			r.attempt(attempts, &records[i])
		}
		return decoder.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("%w: run %s: %w", metricsstore.ErrCorrupt, run, err)
	}
	if whole := r.kept.MakespanNS(); whole > 0 {
		r.makespan = time.Duration(whole)
	}
	r.list(decoder.Numbering(), attempts)
	if err := r.connect(decoder.Numbering()); err != nil {
		return nil, err
	}
	if r.kept.Info.Imported() != nil {
		if err := q.EachDetail(ctx, run, r.detail); err != nil {
			return nil, err
		}
	}
	r.nameTasks()
	return r, nil
}

func (r *wfRun) attempt(attempts map[dag.NodeID]wfTask, m *record.TaskMetrics) {
	r.makespan = max(r.makespan, m.StartedAt.Sub(r.kept.Info.StartedAt)+m.Execute+m.Store+m.Update)
	if m.Outcome != record.OutcomeOK {
		return
	}
	attempts[m.Node] = wfTask{
		ran: true, worker: m.Worker, started: m.StartedAt, runtime: m.Execute, usage: m.Usage, output: m.Output,
	}
}

// list makes a task of each node that is one.
func (r *wfRun) list(numbering *dag.Numbering, attempts map[dag.NodeID]wfTask) {
	for n := range numbering.Nodes() {
		node := dag.NodeID(n)
		if !numbering.IsTask(node) {
			continue
		}
		t, ok := attempts[node]
		if !ok {
			t.output = codec.UnknownSize
		}
		t.node, t.function = node, numbering.Function(numbering.Locate(node)).Name()
		r.byNode[node] = int32(len(r.tasks))
		r.tasks = append(r.tasks, t)
	}
}

// connect lists parents and children; both are ascending.
func (r *wfRun) connect(numbering *dag.Numbering) error {
	w, room, edges := waits{numbering}, []dag.NodeID(nil), 0
	for i := range r.tasks {
		room = w.tasks(room[:0], numbering.Locate(r.tasks[i].node))
		slices.Sort(room)
		room = slices.Compact(room)
		if edges += len(room); edges > maxWfEdges {
			return fmt.Errorf("%w: run %s has more than %d dependencies between tasks, and WfFormat lists each", ErrTooLarge, r.kept.Info.ID, maxWfEdges)
		}
		for _, parent := range room {
			p := r.byNode[parent]
			r.tasks[i].parents = append(r.tasks[i].parents, p)
			r.tasks[p].children = append(r.tasks[p].children, int32(i))
		}
	}
	return nil
}

// detail takes from a detail of an imported run what the recording called a task, and what it read.
func (r *wfRun) detail(d *record.Detail) error {
	i, ok := r.byNode[d.Node]
	if !ok {
		return nil
	}
	t := &r.tasks[i]
	t.describe(d.Log, strings.HasPrefix(r.kept.Info.Imported().Format, "WfFormat"))
	t.inputs = t.inputs[:0] // those of the last attempt count
	for _, in := range d.Inputs {
		from := outside
		if in.From != dag.NoNode {
			if from, ok = r.byNode[in.From]; !ok {
				continue
			}
		}
		if in.Bytes > 0 {
			t.inputs = append(t.inputs, wfInput{from, in.Bytes})
		}
	}
	return nil
}

// describe takes apart what Compile of metricsstore/records says of an attempt. What other formats say follows the
// command, of which then the first line counts; nothing follows in recordings in WfFormat itself.
func (t *wfTask) describe(log []byte, isWhole bool) {
	text, untimed := strings.CutSuffix(string(log), "no runtime is recorded\n")
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		key, value, _ := strings.Cut(line, " ")
		switch {
		case key == "id" && t.id == "":
			t.id = value
		case key == "name" && t.name == "":
			t.name = value
		case key == "command" && t.command == "":
			t.command = value
			if isWhole {
				_, t.command, _ = strings.Cut(strings.TrimSuffix(text, "\n"), " ")
				rest = ""
			}
		case line == "no runtime is recorded":
			untimed = true
		}
		text = rest
	}
	t.untimed = t.untimed || untimed
}

// nameTasks gives each task an ID of its own in the characters of the schema.
func (r *wfRun) nameTasks() {
	taken := make(map[string]bool, len(r.tasks))
	for i := range r.tasks {
		t := &r.tasks[i]
		if t.id == "" {
			t.id = t.function + "_" + strconv.FormatUint(uint64(t.node), 10)
		} else if t.name == "" {
			t.name = t.id
		}
		if t.name == "" {
			t.name = t.function
		}
		id := allowed(t.id)
		for n := 2; taken[id]; n++ {
			id = allowed(t.id) + "#" + strconv.Itoa(n)
		}
		t.id, taken[id] = id, true
	}
}

// allowed replaces the characters that IDs of WfFormat 1.5 do not have.
func allowed(id string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', strings.ContainsRune("-_.#", c):
			return c
		}
		return '_'
	}, id)
}

// timed reports whether the file has an execution of the task.
func (t *wfTask) timed() bool { return t.ran && !t.untimed }
