package gotestjson

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

// finish makes a run of the tests; cut is the number of a last line without an end, else 0.
func (b *builder) finish(cut int) *records.Run {
	r := records.NewRun("Go", "go test -json")
	r.Workflow = b.workflow()
	r.Key = b.first
	spans := make([]records.Span, len(b.tests))
	names := unique.Names{}
	open := 0
	for i := range b.tests {
		t := &b.tests[i]
		if t.parent != records.None {
			t.cached = b.tests[b.root(t)].cached
		} else if t.end == nil {
			open++
		}
		if t.end != nil && t.end.Action == "fail" {
			r.Status = record.Failed
		}
		spans[i] = b.span(r, i, names)
	}
	b.say(r)
	if open > 0 {
		r.Incomplete = fmt.Sprintf("%d packages have not ended", open)
	}
	if cut > 0 {
		r.Incomplete = fmt.Sprintf("the file ends in the middle of line %d", cut)
	}
	r.Notes.Remark(record.NoteRecorded, "moments are those at which the go command read what tests printed")
	r.AddSpans(spans)
	return r
}

// say adds the lines that are no events, which are errors of builds or just what the go command does.
func (b *builder) say(r *records.Run) {
	text := strings.TrimSpace(string(b.other))
	if r.Status == record.Failed {
		r.Error = bounded.Text(text)
		r.Notes.LeftOut(b.strays.Count, b.strays.Text("lines are no events and are the error of the run"))
		return
	}
	first, _, _ := strings.Cut(text, "\n")
	r.Notes.LeftOut(b.strays.Count, b.strays.Text("lines are no events")+"; the first one with text is: "+bounded.Text(first[:min(len(first), 200)]))
}

// root is the number of the package of a test.
func (b *builder) root(t *test) int32 {
	n := t.parent
	for b.tests[n].parent != records.None {
		n = b.tests[n].parent
	}
	return n
}

// span is the span of a test.
func (b *builder) span(r *records.Run, i int, names unique.Names) records.Span {
	t := &b.tests[i]
	id, name, function := t.pkg, t.pkg, "package"
	if t.name != "" {
		id, name, function = t.pkg+"."+t.name, t.name, t.pkg
	}
	s := records.NewSpan(names.ID(id))
	s.Name, s.Function, s.Parent = name, function, t.parent
	s.Start = t.began
	if t.paused {
		s.Ready = t.run
		r.Notes.Recorded(1, "tests paused, and start when they continue")
	}
	var late bool
	s.End, late = t.ended()
	if late {
		r.Notes.Inferred(1, "tests end after their duration, as the event of their end came later")
	}
	s.Outcome = t.outcome()
	b.missing(r, t, &s)
	s.Log = bounded.Text(strings.TrimSpace(string(t.output)))
	if t.paused && t.before > 0 {
		s.Log = bounded.Lines(fmt.Sprintf("at work for %v before it paused", t.before), s.Log)
	}
	switch {
	case s.Outcome == record.OutcomeFailed:
		s.Error = t.failure()
	case t.end != nil && t.end.Action == "skip" && t.name != "":
		r.Notes.Recorded(1, "tests skipped themselves and count as succeeded")
	case t.end != nil && t.end.Action == "skip":
		r.Notes.Recorded(1, "packages have no tests and count as succeeded")
	}
	return s
}

// missing ends what has no end itself.
func (b *builder) missing(r *records.Run, t *test, s *records.Span) {
	if t.end != nil || t.name == "" {
		return
	}
	if t.benchmark() {
		s.End, s.Outcome = t.last, record.OutcomeOK
		r.Notes.Inferred(1, "benchmarks have no end and end with their last event")
		return
	}
	pkg := &b.tests[b.root(t)]
	if pkg.end == nil {
		return
	}
	s.End, _ = pkg.ended()
	s.Outcome = record.OutcomeLost
	s.Error = &records.Failure{Kind: record.WorkerLostError, Message: "the process of the package ended before the test did"}
	if t.paused && t.began == t.run {
		s.Ready, s.Start = t.run, records.Unknown // it never continued
	}
	r.Notes.Inferred(1, "tests have no end, as the process of their package ended before")
}

// failure is what is known about why a test failed.
func (t *test) failure() *records.Failure {
	text := strings.TrimSpace(cmp.Or(t.build, string(t.output)))
	f := &records.Failure{Message: bounded.Text(cmp.Or(text, "failed"))}
	if i := strings.Index(text, "\ngoroutine "); i >= 0 {
		f.Kind = record.PanicError
		f.Message, f.Stack = bounded.Text(strings.TrimSpace(text[:i])), bounded.Text(text[i+1:])
	}
	if strings.Contains(f.Message, "panic: test timed out after") {
		f.Kind = record.TimeoutError
	}
	return f
}

// workflow names what the packages have in common.
func (b *builder) workflow() string {
	var common []string
	packages := 0
	for i := range b.tests {
		if b.tests[i].parent != records.None {
			continue
		}
		elements := strings.Split(b.tests[i].pkg, "/")
		if packages++; packages == 1 {
			common = elements
		}
		n := 0
		for n < min(len(common), len(elements)) && common[n] == elements[n] {
			n++
		}
		common = common[:n]
	}
	what := strings.Join(common, "/")
	if packages > 1 {
		what = strings.TrimPrefix(what+"/...", "/")
	}
	return "go test " + what
}
