package analysis

import (
	"math"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// PathPhases is how time on the critical path splits up, in nanoseconds.
type PathPhases struct {
	// Again is for earlier attempts of a task, and the life of an output that was lost and made again.
	Again int64 `json:"again_ns"`
	// Backoff is between an attempt that failed and the moment from which the next could be claimed.
	Backoff int64 `json:"backoff_ns"`
	// Stood: the run was paused, or had ended and was continued later.
	Stood int64 `json:"stood_ns"`
	// Unready is before a task was ready, though what it waited for was over: of a recorded run, which does not say why.
	Unready int64 `json:"unready_ns"`
	// Queue is for waiting to be claimed.
	Queue int64 `json:"queue_ns"`
	// Wait is from the claim until all inputs are present, without Fetch: the engine's own time.
	Wait    int64 `json:"wait_ns"`
	Fetch   int64 `json:"fetch_ns"`
	Execute int64 `json:"execute_ns"`
	Store   int64 `json:"store_ns"`
	Update  int64 `json:"update_ns"`
}

// Total is the sum of all phases.
func (p *PathPhases) Total() int64 {
	return p.Again + p.Backoff + p.Stood + p.Unready + p.Queue + p.Wait + p.Fetch + p.Execute + p.Store + p.Update
}

// NamedPhase is one phase of a path.
type NamedPhase struct {
	Name string
	NS   int64
}

// Named lists all phases, in the order in which they follow each other.
func (p *PathPhases) Named() []NamedPhase {
	return []NamedPhase{
		{"again", p.Again},
		{"backoff", p.Backoff},
		{"stood", p.Stood},
		{"unready", p.Unready},
		{"queue", p.Queue},
		{"wait", p.Wait},
		{"fetch", p.Fetch},
		{"execute", p.Execute},
		{"store", p.Store},
		{"update", p.Update},
	}
}

// Add adds the phases of another stretch of the path.
func (p *PathPhases) Add(o *PathPhases) {
	p.Again += o.Again
	p.Backoff += o.Backoff
	p.Stood += o.Stood
	p.Unready += o.Unready
	p.Queue += o.Queue
	p.Wait += o.Wait
	p.Fetch += o.Fetch
	p.Execute += o.Execute
	p.Store += o.Store
	p.Update += o.Update
}

// PathStep is one task on the critical path, from the moment at which the step before it ends to that at which the next
// begins; of the first, from the first claim of the run; of the last, to its end. Moments are nanoseconds since the
// run's start.
type PathStep struct {
	Node dag.NodeID `json:"node"`
	// Row is the number of the attempt in the run's table.
	Row  int   `json:"row"`
	From int64 `json:"from_ns"`
	To   int64 `json:"to_ns"`
	PathPhases
}

// Path is the chain of tasks that a run ended with, as it happened: queueing, retries and pauses included.
type Path struct {
	Steps []PathStep `json:"steps"`
	// Phases is the sum over the steps. Its total is the makespan.
	Phases PathPhases `json:"phases"`
}

// Path walks back from the task that ended last, always to the one it waited for that ended last. It is nil for a run
// that has not ended, because what only the end can show is not guessed, and if no attempt has ended.
func (r *Run) Path() *Path {
	row := r.lastEnded()
	if !r.ended || row == noRow {
		return nil
	}
	firstClaim, to := r.makespan()
	a, path := &r.attempts, &Path{}
	for row != noRow {
		before := r.heldUp(row)
		from := firstClaim
		if before != noRow {
			from = max(firstClaim, min(to, a.updated[before]))
		}
		path.Steps = append(path.Steps, r.pathStep(row, from, to))
		row, to = before, from
	}
	for i, j := 0, len(path.Steps)-1; i < j; i, j = i+1, j-1 {
		path.Steps[i], path.Steps[j] = path.Steps[j], path.Steps[i]
	}
	for i := range path.Steps {
		path.Phases.Add(&path.Steps[i].PathPhases)
	}
	return path
}

// lastEnded is the row that was over last. Skipped tasks did nothing and are no end. Of equal moments it is the later
// row: the log has causes before effects, and a task may take no time at all.
func (r *Run) lastEnded() int {
	a, last := &r.attempts, noRow
	for row := range a.node {
		if a.outcome[row] == record.OutcomeSkipped || !a.over(row) {
			continue
		}
		if last == noRow || a.updated[row] >= a.updated[last] {
			last = row
		}
	}
	return last
}

// heldUp is the attempt that an attempt waited for longest, noRow if it waited for none.
func (r *Run) heldUp(row int) int {
	a, latest := &r.attempts, noRow
	for _, parent := range r.waits.parents(a.node[row]) {
		candidate := a.source(parent, row)
		if candidate != noRow && a.over(candidate) && (latest == noRow || a.later(candidate, latest)) {
			latest = candidate
		}
	}
	return latest
}

// later decides which of two attempts was over later. At the same moment it is the one that was executed, because what
// was cached held up nothing; else the one that took no time, because it may have waited for the other; of two such the
// later row, which a task has after those that it waited for.
func (a *attempts) later(x, y int) bool {
	if a.updated[x] != a.updated[y] {
		return a.updated[x] > a.updated[y]
	}
	isCached := func(row int) bool { return a.outcome[row] == record.OutcomeCached }
	if isCached(x) != isCached(y) {
		return isCached(y)
	}
	at := a.updated[x]
	return a.claimed[x] == at && (a.claimed[y] != at || x > y)
}

// pathStep splits up the time of a step. A child that its worker became may be claimed a little before its parent is
// over, so the phases of the attempt are given what there is, from the last to the first.
func (r *Run) pathStep(row int, from, to float64) PathStep {
	known := r.attempts.phases(row)
	left := to - from
	take := func(ns float64) int64 {
		part := min(left, orZero(ns))
		left -= part
		return int64(part)
	}
	step := PathStep{Node: r.attempts.node[row], Row: row, From: int64(from), To: int64(to)}
	step.Update, step.Store = take(known.update), take(known.store)
	step.Execute, step.Fetch, step.Wait = take(known.execute), take(known.fetch), take(known.wait)
	r.beforeClaim(&step.PathPhases, row, from, from+left)
	return step
}

// beforeClaim splits up the time that passed before the last attempt of a task was claimed.
func (r *Run) beforeClaim(p *PathPhases, row int, from, claimed float64) {
	a := &r.attempts
	var again, backoff float64
	stood, _ := r.stood(from, claimed)
	nextReady := inside(a.ready[row], from, claimed)
	for earlier := a.before[row]; earlier >= 0 && nextReady > from; earlier = a.before[earlier] {
		over := inside(a.updated[earlier], from, nextReady)
		if !a.over(int(earlier)) || math.IsNaN(a.claimed[earlier]) {
			break
		}
		began := inside(a.claimed[earlier], from, over)
		again += over - began
		// An attempt that still ran when the run was paused took its own time.
		ran, _ := r.stood(began, over)
		stood -= ran
		idle, _ := r.stood(over, nextReady)
		if gap := nextReady - over - idle; a.outcome[earlier] == record.OutcomeRetrying {
			backoff += gap
		} else {
			again += gap // what ended well and was made again did not back off: its output was lost later
		}
		nextReady = inside(a.ready[earlier], from, began)
	}
	left := max(0, claimed-from-again-backoff-stood)
	if r.Recorded {
		p.Unready = int64(min(left, nextReady-from))
	}
	p.Again, p.Backoff, p.Stood, p.Queue = int64(again), int64(backoff), int64(stood), int64(left)-p.Unready
}

// inside moves a moment into [from, to]; one that is not known to from.
func inside(at, from, to float64) float64 {
	if math.IsNaN(at) {
		return from
	}
	return max(from, min(to, at))
}
