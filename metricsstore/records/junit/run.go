package junit

import (
	"cmp"
	"path"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

// run makes a run of a report.
func (r *report) run() *records.Run {
	out := records.NewRun("JUnit", "JUnit XML")
	out.Path = r.file.Path
	out.Workflow = r.workflow()
	out.Incomplete = r.cut
	if r.cut == "" {
		out.Status = record.Succeeded
	}
	zero := r.date(out)
	places := r.places()
	names := unique.Names{}
	hosts := map[string]int32{}
	for _, s := range r.suites {
		worker, known := hosts[s.host]
		if !known && len(out.Workers) < records.MaxWorkers {
			worker = out.AddWorker(cmp.Or(s.host, "tests"))
			out.Workers[worker].Host = s.host
			out.Workers[worker].Cores = r.width(s.host)
			hosts[s.host] = worker
		}
		at := s.stamp.at
		for i := range s.tests {
			t := r.task(s, &s.tests[i], names, worker)
			if places != nowhere {
				at = place(&t, &s.tests[i], at, zero, places)
			}
			if n := len(t.Attempts); n > 0 && t.Attempts[n-1].Outcome == record.OutcomeFailed {
				out.Status = record.Failed
			}
			out.Tasks = append(out.Tasks, t)
		}
	}
	if r.time < 0 && len(r.suites) == 1 {
		r.time = r.suites[0].time
	}
	if r.time > 0 && r.time >= r.longest() {
		out.Makespan = r.time
	}
	r.remark(out, places)
	return out
}

// workflow is the name of the report, or else that of its only suite, or of its file or folder.
func (r *report) workflow() string {
	if r.files == 1 {
		if name := named(r.name); name != "" {
			return name
		}
		if len(r.suites) == 1 && named(r.suites[0].name) != "" {
			return r.suites[0].name
		}
		return cmp.Or(strings.TrimSuffix(r.file.Base(), path.Ext(r.file.Path)), "tests")
	}
	if folder := path.Base(path.Dir(r.file.Path)); folder != "." && folder != "/" {
		return folder
	}
	return "tests"
}

// named is a name, empty for what CTest writes where there is none.
func named(name string) string {
	if name == "(empty)" {
		return ""
	}
	return name
}

// date sets when the run started, and returns the moment from which its moments count.
func (r *report) date(out *records.Run) (zero records.Moment) {
	first := stamp{at: records.Unknown, zoned: true}
	earlier := func(s stamp) {
		if !s.at.Known() {
			return
		}
		first.zoned = first.zoned && s.zoned
		if !first.at.Known() || s.at < first.at {
			first.at = s.at
		}
	}
	for _, s := range r.suites {
		earlier(s.stamp)
		for i := range s.tests {
			earlier(s.tests[i].stamp)
		}
	}
	switch {
	case !first.at.Known():
		out.Undated = true
	case first.zoned:
		out.Started = first.at
		return 0
	default:
		out.Undated, out.Date, out.Started = true, first.at, 0
		return first.at
	}
	return 0
}

// placement is how tests get their moments.
type placement uint8

const (
	nowhere  placement = iota // they have none
	stamped                   // each test has a stamp
	inSuites                  // one after the other from the stamp of their suite
)

// tolerance is by how much the tests of a suite may exceed it, as both are rounded.
const tolerance = 1.05

// places is what can be known about when tests ran.
func (r *report) places() placement {
	each, all := true, true
	for _, s := range r.suites {
		for i := range s.tests {
			each = each && s.tests[i].stamp.at.Known()
		}
		all = all && s.stamp.at.Known() && s.width() <= tolerance
	}
	switch {
	case each && r.tests > 0:
		return stamped
	case all:
		return inSuites
	}
	return nowhere
}

// sum is the time of all tests of a suite together.
func (s *suite) sum() (sum time.Duration) {
	for i := range s.tests {
		sum += max(0, s.tests[i].time)
	}
	return sum
}

// width is how many tests ran at a time on average, 1 if that is not known.
func (s *suite) width() float64 {
	if s.time <= 0 {
		return 1
	}
	whole := s.time
	if whole%time.Second == 0 {
		whole += time.Second // CTest writes whole seconds, without the rest
	}
	return float64(s.sum()) / float64(whole)
}

// width is how many tests of a host ran at a time on average, rounded up.
func (r *report) width(host string) int {
	widest, sum := 1.0, time.Duration(0)
	for _, s := range r.suites {
		if s.host == host {
			widest = max(widest, s.width())
			sum += s.sum()
		}
	}
	if r.time > 0 {
		widest = max(widest, float64(sum)/float64(r.time))
	}
	cores := 1
	for widest > float64(cores)*tolerance && cores < 4096 {
		cores++
	}
	return cores
}

func (r *report) longest() (longest time.Duration) {
	for _, s := range r.suites {
		for i := range s.tests {
			longest = max(longest, s.tests[i].time)
		}
	}
	return longest
}

// place sets the moments of the attempts of a test, and returns when the next one of its suite starts.
func place(t *records.Task, from *test, at, zero records.Moment, p placement) records.Moment {
	if p == stamped {
		at = from.stamp.at
	}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		a.Started = at - zero
		at = at.Add(max(0, a.Runtime))
		a.Ended = at - zero
	}
	return at
}

// task is the task of a test.
func (r *report) task(s *suite, t *test, names unique.Names, worker int32) records.Task {
	id := cmp.Or(t.name, "test")
	class := t.class
	if class == "" || class == t.name { // as CTest writes
		class = named(s.name)
	}
	if class != "" && !strings.HasPrefix(id, class) {
		id = class + "." + id
	}
	out := records.NewTask(names.ID(id))
	if out.ID != id {
		r.again++
	}
	out.Name = t.name
	out.Function = cmp.Or(class, "test")
	if t.skipped && len(t.failures) == 0 {
		out.Skipped = true
		return out
	}
	out.Attempts = t.attempts()
	for i := range out.Attempts {
		out.Attempts[i].Worker = worker
	}
	last := &out.Attempts[len(out.Attempts)-1]
	expected := ""
	if t.expected && len(t.failures) == 0 {
		expected = "failed as expected"
	}
	last.Log = bounded.Lines(expected, t.place, t.properties.String(), t.output.String())
	return out
}

// attempts are the tries of a test. Those before the one that passed are called flaky; a failure is the first try, those
// after it are called rerun. Several failures of one try are one attempt.
func (t *test) attempts() []records.Attempt {
	var all []records.Attempt
	passed := true
	first := -1
	for i := range t.failures {
		f := &t.failures[i]
		a := records.NewAttempt()
		a.Outcome, a.Runtime, a.Error = record.OutcomeFailed, f.time, f.failure()
		switch f.element {
		case "failure", "error":
			passed = false
			if first >= 0 {
				again := all[first].Error
				again.Message = bounded.Lines(again.Message, a.Error.Message)
				again.Stack = bounded.Lines(again.Stack, a.Error.Stack)
				continue
			}
			first = len(all)
			a.Runtime = t.time
		case "rerunFailure", "rerunError":
			passed = false
		}
		all = append(all, a)
	}
	if passed {
		a := records.NewAttempt()
		a.Outcome, a.Runtime = record.OutcomeOK, t.time
		all = append(all, a)
	}
	return all
}

func (f *failure) failure() *records.Failure {
	message := f.message
	stack := f.text.String()
	if message == "" {
		message, _, _ = strings.Cut(stack, "\n")
	}
	if f.kind != "" && !strings.HasPrefix(message, f.kind) {
		message = strings.TrimSuffix(f.kind+": "+message, ": ")
	}
	out := &records.Failure{Message: bounded.Text(cmp.Or(message, f.element)), Stack: bounded.Text(stack)}
	if strings.EqualFold(message, "timeout") {
		out.Kind = record.TimeoutError
	}
	return out
}
