package cwlprov

import (
	"maps"
	"slices"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// edges adds a parent for each process that generated what a task used.
func (b *builder) edges() {
	count := 0
	known := map[[2]int32]bool{}
	add := func(child, parent int32) {
		task := &b.run.Tasks[child]
		if child != parent && count < records.MaxEdges && !known[[2]int32{child, parent}] {
			known[[2]int32{child, parent}] = true
			task.Parents = append(task.Parents, parent)
			count++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.place)) {
		for _, p := range b.sources(id) {
			add(b.place[id]-1, p)
		}
	}
	// What a nested workflow used is used by those of its processes that use nothing of another one in it.
	for _, id := range slices.Sorted(maps.Keys(b.nested)) {
		tasks := b.inner[id]
		sources := b.sources(id)
		inferred := 0
		for _, t := range tasks {
			waits := slices.ContainsFunc(b.run.Tasks[t].Parents, func(p int32) bool { return slices.Contains(tasks, p) })
			for _, p := range sources {
				if !waits && !slices.Contains(tasks, p) {
					before := count
					add(t, p)
					inferred += count - before
				}
			}
		}
		b.run.Notes.Inferred(inferred, "dependencies are those of a nested workflow, and were given to the processes that begin it")
	}
	b.run.Notes.Recorded(count, "dependencies follow from what processes used and generated")
}

// sources are the tasks that generated what an activity used, over members of collections. Workflows generate what
// processes in them did, so only those count.
func (b *builder) sources(id string) []int32 {
	var all []int32
	seen := map[string]bool{}
	todo := slices.Clone(b.used[id])
	for len(todo) > 0 {
		entity := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[entity] {
			continue
		}
		seen[entity] = true
		for _, by := range b.generators[entity] {
			if p := b.place[by]; p > 0 && by != id {
				all = append(all, p-1)
			}
		}
		todo = append(todo, b.members[entity]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
