package dbt

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

// system is what runs are listed by.
const system = "dbt"

// run makes the run. m is its manifest, nil if there is none.
func (r *results) run(m *manifest) *records.Run {
	version := "dbt"
	if r.metadata.Version != "" {
		version += " " + r.metadata.Version
	}
	out := records.NewRun(system, version)
	out.Path = r.path
	out.Key, out.Workflow, out.Incomplete = r.metadata.Invocation, r.workflow(m), r.incomplete
	out.Params = r.params(m)
	r.dates(out)
	lanes := r.lanes()
	if len(lanes) > 0 {
		out.AddWorker("dbt")
	}
	own := m != nil && m.of(r)
	used := unique.Names{}
	out.Tasks = make([]records.Task, 0, len(r.rows))
	for i := range r.rows {
		var n *node
		if m != nil {
			n = m.nodes[r.rows[i].ID]
		}
		out.Tasks = append(out.Tasks, r.task(&r.rows[i], n, own, lanes, used))
	}
	out.Undated = !dated(out)
	r.connect(out, m)
	r.remarks(out, m)
	out.Notes = r.notes
	return out
}

func dated(out *records.Run) bool {
	return out.Ended.Known() || slices.ContainsFunc(out.Tasks, func(t records.Task) bool {
		return len(t.Attempts) > 0 && (t.Attempts[0].Started.Known() || t.Attempts[0].Ended.Known())
	})
}

// workflow is the project and the command: what is built and what is only compiled are different work.
func (r *results) workflow(m *manifest) string {
	project := r.metadata.Project
	if m != nil && project == "" {
		project = m.metadata.Project
	}
	if project == "" {
		project = r.commonPackage()
	}
	return strings.TrimSpace(project + " " + r.command())
}

// commonPackage is the package that most nodes are in, in the order of names if there are several.
func (r *results) commonPackage() string {
	count := map[string]int{}
	best := "dbt"
	for i := range r.rows {
		if parts := strings.SplitN(r.rows[i].ID, ".", 3); len(parts) == 3 {
			count[parts[1]]++
		}
	}
	most := 0
	for name, n := range count {
		if n > most || n == most && name < best {
			best, most = name, n
		}
	}
	return best
}

// command is the command of dbt as people type it: "build", "docs generate". Empty if it is not recorded.
func (r *results) command() string {
	which := cmp.Or(r.argument("which"), r.argument("rpc_method"))
	if which == "" && strings.Contains(r.metadata.Schema, "/dbt/sources/") {
		which = "freshness"
	}
	return cmp.Or(spelt[which], which)
}

// spelt are the commands of two words of which results have only one, or write a point between.
var spelt = map[string]string{
	"generate": "docs generate", "docs.generate": "docs generate",
	"freshness": "source freshness", "source.freshness": "source freshness", "source-freshness": "source freshness",
}

// compilesOnly are the commands that execute nothing, so that all nodes succeed.
var compilesOnly = map[string]bool{"docs generate": true, "compile": true, "list": true, "ls": true, "parse": true}

func (r *results) params(m *manifest) map[string]string {
	out := map[string]string{}
	add := func(name, value string) {
		if value != "" {
			out[name] = value
		}
	}
	add("command", cmp.Or(r.argument("invocation_command"), strings.TrimSpace("dbt "+r.command())))
	for _, name := range []string{"select", "models", "exclude", "selector", "target", "profile", "threads", "full_refresh"} {
		add(name, r.argument(name))
	}
	add("invoked", r.metadata.Started)
	if m != nil {
		add("adapter", m.metadata.Adapter)
	}
	return out
}

// dates sets the moments of the run: it ends when the file is written, and took elapsed_time.
func (r *results) dates(out *records.Run) {
	out.Ended = r.moment(r.metadata.Generated)
	if r.elapsed < 0 {
		return
	}
	out.Makespan = r.elapsed
	if out.Ended.Known() && int64(out.Ended) > int64(r.elapsed) {
		out.Started = out.Ended.Add(-r.elapsed)
		r.notes.Remark(record.NoteInferred, "the run starts elapsed_time before its results were written")
	}
}

// lanes numbers the threads, in the order of their numbers.
func (r *results) lanes() map[string]int32 {
	var names []string
	for i := range r.rows {
		if outcome, known := outcomeOf(&r.rows[i]); r.rows[i].Thread != "" && !(known && outcome == record.OutcomeSkipped) {
			names = append(names, r.rows[i].Thread)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(threadNumber(a), threadNumber(b)), cmp.Compare(a, b)) })
	names = slices.Compact(names)
	lanes := make(map[string]int32, len(names))
	for i, name := range names {
		lanes[name] = int32(i)
	}
	return lanes
}

// threadNumber is the number in "Thread-4 (worker)", -1 if there is none.
func threadNumber(name string) int {
	digits := strings.TrimLeft(name, "ThreadPolExcut-_ ")
	if end := strings.IndexFunc(digits, func(c rune) bool { return c < '0' || c > '9' }); end >= 0 {
		digits = digits[:end]
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return -1
	}
	return n
}

// task makes the task of a result. own: n is of the same invocation.
func (r *results) task(o *row, n *node, own bool, lanes map[string]int32, used unique.Names) records.Task {
	id := used.ID(bounded.Text(o.ID))
	if id != bounded.Text(o.ID) {
		r.notes.Repaired(1, "nodes have more than one result: each is a task")
	}
	t := records.NewTask(id)
	kind, rest, _ := strings.Cut(o.ID, ".")
	_, name, _ := strings.Cut(rest, ".")
	t.Function, t.Name = bounded.Text(kind), bounded.Text(cmp.Or(name, o.ID))
	if n != nil && n.name != "" {
		t.Name = bounded.Text(n.name)
	}
	for _, code := range []*string{o.Compiled, o.CompileD} {
		if code != nil && t.Command == "" {
			t.Command = bounded.Text(*code)
		}
	}
	if t.Command == "" && own && n != nil {
		t.Command = bounded.Text(n.code)
	}
	outcome, known := outcomeOf(o)
	if !known {
		r.notes.LeftOut(1, fmt.Sprintf("nodes have the status %.40q, which is not known", textOf(o.Status)))
	}
	if outcome == record.OutcomeSkipped {
		t.Skipped = true
		if message := textOf(o.Message); message != "" {
			r.notes.Recorded(1, fmt.Sprintf("nodes were skipped with the message %.200q", message))
		}
		return t
	}
	a := r.attempt(o, kind, outcome)
	if lane, ok := lanes[o.Thread]; ok {
		a.Worker, a.Lane = 0, lane
	}
	a.Log = bounded.Lines(o.facts(n, outcome)...)
	t.Attempts = []records.Attempt{a}
	return t
}

// statuses are those of dbt 0.19 and later.
var statuses = map[string]record.Outcome{
	"success": record.OutcomeOK, "pass": record.OutcomeOK, "warn": record.OutcomeOK, "no-op": record.OutcomeOK,
	"error": record.OutcomeFailed, "fail": record.OutcomeFailed, "runtime error": record.OutcomeFailed,
	"partial success": record.OutcomeFailed, "skipped": record.OutcomeSkipped, "reused": record.OutcomeCached,
}

// outcomeOf reads the status. Before 0.19 it is what the database said, and there are flags next to it.
func outcomeOf(o *row) (outcome record.Outcome, known bool) {
	if o.Node != nil {
		switch {
		case isTrue(o.Skip):
			return record.OutcomeSkipped, true
		case isTrue(o.Error), isTrue(o.Fail):
			return record.OutcomeFailed, true
		}
		return record.OutcomeOK, true
	}
	outcome, known = statuses[strings.ToLower(textOf(o.Status))]
	return outcome, known
}

// attempt sets the moments. The work of hooks, and of all nodes if dbt only compiles, lies in the phase "compile".
func (r *results) attempt(o *row, kind string, outcome record.Outcome) records.Attempt {
	a := records.NewAttempt()
	a.Outcome = outcome
	compile, execute := r.phaseOf(o, "compile"), r.phaseOf(o, "execute")
	a.Claimed, a.Started, a.Ended = compile[0], execute[0], execute[1]
	if !a.Started.Known() && !a.Ended.Known() { // it failed while it was compiled, or was not executed
		a.Started, a.Ended = compile[0], compile[1]
	}
	if kind == "operation" || kind == "sql_operation" || compilesOnly[r.command()] {
		if compile[0].Known() {
			a.Started = compile[0]
			r.notes.Inferred(1, "nodes did their work in the phase \"compile\", so that their body is both phases")
		}
	}
	if seconds := durationOf(o.Seconds); !a.Started.Known() && !a.Ended.Known() {
		a.Claimed = records.Unknown
		a.Runtime = seconds
		r.notes.Recorded(1, "nodes have a duration and no moments")
	}
	if outcome == record.OutcomeCached {
		a.Runtime = max(a.Runtime, 0)
	}
	if outcome == record.OutcomeFailed {
		a.Error = &records.Failure{Message: cmp.Or(textOf(o.Message), textOf(o.Error), textOf(o.Status))}
	}
	return a
}

// phaseOf returns when a phase began and ended.
func (r *results) phaseOf(o *row, name string) [2]records.Moment {
	for _, p := range o.Timing {
		if p.Name == name {
			return [2]records.Moment{r.moment(p.Start), r.moment(p.End)}
		}
	}
	return [2]records.Moment{records.Unknown, records.Unknown}
}

// facts are what else is recorded about a node.
func (o *row) facts(n *node, outcome record.Outcome) []string {
	var out []string
	add := func(name, value string) {
		if value != "" {
			out = append(out, name+" "+value)
		}
	}
	add("status", textOf(o.Status))
	if outcome != record.OutcomeFailed {
		add("message", textOf(o.Message))
	}
	add("failures", textOf(o.Failures))
	add("thread", o.Thread)
	if seconds := durationOf(o.Seconds); seconds >= 0 {
		add("execution_time", seconds.Round(time.Microsecond).String())
	}
	if o.Relation != nil {
		add("relation", *o.Relation)
	}
	if o.MaxLoaded != nil {
		add("max_loaded_at", *o.MaxLoaded)
	}
	if n != nil {
		add("materialized", n.materialized)
		add("file", n.file)
	}
	add("batch_results", textOf(o.Batches))
	return append(out, o.adapter())
}

// remarks says what concerns the record as a whole.
func (r *results) remarks(out *records.Run, m *manifest) {
	warned := 0
	for i := range r.rows {
		if strings.EqualFold(textOf(r.rows[i].Status), "warn") || isTrue(r.rows[i].Warn) {
			warned++
		}
	}
	r.notes.Recorded(warned, "tests warned, which is no failure")
	if command := r.command(); compilesOnly[command] {
		r.notes.Remark(record.NoteRecorded, "dbt %s only compiles: success says nothing about models or tests", command)
	}
	switch {
	case m == nil:
		r.notes.Remark(record.NoteInferred, "results have no dependencies; manifest.json next to them would show them")
	case m.incomplete != "":
		out.Incomplete = bounded.Lines(out.Incomplete, m.incomplete)
	}
	if m != nil && !m.of(r) {
		r.notes.Remark(record.NoteInferred, "the manifest is of another invocation, so only names and dependencies were read from it")
	}
}
