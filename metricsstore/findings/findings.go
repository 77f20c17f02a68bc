package findings

import (
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// RunFindings is what is to say of a run.
type RunFindings struct {
	Run    record.RunID  `json:"run"`
	Status record.Status `json:"status"`
	// AsOf is the moment as of which it is said, in nanoseconds since the run's start: the end of one that has ended.
	AsOf int64 `json:"as_of_ns" doc:"The moment as of which it is said, since the start of the run; the end of a run that has ended."`
	// Makespan is from the first claim to the last end, in nanoseconds: what shares are of. 0 if no attempt has ended, and
	// for a live run.
	Makespan int64 `json:"makespan_ns" doc:"From the first claim to the last end: what shares are of. 0 if no attempt has ended, and for a live run."`
	// Findings has the one that says most first, and at least one.
	Findings []Finding `json:"findings" doc:"What says most comes first; there is at least one. The page of the run shows the first two."`
}

// New says what is worth saying of a kept run, as of now if it is live. The table of r must be the run's.
func New(r *analysis.Run, run *metricsstore.Run, expected *ExpectedEnd, now time.Time) *RunFindings {
	at := max(int64(now.Sub(run.Info.StartedAt)), r.Table.End())
	c := &Context{Status: run.StatusAt(now), EndUnknown: run.EndUnknown(), Failure: run.Error, Expected: expected}
	if o := run.Info.Imported(); o != nil {
		c.Recording = &Recording{
			Makespan: int64(o.Makespan), Explained: run.ExplainedNS(), Inferred: o.Lanes != "", Reconstructed: run.Info.Reconstructed != "",
		}
	}
	out := Of(r, at, c)
	out.Run = run.Info.ID
	for i := range out.Findings {
		f := &out.Findings[i]
		if f.Link = "/runs/" + string(out.Run); f.Query != "" {
			f.Link += "?" + f.Query
		}
	}
	return out
}

// Of says what is worth saying of a run of which the rest is known. A live run is seen as of at, in nanoseconds since its
// start, an ended one as a whole.
func Of(r *analysis.Run, at int64, c *Context) *RunFindings {
	if r.Table.Ended() {
		at = r.Table.End()
	}
	s := subject{table: r.Table, run: r, context: c, at: float64(at)}
	for node := range dag.NodeID(r.Numbering.Nodes()) {
		if r.Numbering.IsTask(node) {
			s.counts[r.Table.StateAt(node, at)]++
		}
	}
	out := &RunFindings{Status: c.Status, AsOf: at}
	switch {
	case !r.Table.Ended():
		out.Findings = s.live()
	case c.Status == record.Running && c.Recording != nil:
		out.Findings = []Finding{s.soFar()}
	default:
		e := ended{s, r.Bounds()}
		out.Makespan, out.Findings = int64(e.makespan()), e.findings()
	}
	return out
}

// subject is a run that something is said of.
type subject struct {
	table   *runtable.Table
	run     *analysis.Run
	context *Context
	at      float64
	counts  [runtable.Lost + 1]int // tasks by state
}

// finding begins one about the whole run.
func (s *subject) finding(kind Kind) Finding {
	return Finding{
		Kind: kind, Bound: NoBound, OfTasks: s.table.Tasks(), Named: []NamedTask{}, Functions: []string{}, Workers: []int{},
		Exactness: s.context.exactness(), To: int64(s.at),
	}
}

// named is a task without a time.
func (s *subject) named(node dag.NodeID) NamedTask {
	id := s.run.Numbering.Identity(s.run.Numbering.Locate(node))
	return NamedTask{Node: node, Task: id.Label(), Function: id.Function}
}

// task is one of which a time is said.
func (s *subject) task(node dag.NodeID, ns float64) NamedTask {
	t := s.named(node)
	t.NS = new(int64(ns))
	return t
}

func (s *subject) isRunning(node dag.NodeID) bool {
	return s.table.StateAt(node, int64(s.at)) == runtable.Running
}

// soFar is what is known of a recording of which more is expected: what took long in it may be another thing in the end.
func (s *subject) soFar() Finding {
	f := s.finding(Progress)
	f.Tasks = s.table.Tasks()
	f = f.say(counted(f.Tasks, "task"))
	if failed := s.counts[runtable.Failed]; failed > 0 {
		f = f.say(", ", count(float64(failed)), " of them failed,")
	}
	return f.say(" are known of the ", duration(s.at), " so far.")
}
