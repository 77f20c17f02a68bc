package meson

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

// builder makes a run of tests.
type builder struct {
	run     *records.Run
	names   unique.Names
	results map[string]int
	again   int
}

func newBuilder() *builder {
	return &builder{run: records.NewRun("meson", "meson test log"), names: unique.Names{}, results: map[string]int{}}
}

// add adds a test.
func (b *builder) add(t *test) {
	suite, name, ok := strings.Cut(t.Name, " / ")
	if !ok {
		suite, name = "test", t.Name
	}
	if len(b.run.Tasks) == 0 {
		project, _, _ := strings.Cut(suite, ":")
		b.run.Workflow = "meson test " + project
		if at := seconds(t.StartTime); at.Known() {
			b.run.Key = fmt.Sprintf("%d %s", at, t.Name)
		}
	}
	b.results[t.Result]++
	out := records.NewTask(b.names.ID(t.Name))
	if out.ID != t.Name {
		b.again++
	}
	out.Name, out.Function = name, suite
	out.Command = bounded.Text(strings.Join(t.Command, " "))
	a := records.NewAttempt()
	a.Started = seconds(t.StartTime)
	if d := t.Duration; d != nil && *d >= 0 && *d < 1e9 {
		a.Runtime = time.Duration(math.Round(*d * 1e9))
		a.Ended = a.Started.Add(a.Runtime)
	}
	a.Outcome, a.Error = t.outcome()
	result := ""
	if t.Result != "OK" {
		result = "result " + t.Result
	}
	a.Log = bounded.Lines(result, t.Stdout, t.Stderr)
	out.Attempts = []records.Attempt{a}
	b.run.Tasks = append(b.run.Tasks, out)
}

// seconds is the moment of seconds since 1970, which have a precision of about a microsecond.
func seconds(s *float64) records.Moment {
	if s == nil || !(*s > 0 && *s < 9e9) {
		return records.Unknown
	}
	whole, part := math.Modf(*s)
	return records.At(time.Unix(int64(whole), int64(math.Round(part*1e6))*1000))
}

// outcome is how a test ended.
func (t *test) outcome() (record.Outcome, *records.Failure) {
	switch t.Result {
	case "OK", "EXPECTEDFAIL", "SKIP":
		return record.OutcomeOK, nil
	case "INTERRUPT":
		return record.OutcomeCancelled, nil
	case "", "PENDING", "RUNNING":
		return record.NoOutcome, nil
	}
	f := &records.Failure{Message: t.Result, ExitCode: max(0, t.ReturnCode)}
	if t.ReturnCode < 0 {
		f.Signal = fmt.Sprint(-t.ReturnCode)
	}
	if t.Result == "TIMEOUT" {
		f.Kind = record.TimeoutError
	}
	if t.Stderr != "" {
		f.Message = bounded.Lines(t.Result, t.Stderr)
	}
	return record.OutcomeFailed, f
}

// finish adds the notes.
func (b *builder) finish() *records.Run {
	n := &b.run.Notes
	n.Remark(record.NoteLeftOut, "dependencies are not in the log")
	n.Recorded(b.results["EXPECTEDFAIL"], "tests failed as expected and count as succeeded")
	n.Recorded(b.results["UNEXPECTEDPASS"], "tests passed unexpectedly and count as failed")
	n.Recorded(b.results["SKIP"], "tests skipped themselves and count as succeeded")
	n.Inferred(b.again, "tests have the name of another one and are tasks of their own")
	n.LeftOut(len(b.run.Tasks), "environments of tests are not in the run")
	return b.run
}
