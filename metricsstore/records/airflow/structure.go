package airflow

import (
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// taskInfo is a task of a DAG.
type taskInfo struct {
	Task       string   `json:"task_id"`
	Downstream []string `json:"downstream_task_ids"`
	Rule       string   `json:"trigger_rule"`
}

// edge is one of the structure that the graph page shows. Its ends may be joins of task groups.
type edge struct {
	From string `json:"source_id"`
	To   string `json:"target_id"`
}

// structure is the edges of a DAG. No file says which DAG it is of.
type structure struct {
	names  map[string]bool
	before map[string][]string
	rules  map[string]string
}

func newStructure(doc *document) *structure {
	s := &structure{names: map[string]bool{}, before: map[string][]string{}, rules: map[string]string{}}
	for _, t := range doc.Tasks {
		s.names[t.Task], s.rules[t.Task] = true, t.Rule
		for _, to := range t.Downstream {
			s.before[to] = append(s.before[to], t.Task)
		}
	}
	for _, e := range doc.Edges {
		s.names[e.From], s.names[e.To] = true, true
		s.before[e.To] = append(s.before[e.To], e.From)
	}
	return s
}

// parents finds the tasks before a task, through joins, which are no tasks of the run.
func (s *structure) parents(task string, isTask func(string) bool) []string {
	var found []string
	seen := map[string]bool{task: true}
	open := slices.Clone(s.before[task])
	for len(open) > 0 {
		name := open[len(open)-1]
		open = open[:len(open)-1]
		switch {
		case seen[name]:
		case isTask(name):
			found = append(found, name)
		default:
			open = append(open, s.before[name]...)
		}
		seen[name] = true
	}
	slices.Sort(found)
	return found
}

// eager are trigger rules that do not wait for all tasks before.
var eager = []string{"one_success", "one_failed", "one_done", "always", "dummy"}

// manyEdges is from how many edges on mapped tasks become groups.
const manyEdges = 1 << 16

// addEdges gives tasks their parents by the structure that has most of their names.
func (b *builder) addEdges(structures []*structure) error {
	var best *structure
	most := 0
	for _, s := range structures {
		n := 0
		for _, name := range b.tasks {
			if s.names[name] {
				n++
			}
		}
		if n > most {
			best, most = s, n
		}
	}
	if best == nil {
		b.run.Notes.Remark(record.NoteLeftOut, "task instances have no dependencies; GET /api/v2/dags/{dag_id}/tasks, saved next to them, has")
		return nil
	}
	b.run.Notes.LeftOut(len(b.tasks)-most, "tasks are not in the structure of the DAG")
	parents, total := make([][]string, len(b.tasks)), 0
	for i, name := range b.tasks {
		parents[i] = best.parents(name, func(n string) bool { return len(b.byTask[n]) > 0 })
		for _, p := range parents[i] {
			total += len(b.byTask[name]) * len(b.byTask[p])
		}
	}
	if total > manyEdges {
		return b.group(parents)
	}
	for i, name := range b.tasks {
		for _, to := range b.byTask[name] {
			b.connect(to, parents[i], slices.Contains(eager, best.rules[name]))
		}
	}
	return nil
}

// connect makes a task follow all instances of others, or of an eager one those that had ended.
func (b *builder) connect(to int32, parents []string, eager bool) {
	t := &b.run.Tasks[to]
	for _, name := range parents {
		for _, from := range b.byTask[name] {
			if eager && !endedBefore(&b.run.Tasks[from], t) {
				b.run.Notes.LeftOut(1, "edges that the trigger rule of a task did not wait for")
				continue
			}
			t.Parents = append(t.Parents, from)
		}
	}
}

// endedBefore reports whether a task had ended when another one started, as far as both are recorded.
func endedBefore(a, b *records.Task) bool {
	if len(a.Attempts) == 0 || len(b.Attempts) == 0 {
		return false
	}
	ended, started := a.Attempts[len(a.Attempts)-1].Ended, b.Attempts[0].Started
	return ended.Known() && started.Known() && ended <= started
}

// group makes a group of each task, so that mapped ones need no edge for each pair.
func (b *builder) group(parents [][]string) error {
	number := make(map[string]int32, len(b.tasks))
	for i, name := range b.tasks {
		number[name] = int32(i)
		b.run.Groups = append(b.run.Groups, records.Group{Name: name, Ready: records.Unknown})
		for _, t := range b.byTask[name] {
			b.run.Tasks[t].Group = int32(i)
		}
	}
	edges := 0
	for i := range b.tasks {
		for _, p := range parents[i] {
			b.run.Groups[i].After = append(b.run.Groups[i].After, number[p])
		}
		if edges += len(parents[i]); edges > records.MaxEdges {
			return fmt.Errorf("%w: more than %d edges", records.ErrTooLarge, records.MaxEdges)
		}
	}
	return nil
}
