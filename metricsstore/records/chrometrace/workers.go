package chrometrace

import (
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// numberLanes numbers the threads of each process in the order of their first spans.
func (b *builder) numberLanes(kept []int32) {
	for i := range b.laneIn {
		b.laneIn[i] = none
	}
	next := map[int32]int32{}
	for _, n := range kept {
		l := b.event(n).lane
		if b.laneIn[l] == none {
			b.laneIn[l] = next[b.lanes[l].pid]
			next[b.lanes[l].pid]++
		}
	}
}

// worker is the number of the worker of a lane: its process, or the thread itself where threads are processes.
func (b *builder) worker(l int32) int32 {
	at := &b.lanes[l]
	key := at.pid
	if b.tool.threads {
		key = l
	}
	if n, ok := b.workers[key]; ok {
		return n
	}
	if len(b.run.Workers) >= records.MaxWorkers-1 {
		return none
	}
	n := b.run.AddWorker(b.workerName(l))
	if b.tool.threads {
		b.run.Workers[n].Host = b.texts.all[at.pid]
	}
	b.workers[key] = n
	return n
}

// workerName is how the worker of a lane is called.
func (b *builder) workerName(l int32) string {
	at := &b.lanes[l]
	pid := b.texts.all[at.pid]
	if b.tool.threads {
		return b.texts.all[at.tid]
	}
	name := ""
	if p := b.process[at.pid]; p != nil {
		if name = p.name; p.labels != "" {
			name = fmt.Sprintf("%s (%s)", name, p.labels)
		}
	}
	switch {
	case name == "" && pid == "":
		return "process"
	case name == "":
		return "process " + pid
	}
	taken := func(w records.Worker) bool { return w.Name == name }
	if slices.ContainsFunc(b.run.Workers[:min(len(b.run.Workers), 100)], taken) {
		return fmt.Sprintf("%s, process %s", name, pid)
	}
	return name
}
