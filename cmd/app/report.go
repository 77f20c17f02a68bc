package app

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// runReport is the outcome of a run that this process has waited for.
type runReport struct {
	Run      record.RunID      `json:"run"`
	Workflow string            `json:"workflow"`
	Params   map[string]string `json:"params"`
	Tags     []string          `json:"tags"`
	Status   record.Status     `json:"status"`
	Tasks    int               `json:"tasks"`
	Done     int               `json:"done"`
	Failed   int               `json:"failed"`
	Skipped  int               `json:"skipped"`
	NotRun   int               `json:"not_run"`
	Retries  int               `json:"retries"`
	runSpan
	Result     json.RawMessage     `json:"result"` // null if there is none, or if it has more than 64 KiB
	ResultType string              `json:"result_type"`
	program    string              // name of the program, for commands
	place      string              // flags with which its commands find the run, if they need any
	resultAs   string              // as text, which need not be JSON
	Error      *record.ErrorRecord `json:"error"` // the failure that ended the run, or null
	Records    recordsReport       `json:"records"`
	Data       string              `json:"data"` // the folder in which it is recorded, or the service
}

// runSpan is when a run was executed, in nanoseconds.
type runSpan struct {
	FirstClaim int64 `json:"first_claim_ns"` // since the submission
	MakespanNS int64 `json:"makespan_ns"`    // first claim to last end
}

// recordsReport describes how much of a run is recorded.
type recordsReport struct {
	Upload      string `json:"upload"`
	Steps       int64  `json:"steps"`
	StepsKept   int64  `json:"steps_kept"`
	Details     int64  `json:"details"`
	DetailsKept int64  `json:"details_kept"`
	Complete    bool   `json:"complete"`
	Problem     string `json:"problem,omitempty"`
}

// newRunReport summarises a run that has ended.
func newRunReport(info record.RunInfo, now execution.Progress, end record.RunEnd, kept *metricsstore.Run) *runReport {
	p := &runReport{
		Run: info.ID, Workflow: info.Workflow, Params: info.Params, Tags: list(info.Tags), Status: end.Status,
		Tasks: now.Tasks, Done: now.Done, Failed: now.Failed, Skipped: now.Skipped, Retries: now.Retries,
		NotRun: int(kept.Counts.NotRun()), runSpan: runSpan{kept.Counts.FirstClaim, kept.Counts.MakespanNS}, ResultType: end.ResultType, Error: end.First,
		Records: newRecordsReport(kept.Upload),
	}
	if p.Params == nil {
		p.Params = map[string]string{}
	}
	p.resultAs = end.ResultText
	if json.Valid([]byte(end.ResultText)) {
		p.Result = json.RawMessage(end.ResultText)
	}
	return p
}

// recordedAt sets where the run is recorded and, if incomplete is not nil, why the record is incomplete.
func (p *runReport) recordedAt(data string, incomplete error) {
	p.Data = data
	if incomplete != nil {
		p.Records.Complete, p.Records.Problem = false, incomplete.Error()
	}
}

func newRecordsReport(u metricsstore.Upload) recordsReport {
	return recordsReport{
		Upload: u.Strategy, Steps: u.Steps, StepsKept: u.StepsKept, Details: u.Details, DetailsKept: u.DetailsKept,
		Complete: !u.Partial(),
	}
}

// verdict is the error with which the command ends.
func (p *runReport) verdict() error {
	switch {
	case p.Status == record.Cancelled:
		return reportedError{exitInterrupted}
	case p.Status != record.Succeeded:
		return reportedError{exitFailed}
	case p.Records.Problem != "":
		return reportedError{exitUnreachable}
	}
	return nil
}

// printReport prints the report, as JSON or text.
func (s *session) printReport(p *runReport) error {
	if s.flags.JSON {
		if p.Error != nil { // visible even if a script consumes standard output
			var f facts
			if err := printFacts(s.stderr, &f, p.Error); err != nil {
				return err
			}
		}
		return s.printJSON(p)
	}
	p.program = s.name
	var f facts
	f.add("run", "%s", p.Run)
	f.add("workflow", "%s", strings.TrimSpace(p.Workflow+" "+paramText(p.Params)))
	f.add("status", "%s", s.status(string(p.Status)))
	f.add("tasks", "%s", p.taskText())
	f.add("makespan", "%s", p.makespanText())
	if p.Status == record.Succeeded {
		f.add("result", "%s", p.resultText())
	}
	f.add("records", "%s", p.Records.text())
	f.add("data", "%s", p.Data)
	return printFacts(s.stdout, &f, p.Error)
}

// paramText formats parameters as they are set on the command line.
func paramText(params map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		words = append(words, name+"="+oneLine(params[name], 40))
	}
	return strings.Join(words, " ")
}

// longStart is from when on the time before the first claim is no longer the engine's own.
const longStart = 10 * time.Millisecond

// makespanText is the makespan, with what was before it if that was long, and a tenth of it or more.
func (p runSpan) makespanText() string {
	text := duration(time.Duration(p.MakespanNS))
	if before := time.Duration(p.FirstClaim); before >= max(longStart, time.Duration(p.MakespanNS/10)) {
		text += fmt.Sprintf(", from the first claim on, which came after %s", duration(before))
	}
	return text
}

func (p *runReport) taskText() string {
	text := fmt.Sprintf("%s of %s done", count(int64(p.Done)), count(int64(p.Tasks)))
	cancelled := p.Tasks - p.Done - p.Failed - p.Skipped - p.NotRun // what was executing when the run ended
	for _, part := range []struct {
		n    int
		what string
	}{{p.Failed, "failed"}, {cancelled, "cancelled"}, {p.Skipped, "skipped"}, {p.NotRun, "not run"}, {p.Retries, "retried"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %s %s", count(int64(part.n)), part.what)
		}
	}
	return text
}

func (p *runReport) resultText() string {
	text := oneLine(p.resultAs, 200)
	if strings.HasSuffix(text, "…") {
		text += fmt.Sprintf(" (%s prints more)", strings.TrimSpace(p.program+" result "+string(p.Run)+" "+p.place))
	}
	return text
}

// text describes how much is recorded: "complete: 1,026 steps, 4 details" or "partial: 997 of 1,000 steps".
func (r recordsReport) text() string {
	text := "complete: "
	if !r.Complete {
		text = "partial: "
	}
	text += kept(r.StepsKept, r.Steps, "step")
	if r.Details > 0 {
		text += ", " + kept(r.DetailsKept, r.Details, "detail")
	}
	if r.Problem != "" {
		text += "; " + oneLine(r.Problem, 200)
	}
	return text
}

// kept formats a count, with the total if some are missing.
func kept(n, of int64, noun string) string {
	if n == of {
		return plural(of, noun)
	}
	return fmt.Sprintf("%s of %s", count(n), plural(of, noun))
}

// printFacts prints facts followed by an error, if there is one.
func printFacts(w io.Writer, f *facts, e *record.ErrorRecord) error {
	if e == nil {
		return f.print(w)
	}
	f.add("error", "%s: %s", e.Kind, oneLine(e.Message, 1000))
	if e.Task != "" {
		f.add("  task", "%s, attempt %d", oneLine(e.TaskLabel(), 80), e.Attempt)
	}
	if e.Worker != "" {
		f.add("  worker", "%s, slot %d", oneLine(e.Worker, 80), e.Slot)
	}
	f.add("  time", "%s", moment(e.Time))
	if e.ExitCode != 0 || e.Signal != "" {
		f.add("  ended with", "%s", ending(e))
	}
	if err := f.print(w); err != nil || e.Stack == "" {
		return err
	}
	_, err := fmt.Fprintf(w, "  stack\n%s", paragraphs(e.Stack, "    "))
	return err
}

// ending says how a process ended: by its exit code, or by a signal.
func ending(e *record.ErrorRecord) string {
	if e.Signal != "" {
		return "signal " + oneLine(e.Signal, 40)
	}
	return fmt.Sprintf("exit code %d", e.ExitCode)
}
