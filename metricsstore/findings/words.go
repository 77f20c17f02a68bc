package findings

import (
	"cmp"
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

const (
	// mostNamed is how many tasks are named as those that a chain consists of, each with at least a tenth of it.
	mostNamed = 3
	// From this share of the makespan on slots were full, below they were most of the time.
	wasFull = 0.9
)

// explain is a reason as a finding.
func (e *ended) explain(r reason) Finding {
	f := e.finding(r.kind).about(r.ns, e.bounds.Makespan())
	if f = e.say(f, r); r.ns > e.bounds.Makespan() {
		f.Bound = NoBound // tasks began before what they waited for was over
	}
	return f
}

func (e *ended) say(f Finding, r reason) Finding {
	of := duration(r.ns) + " of " + duration(e.bounds.Makespan())
	switch r.kind {
	case Full:
		return e.full(f, r, of)
	case Chain:
		return e.chain(f, of)
	case Serial:
		return e.serial(f, r, of)
	case Straggler:
		return e.straggler()
	case Moving:
		return f.say("Moving data between tasks took ", of, ".")
	case Engine:
		return e.engine(f, of)
	case Again:
		return f.say("Attempts that had to be repeated took ", of, ".")
	case Backoff:
		return e.backoff(f, of)
	case Waiting:
		return e.waiting(f, of)
	case Absent:
		return f.say("Tasks waited ", of, " for a worker: there was none.")
	case Blocked:
		return f.say("Tasks that had a slot waited ", of, " for processors or memory that they declare.")
	case Unready: // of the critical path only: other tasks may have run meanwhile
		return f.say("For ", of, " tasks of the critical path were not ready to start; the recording does not say what they waited for.")
	case Paused:
		f = e.standstill(f.about(e.bounds.Paused, e.bounds.Makespan()), false)
		return f.say("The run was paused for ", duration(e.bounds.Paused), " of ", duration(e.bounds.Makespan()), ".")
	}
	return e.continued(r.ns)
}

// continued is that a run had ended before, and after how long it was continued.
func (e *ended) continued(gap float64) Finding {
	return e.standstill(e.finding(Continued).about(gap, e.makespan()), true).
		say("The run had ended and was continued ", duration(gap), " later, which its makespan includes.")
}

func (e *ended) full(f Finding, r reason, of string) Finding {
	b := e.bounds
	if b.WorkNS >= b.PathTime.Full {
		f.Bound = AtLeast
	}
	f.Tasks = b.Tasks
	chain := "; the longest chain is " + duration(float64(b.Chain.Length)) + "."
	isOne := math.Round(b.Slots) <= 1
	work := duration(b.Work.Total())
	switch recorded := e.run.Recorded; {
	// A recording seldom says how many slots there were: that more would have helped is not known.
	case recorded && isOne:
		return f.say("One task ran at a time, for ", of, chain)
	case isOne:
		return f.say("The only slot was full for ", of, chain)
	case recorded:
		return f.say(work, " of work took ", of, ", with up to ", meanNumeral(b.Slots), " tasks at a time", onAverage(b.Slots), chain)
	}
	were := "full"
	if r.ns/b.Makespan() < wasFull {
		were = "full most of the time"
	}
	return f.say(allSlots(b.Slots), " ", were, ": ", work, " of work on ", someSlots(b.Slots), " takes ", of, chain)
}

func allSlots(slots float64) string {
	whole := math.Round(slots)
	switch {
	case !isWhole(slots) || whole > 12:
		return "All slots were"
	case whole == 2:
		return "Both slots were"
	}
	return "All " + numeral(int(whole)) + " slots were"
}

// someSlots is two slots, or 2.3 slots on average.
func someSlots(slots float64) string {
	if mean := meanNumeral(slots); mean != "one" {
		return mean + " slots" + onAverage(slots)
	}
	return "one slot" + onAverage(slots)
}

func onAverage(slots float64) string {
	if isWhole(slots) {
		return ""
	}
	return " on average"
}

func isWhole(slots float64) bool { return math.Abs(slots-math.Round(slots)) < 0.05 }

func (e *ended) serial(f Finding, r reason, of string) Finding {
	f = e.onChain(f)
	isAll := r.ns/e.bounds.Makespan() >= wasFull
	switch {
	case f.Tasks == 1 && isAll:
		return f.say("A single task is the makespan: ", of, ".")
	case f.Tasks == 1:
		return f.say("A single task takes ", of, ".")
	case isAll:
		return f.say("One task at a time: the chain of ", counted(f.Tasks, "task"), " is the makespan, ", of, ".")
	}
	return f.say("One task at a time: the chain of ", counted(f.Tasks, "task"), " takes ", of, ".")
}

func (e *ended) chain(f Finding, of string) Finding {
	f = e.onChain(f)
	chain := "The longest chain, " + counted(f.Tasks, "task") + ","
	if f.Tasks == 1 {
		chain = "One task"
	}
	f = f.say(chain, " takes ", of, ", however many slots there are")
	long := e.longestOn()
	if len(long) == 0 {
		return f.say(".")
	}
	return f.say(": ").list(long)
}

// onChain is about the tasks of the longest chain.
func (e *ended) onChain(f Finding) Finding {
	f.Bound, f.Tasks, f.Query = AtLeast, len(e.bounds.HeldChain.Nodes), "tab=path&cp=1"
	return f
}

// longestOn lists the tasks of the chain that make it long.
func (e *ended) longestOn() []NamedTask {
	var long []NamedTask
	for _, node := range e.bounds.HeldChain.Nodes {
		if ns := e.executed(node); float64(ns) >= worth*float64(e.bounds.HeldChain.Length) {
			long = append(long, e.task(node, float64(ns)))
		}
	}
	slices.SortFunc(long, func(a, b NamedTask) int { return cmp.Or(cmp.Compare(*b.NS, *a.NS), cmp.Compare(a.Node, b.Node)) })
	return long[:min(len(long), mostNamed)]
}

// executed is how long the last attempt of a task executed.
func (e *ended) executed(node dag.NodeID) int64 {
	rows := e.table.RowsOf(node)
	if len(rows) == 0 {
		return 0
	}
	row := e.table.Row(rows[len(rows)-1])
	return row.Ended - row.Started
}

// list says tasks with their times, and ends the sentence.
func (f Finding) list(tasks []NamedTask) Finding {
	for i, t := range tasks {
		if i > 0 {
			f = f.say(", ")
		}
		f = f.name(t).say(" ", duration(float64(*t.NS)))
	}
	return f.say(".")
}

func (e *ended) straggler() Finding {
	s := e.bounds.Straggler
	row := e.table.Row(s.Row)
	t := e.task(s.Node, float64(row.Ended-row.Started))
	f := e.finding(Straggler).about(s.Late, e.bounds.Makespan()).worked(int(row.Worker))
	f.Tasks, f.Functions, f.From, f.To, f.Query = 1, []string{t.Function}, row.Claimed, row.Updated, taskQuery(s.Node)
	return f.name(t).say(" took ", ratio(s.Ratio), " its median and ended ", duration(s.Late), " after every other ", t.Function, ".")
}

func (e *ended) engine(f Finding, of string) Finding {
	if e.run.Recorded { // what another engine did between taking a task and running it is not known to be work
		return f.say("Tasks spent ", of, " before and after their execution; the recording does not say on what.")
	}
	w, tasks := &e.bounds.Work, float64(e.bounds.Tasks)
	f.Tasks = e.bounds.Tasks
	return f.say("Tasks are tiny: the engine's work on them took ", of, ", ",
		duration(w.Engine/tasks), " a task, which itself takes ", duration(w.Execute/tasks), ".")
}

func (e *ended) backoff(f Finding, of string) Finding {
	steps := e.bounds.Path.Steps
	worst := &steps[0]
	for i := range steps {
		if steps[i].Backoff > worst.Backoff {
			worst = &steps[i]
		}
	}
	f.Tasks, f.Query = 1, taskQuery(worst.Node)
	return f.say("Waiting before retries took ", of, "; the attempts before took ", duration(e.bounds.PathTime.Again), ". ").
		name(e.task(worst.Node, float64(worst.Backoff))).say(" waited longest.")
}

func (e *ended) waiting(f Finding, of string) Finding {
	if e.run.Recorded {
		return f.say("Tasks that were ready waited ", of, " until they were started.")
	}
	busy := math.NaN()
	if ns := e.bounds.Makespan(); ns > 0 {
		busy = e.bounds.Work.Total() / (e.bounds.Slots * ns)
	}
	return f.say("Tasks waited ", of, " to be claimed although slots were free: ", someSlots(e.bounds.Slots), ", ", percent(busy), " busy.")
}
