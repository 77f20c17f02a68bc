package findings

import (
	"math"
	"strconv"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

const (
	// worth is the share of the makespan from which on a finding comes first.
	worth = 0.1
	// often is the share of the makespan in which slots had nothing ready, from which on that stands out.
	often = 0.25
	// most of all work makes a function worth naming.
	most = 0.5
)

// ended is a run that has ended, as it is explained.
type ended struct {
	subject
	bounds *analysis.Bounds // nil if no attempt has ended
}

// findings lists what is to say of an ended run: how it ended if it did not succeed, what its recording leaves open, what
// it was long for.
func (e *ended) findings() []Finding {
	var out []Finding
	for _, f := range []*Finding{e.end(), e.unexplained()} {
		if f != nil {
			out = append(out, *f)
		}
	}
	if e.bounds != nil {
		out = append(out, e.withCached()...)
	}
	if len(out) == 0 {
		out = append(out, e.finding(NothingDone).say("No task has ended."))
	}
	return out
}

// withCached says first that nothing was executed if all was cached; else how much was comes after what took long, and
// what is said of times is about the rest.
func (e *ended) withCached() []Finding {
	cached, all := e.counts[runtable.Cached], e.table.Tasks()
	f := e.finding(Cached)
	f.Tasks = cached
	if cached > 0 && cached == all {
		f = f.about(e.makespan(), e.makespan()).say("Nothing was executed: ", allOf(all), " cached")
		if e.makespan() > 0 {
			f = f.say("; taking what they had made took ", duration(e.makespan()))
		}
		return []Finding{f.say(".")}
	}
	out := e.long()
	if cached == 0 {
		return out
	}
	were := " were cached."
	if cached == 1 {
		were = " was cached."
	}
	f = f.say(count(float64(cached)), " of ", counted(all, "task"), were)
	return append([]Finding{out[0], f}, out[1:]...)
}

func allOf(tasks int) string {
	if tasks == 1 {
		return "its only task was"
	}
	return "all " + counted(tasks, "task") + " were"
}

// long lists what the run was long for, most of it first, and what else is worth saying. What went wrong explains more than
// what took long.
func (e *ended) long() []Finding {
	if e.makespan() == 0 { // as of recorded steps that were cached
		return []Finding{e.finding(NoTime).say("No task took any time.")}
	}
	reasons := reasonsOf(e.bounds)
	is := func(kind Kind) bool {
		for _, r := range reasons {
			if r.kind == kind {
				return true
			}
		}
		return false
	}
	var out []Finding
	if gap := e.over(); gap > 0 && !is(Continued) {
		out = append(out, e.continued(gap))
	}
	lost := e.lost()
	if lost != nil && float64(*lost.NS) >= worth*e.makespan() {
		out, lost = append(out, *lost), nil
	}
	for i, r := range reasons {
		f := e.explain(r)
		f.Reason = true
		if i == 0 && e.context.exactness() == Reconstructed {
			f = asReconstructed(f)
		}
		out = append(out, f)
	}
	if lost != nil {
		out = append(out, *lost)
	}
	// Less than a twentieth of the makespan is not what made the run long.
	if s := e.bounds.Straggler; s != nil && s.Late >= worth/2*e.makespan() && !is(Straggler) {
		out = append(out, e.straggler())
	}
	for _, f := range []*Finding{e.function(is(Full)), e.starved()} {
		if f != nil {
			out = append(out, *f)
		}
	}
	return out
}

// asReconstructed says of a sentence that what it is about was not measured.
func asReconstructed(f Finding) Finding {
	if !f.beginsWithTask {
		f.Sentence = lower(f.Sentence)
	}
	f.Sentence = "As reconstructed, " + f.Sentence
	return f
}

// makespan of the run in nanoseconds, 0 if no attempt has ended.
func (e *ended) makespan() float64 {
	if e.bounds == nil {
		return 0
	}
	return e.bounds.Makespan()
}

// finding begins one about the whole makespan.
func (e *ended) finding(kind Kind) Finding {
	f := e.subject.finding(kind)
	if e.bounds != nil {
		f.From, f.To = int64(e.bounds.From), int64(e.bounds.To)
	}
	return f
}

// over is for how long the run had ended until it was continued, which its makespan does not show.
func (e *ended) over() (ns float64) {
	for _, s := range e.run.Standstills() {
		if s.Over {
			ns += max(0, s.To-max(s.From, 0))
		}
	}
	return ns
}

// standstill is about the longest pause of a run, or the longest time between two revisions.
func (e *ended) standstill(f Finding, over bool) Finding {
	var longest analysis.Standstill
	for _, s := range e.run.Standstills() {
		if s.Over == over && s.To-s.From > longest.To-longest.From {
			longest = s
		}
	}
	f.From, f.To = int64(longest.From), int64(longest.To)
	f.Query = "range=" + seconds(f.From) + "," + seconds(f.To)
	return f
}

// unexplained is how much of what was recorded the tasks explain.
func (e *ended) unexplained() *Finding {
	r := e.context.Recording
	if r == nil {
		return nil
	}
	all, rest := float64(r.Makespan), float64(r.Makespan-r.Explained)
	if !(rest > 0 && rest >= worth*all) {
		return nil
	}
	f := e.finding(Unexplained).about(rest, all).
		say("Tasks explain ", duration(float64(r.Explained)), " of ", duration(all), "; what the other ", duration(rest), " went into is not in the recording.")
	return &f
}

// function is the one that most of the work is of, if slots were full of work.
func (e *ended) function(isFull bool) *Finding {
	functions, l := e.run.Numbering.Graph().Functions(), e.bounds.Largest
	if l == nil || len(functions) < 2 || l.Share < most || !isFull {
		return nil
	}
	f := e.finding(Function).about(l.NS, e.bounds.Makespan())
	f.Functions, f.Query = []string{functions[l.Function].Name()}, "mode=function"
	f.Share = &l.Share
	f = f.say(f.Functions[0], " is ", percent(l.Share), " of the work, ", duration(l.NS), ".")
	return &f
}

// starved is what slots that had nothing ready waited for. That one slot worked alone is the case that says most.
func (e *ended) starved() *Finding {
	b, o := e.bounds, &e.bounds.Occupancy
	if math.Round(b.Slots) < 2 {
		return nil
	}
	isOften, of := o.Starved >= often*b.Makespan(), " of "+duration(b.Makespan())
	if o.Solo >= worth*b.Makespan() && (!isOften || o.Solo >= o.Starved/2) {
		f := e.finding(Solo).about(o.Solo, b.Makespan()).
			say("For ", duration(o.Solo), of, " one slot worked and ", numeral(int(math.Round(b.Slots))-1), " had nothing ready: ")
		f = e.held(f, o.SoloRows)
		return &f
	}
	if !isOften {
		return nil
	}
	f := e.finding(Starved).about(o.Starved, b.Makespan())
	if len(o.StarvedBy) == 0 || o.StarvedBy[0].NS < worth*o.Starved {
		f = f.say("For ", duration(o.Starved), of, " hardly anything ran and nothing was ready.")
		return &f
	}
	f = e.held(f.say("For ", duration(o.Starved), of, " slots had nothing ready, ",
		meanNumeral(o.StarvedSlots/o.Starved), " of ", meanNumeral(b.Slots), " on average. Longest ran "), o.StarvedBy)
	return &f
}

// held lists the tasks of rows that held slots, and ends the sentence.
func (e *ended) held(f Finding, rows []analysis.RowTime) Finding {
	var tasks []NamedTask
	for _, r := range rows[:min(len(rows), mostNamed)] {
		row := e.table.Row(r.Row)
		tasks = append(tasks, e.task(row.Node, r.NS))
		f = f.worked(int(row.Worker))
	}
	all := map[dag.NodeID]bool{}
	for _, r := range rows {
		all[e.table.Row(r.Row).Node] = true
	}
	f.Tasks = len(all)
	if len(tasks) > 0 {
		f.Query = taskQuery(tasks[0].Node)
	}
	return f.list(tasks)
}

func taskQuery(node dag.NodeID) string { return "task=" + strconv.FormatUint(uint64(node), 10) }

// lost is what was lost with workers, which is worth saying however little it was; nil if nothing was.
func (e *ended) lost() *Finding {
	var attempts, longest int
	held, tasks := -1.0, map[dag.NodeID]bool{}
	f := e.finding(Lost)
	for i := range e.table.Rows() {
		row := e.table.Row(i)
		if row.Outcome != record.OutcomeLost {
			continue
		}
		attempts++
		tasks[row.Node] = true
		ns := 0.0
		if row.Has&runtable.HasClaimed != 0 && row.Has&runtable.HasUpdated != 0 {
			ns = float64(row.Updated - row.Claimed)
		}
		if row.Worker != runtable.NoWorker {
			f = f.worked(int(row.Worker))
		}
		if ns > held {
			longest, held = i, ns
		}
	}
	if attempts == 0 {
		return nil
	}
	row := e.table.Row(longest)
	f = f.about(held, e.bounds.Makespan())
	f.Tasks, f.Query = len(tasks), taskQuery(row.Node)
	after := ""
	if held > 0 {
		after = ", " + duration(held) + " after it was claimed"
	}
	f = e.lostWords(f, e.task(row.Node, held), attempts, after)
	return &f
}

// lostWords names the attempt that was held longest. A worker that died cannot be distinguished from one that cannot reach
// the store, and a recording that ends too early knows of no worker that was lost.
func (e *ended) lostWords(f Finding, first NamedTask, attempts int, after string) Finding {
	switch {
	case e.run.Recorded && attempts == 1:
		return f.name(first).say(" was lost or has no recorded end", after, ".")
	case e.run.Recorded:
		return f.say(counted(attempts, "attempt"), " were lost or have no recorded end: ").name(first).say(after, ", and others.")
	}
	workers := 0
	for _, m := range e.table.Marks() {
		if m.Kind == record.WorkerStopped && m.Value >= runtable.WorkerLost {
			workers++
		}
	}
	who := "A worker was lost or cut off"
	if workers > 1 {
		who = capital(numeral(workers)) + " workers were lost or cut off"
	}
	if attempts == 1 {
		return f.say(who, " with ").name(first).say(after, ".")
	}
	return f.say(who, " with ", counted(attempts, "attempt"), ": ").name(first).say(after, ", and others.")
}
