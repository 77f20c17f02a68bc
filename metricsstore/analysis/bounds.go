package analysis

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

// Bounds are lower bounds of the makespan of an ended run, and what its time went into: the figures from which the reason
// of its length follows. Times are nanoseconds; what was measured is whole, means are not.
type Bounds struct {
	// From and To are the first claim and the last end, between which the makespan lies.
	From, To float64
	// Slots is how many existed on average while there were any.
	Slots float64
	// Work is of all attempts; WorkNS is Work ÷ Slots, what the run takes if every slot works all the time.
	Work   SlotWork
	WorkNS float64
	// Chain is the longest chain by execution alone, HeldChain the same with what moving data and the engine took for the
	// tasks on it, and ChainWork what the tasks of HeldChain did.
	Chain, HeldChain Chain
	ChainWork        SlotWork
	// Path and PathTime are the critical path, and its time by why it passed.
	Path     *Path
	PathTime PathTime
	// Paused is for how long the run was paused, whatever still ran meanwhile.
	Paused float64
	// Tasks is how many did something.
	Tasks     int
	Occupancy Occupancy
	// Straggler is nil if there is none.
	Straggler *Straggler
	// Largest is the function with the largest share of the execution; nil if nothing executed.
	Largest *FunctionShare
}

// Makespan is from the first claim to the last end, in nanoseconds.
func (b *Bounds) Makespan() float64 { return b.To - b.From }

// SlotWork is time of slots by what they did for attempts, added up over all slots, in nanoseconds. While an attempt waits
// for processors or memory, its slot does nothing.
type SlotWork struct {
	// Execute is for the bodies of attempts that ended well.
	Execute float64
	// Moving is for fetching inputs and what was cached, and for storing outputs.
	Moving float64
	// Engine is for claiming, preparing inputs and notifying children.
	Engine float64
	// Again is for attempts that did not end well, as a whole.
	Again float64
}

// Total is the sum of all parts.
func (w *SlotWork) Total() float64 { return w.Execute + w.Moving + w.Engine + w.Again }

// PathTime is the time of the critical path by why it passed, in nanoseconds. Together it is the makespan.
type PathTime struct {
	Execute, Moving, Engine, Again, Backoff float64
	Paused                                  float64
	// Over: the run had ended and was continued later.
	Over float64
	// Full and Free are for waiting while every slot was at work, and although one was free.
	Full, Free float64
	// Absent is for waiting while there was no worker, Blocked for waiting in a slot, for processors or memory.
	Absent, Blocked float64
	// Unready: nothing on the path was ready, for reasons that a record does not give.
	Unready float64
}

// FunctionShare is a function and its part in what all tasks executed.
type FunctionShare struct {
	Function int // in the functions of the graph
	NS       float64
	Share    float64
}

// Bounds computes the bounds of a run; nil for one that has not ended, and if no attempt has ended.
func (r *Run) Bounds() *Bounds {
	path := r.Path()
	if path == nil {
		return nil
	}
	from, to := r.makespan()
	slots := r.slotsOf()
	gaps := r.claimGaps(slots)
	w := r.works(gaps)
	order := r.waits.order()
	b := &Bounds{
		From: from, To: to, Work: w.ofRows(), Tasks: w.tasks, Path: path,
		Chain: w.ran(r.waits.longestChain(order, w.execute)), HeldChain: w.ran(r.waits.longestChain(order, w.held)),
		Occupancy: r.occupancy(slots, gaps, from, to), Straggler: r.straggler(), Largest: w.largest(),
	}
	stood, over := r.stood(from, to)
	b.Paused = stood - over
	// Between two revisions there are no workers; when a run is paused, its slots exist and are idle. Time without any
	// worker has a bound of its own.
	if going := to - from - over - b.Occupancy.absent.growth(from, to); going > 0 {
		b.Slots = slotTime(slots, from, to) / going
	}
	if b.Slots > 0 {
		b.WorkNS = b.Work.Total() / b.Slots
	}
	b.ChainWork = w.ofNodes(b.HeldChain.Nodes)
	b.PathTime = r.pathTime(path, gaps, &b.Occupancy, from)
	return b
}

// works is what every attempt did, and of every task the one that counts.
type works struct {
	run           *Run
	gaps          []float64
	counted       []int32
	execute, held []float64 // by node
	tasks         int       // that did something
}

func (r *Run) works(gaps []float64) *works {
	a, nodes := &r.attempts, len(r.waits.isTask)
	w := &works{run: r, gaps: gaps, counted: r.counted(), execute: make([]float64, nodes), held: make([]float64, nodes)}
	for node, row := range w.counted {
		if row == noRow {
			continue
		}
		p := a.phases(int(row))
		w.execute[node] = orZero(p.execute)
		w.held[node] = orZero(a.updated[row] - a.claimed[row] + gaps[row] - blocked(p.wait, w.run.Recorded))
		if w.held[node] > 0 {
			w.tasks++
		}
	}
	return w
}

// ran is a chain without the tasks that never ran.
func (w *works) ran(c Chain) Chain {
	c.Nodes = slices.DeleteFunc(c.Nodes, func(node dag.NodeID) bool { return w.counted[node] == noRow })
	return c
}

func (w *works) ofRows() (sum SlotWork) {
	for row := range w.gaps {
		w.add(&sum, row)
	}
	return sum
}

func (w *works) ofNodes(nodes []dag.NodeID) (sum SlotWork) {
	for _, node := range nodes {
		if row := w.counted[node]; row != noRow {
			w.add(&sum, int(row))
		}
	}
	return sum
}

func (w *works) add(sum *SlotWork, row int) {
	a := &w.run.attempts
	held := a.updated[row] - a.claimed[row]
	if !(held >= 0) {
		return
	}
	sum.Engine += w.gaps[row]
	if !a.counts(row, int(a.last[a.node[row]]) == row) {
		sum.Again += held
		return
	}
	p := a.phases(row)
	sum.Execute += p.execute
	sum.Moving += p.fetch + p.store
	sum.Engine += p.wait - blocked(p.wait, w.run.Recorded) + p.update
}

func (w *works) largest() *FunctionShare {
	sums := make([]float64, len(w.run.Numbering.Graph().Functions()))
	total := 0.0
	for node, ns := range w.execute {
		if w.run.waits.isTask[node] {
			sums[w.run.function[node]] += ns
			total += ns
		}
	}
	if !(total > 0) {
		return nil
	}
	most := FunctionShare{NS: -1}
	for fn, ns := range sums {
		if ns > most.NS {
			most = FunctionShare{fn, ns, ns / total}
		}
	}
	return &most
}

// pathTime splits up the time of the critical path, from its first claim on.
func (r *Run) pathTime(path *Path, gaps []float64, o *Occupancy, from float64) PathTime {
	t := PathTime{Execute: float64(path.Phases.Execute), Again: float64(path.Phases.Again), Backoff: float64(path.Phases.Backoff)}
	for i := range path.Steps {
		s := &path.Steps[i]
		start, queue := float64(s.From+s.Unready), float64(s.Queue)
		t.Unready += float64(s.Unready)
		t.Moving += float64(s.Fetch + s.Store)
		blocked := blocked(float64(s.Wait), r.Recorded)
		t.Blocked += blocked
		t.Engine += float64(s.Wait+s.Update) - blocked
		_, over := r.stood(float64(s.From), float64(s.To))
		over = min(float64(s.Stood), over)
		t.Over += over
		t.Paused += float64(s.Stood) - over
		gap := min(queue, gaps[s.Row])
		claimed, waited := r.attempts.claimed[s.Row]-gap, queue-gap
		full := min(waited, o.full.growth(start, claimed))
		absent := min(waited-full, o.absent.growth(start, claimed))
		free := waited - full - absent
		t.Full += full
		t.Absent += absent
		t.Engine += gap
		if r.isShort(s.Row, free) { // tasks that a lane keeps while another one is being woken do not wait
			t.Engine += free
		} else {
			t.Free += free
		}
	}
	return t
}
