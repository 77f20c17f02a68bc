package compare

import (
	"fmt"
	"math"

	"github.com/dagscope/dagscope/engine/dag"
)

// Alignment says which tasks of two runs are the same.
type Alignment struct {
	// Method is "identity" if all tasks have a partner, else "identity and level": partners have the same function, path
	// and level, and what has none is compared by function alone.
	Method string `json:"method"`
	// Aligned, Added and Removed count tasks: those of both runs, of the second alone, and of the first alone.
	Aligned int `json:"aligned"`
	Added   int `json:"added"`
	Removed int `json:"removed"`
	// AddedTasks and RemovedTasks are the first of them, at most MaxListed, by identity.
	AddedTasks   []string `json:"added_tasks"`
	RemovedTasks []string `json:"removed_tasks"`
	// Partner is, for each node of the second run, its node in the first; dag.NoNode without one.
	Partner []dag.NodeID `json:"-"`
	// Ratio is, for each node of the second run, its execution time in those of its partner; NaN if either is not known
	// or the partner took no time.
	Ratio []float32 `json:"-"`
}

// MaxListed bounds lists of tasks.
const MaxListed = 100

func align(a, b *Side) Alignment {
	nodes := make(map[string]dag.NodeID, len(a.tasks))
	for node := range a.tasks {
		if t := &a.tasks[node]; t.id.Function != "" {
			nodes[t.key()] = dag.NodeID(node)
		}
	}
	out := Alignment{
		AddedTasks: []string{}, RemovedTasks: []string{},
		Partner: make([]dag.NodeID, len(b.tasks)), Ratio: make([]float32, len(b.tasks)),
	}
	taken := make([]bool, len(a.tasks))
	for node := range b.tasks {
		t := &b.tasks[node]
		out.Partner[node], out.Ratio[node] = dag.NoNode, float32(math.NaN())
		if t.id.Function == "" {
			continue
		}
		partner, ok := nodes[t.key()]
		if !ok {
			out.Added++
			out.AddedTasks = listed(out.AddedTasks, t)
			continue
		}
		out.Aligned++
		out.Partner[node], taken[partner] = partner, true
		if was := a.tasks[partner].execute; was > 0 && t.execute > 0 {
			out.Ratio[node] = float32(t.execute / was)
		}
	}
	for node := range a.tasks {
		if t := &a.tasks[node]; t.id.Function != "" && !taken[node] {
			out.Removed++
			out.RemovedTasks = listed(out.RemovedTasks, t)
		}
	}
	out.Method = "identity and level"
	if out.Added+out.Removed == 0 {
		out.Method = "identity"
	}
	return out
}

// key identifies a task in runs of one workflow. The level keeps apart what stands in different places of graphs of
// different sizes under the same number.
func (t *task) key() string { return fmt.Sprint(t.level, " ", t.id.Function, t.id.Path) }

func listed(to []string, t *task) []string {
	if len(to) < MaxListed {
		to = append(to, t.id.String())
	}
	return to
}
