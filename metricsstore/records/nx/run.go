package nx

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

// run makes a run of a record.
func (d *runRecord) run(f *records.File, graphs []*graph) (*records.Run, error) {
	if len(d.Tasks) > records.MaxTasks {
		return nil, fmt.Errorf("%s: %w: expected at most %d tasks", f.Path, records.ErrTooLarge, records.MaxTasks)
	}
	r := records.NewRun("Nx", "Nx run record")
	r.Path = f.Path
	r.Workflow = cmp.Or(d.Run.Command, "nx")
	r.Started, r.Ended = moment(d.Run.StartTime), moment(d.Run.EndTime)
	if d.Run.StartTime != "" {
		r.Key = d.Run.StartTime + " " + d.Run.Command
	}
	names := unique.Names{}
	number := map[string]int32{}
	for i := range d.Tasks {
		t := &d.Tasks[i]
		if _, known := number[t.TaskID]; known {
			r.Notes.LeftOut(1, "tasks have the name of another one, which dependencies then mean")
		} else {
			number[t.TaskID] = int32(i)
		}
		a := t.attempt()
		if a.Outcome == record.OutcomeFailed {
			r.Status = record.Failed
		}
		out := records.NewTask(names.ID(t.TaskID))
		out.Function = t.Target
		out.Attempts = []records.Attempt{a}
		r.Tasks = append(r.Tasks, out)
	}
	g := pick(graphs, number)
	if g == nil {
		r.Notes.Remark(record.NoteLeftOut, "dependencies are not in the record; the same command with --graph=graph.json writes them")
		return r, nil
	}
	if err := g.connect(r, number, names); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return r, nil
}

// moment is the moment of an ISO 8601 time.
func moment(text string) records.Moment {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return records.Unknown
	}
	return records.At(at)
}

func (t *task) attempt() records.Attempt {
	a := records.NewAttempt()
	a.Started, a.Ended = moment(t.StartTime), moment(t.EndTime)
	switch {
	case t.Status == nil:
	case *t.Status != 0:
		a.Outcome = record.OutcomeFailed
		a.Error = &records.Failure{Message: "the record does not say why", ExitCode: *t.Status}
	case t.CacheStatus == "" || t.CacheStatus == "cache-miss":
		a.Outcome = record.OutcomeOK
	default: // local-cache-hit, local-cache-kept-existing, remote-cache-hit
		a.Outcome = record.OutcomeCached
	}
	var hash, params string
	if t.Hash != "" {
		hash = "hash " + t.Hash
	}
	if t.Params != "" {
		params = "params " + t.Params
	}
	a.Log = bounded.Lines(t.CacheStatus, params, hash)
	return a
}

// pick returns the graph that names most of the tasks, nil if none names any.
func pick(graphs []*graph, number map[string]int32) *graph {
	var best *graph
	most := 0
	for _, g := range graphs {
		n := 0
		for id := range g.Tasks.Tasks {
			if _, known := number[id]; known {
				n++
			}
		}
		if n > most {
			best, most = g, n
		}
	}
	return best
}

// connect adds dependencies, and tasks of the graph that did not run.
func (g *graph) connect(r *records.Run, number map[string]int32, names unique.Names) error {
	for _, id := range slices.Sorted(maps.Keys(g.Tasks.Tasks)) {
		if _, known := number[id]; known {
			continue
		}
		number[id] = int32(len(r.Tasks))
		t := records.NewTask(names.ID(id))
		t.Function = g.Tasks.Tasks[id].Target.Target
		r.Tasks = append(r.Tasks, t)
	}
	edges, strange := 0, 0
	for id, parents := range g.Tasks.Dependencies {
		n, known := number[id]
		if !known {
			strange += len(parents)
			continue
		}
		t := &r.Tasks[n]
		for _, parent := range parents {
			p, known := number[parent]
			switch {
			case !known || p == n:
				strange++
			case contradicts(&r.Tasks[p], t):
				r.Notes.LeftOut(1, "dependencies of the graph contradict the times, so it is that of another run")
			default:
				t.Parents = append(t.Parents, p)
			}
		}
		slices.Sort(t.Parents)
		t.Parents = slices.Compact(t.Parents)
		edges += len(t.Parents)
	}
	if len(r.Tasks) > records.MaxTasks || edges > records.MaxEdges {
		return fmt.Errorf("%w: expected at most %d tasks with %d dependencies", records.ErrTooLarge, records.MaxTasks, records.MaxEdges)
	}
	r.Notes.Recorded(edges, "dependencies are those of the graph, which is that of the command and not of the run")
	r.Notes.LeftOut(strange, "dependencies of the graph name tasks that it does not have")
	skip(r)
	return nil
}

// contradicts reports whether a task started before the one that it is said to wait for had ended.
func contradicts(parent, child *records.Task) bool {
	if len(parent.Attempts) == 0 || len(child.Attempts) == 0 {
		return false
	}
	end, start := parent.Attempts[0].Ended, child.Attempts[0].Started
	return end.Known() && start.Known() && start < end
}

// skip marks the tasks that did not run as they wait for one that failed.
func skip(r *records.Run) {
	children := make([][]int32, len(r.Tasks))
	var stack []int32
	never := 0
	for i := range r.Tasks {
		for _, p := range r.Tasks[i].Parents {
			children[p] = append(children[p], int32(i))
		}
		if a := r.Tasks[i].Attempts; len(a) == 0 {
			never++
		} else if a[0].Outcome == record.OutcomeFailed {
			stack = append(stack, int32(i))
		}
	}
	skipped := 0
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, c := range children[n] {
			if t := &r.Tasks[c]; len(t.Attempts) == 0 && !t.Skipped {
				t.Skipped = true
				skipped++
				stack = append(stack, c)
			}
		}
	}
	r.Notes.Inferred(skipped, "tasks of the graph did not run and were skipped, as they wait for one that failed")
	r.Notes.Inferred(never-skipped, "tasks of the graph did not run")
}
