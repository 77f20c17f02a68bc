package snakemake

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

var (
	stampLine    = regexp.MustCompile(`^\s*\[(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\](.*)$`)
	startLine    = regexp.MustCompile(`^(\s*)(?:local)?(?:rule|checkpoint) (\S+):$`)
	errorLine    = regexp.MustCompile(`^(\s*)Error in (?:rule|checkpoint) ([^\s:,]+)[,:]`)
	groupLine    = regexp.MustCompile(`^\s*group job (\S+) \(jobs in lexicogr`)
	groupError   = regexp.MustCompile(`^\s*Error in group(?: job)? ([^:\s]+):`)
	messageLine  = regexp.MustCompile(`^\s*Job (\d+): (.*)$`)
	finishLine   = regexp.MustCompile(`^\s*Finished job(?:id:)? (\d+)(?:\.| \(Rule: (.*)\))\s*$`)
	progressLine = regexp.MustCompile(`^(\d+) of (\d+) steps \(.*\) done$`)
	externalLine = regexp.MustCompile(`^\s*Submitted (?:group )?job (\d+) with external jobid '(.*)'\.$`)
	exitLine     = regexp.MustCompile(`returned non-zero exit status (\d+)`)
	coresLine    = regexp.MustCompile(`^Provided cores: (\d+)`)
	hostLine     = regexp.MustCompile(`^(?:host|  Host): (.*)$`)
	headerLine   = regexp.MustCompile(`^  ([A-Z][\w() -]*): (.*)$`)
	logName      = regexp.MustCompile(`(\d{4}-\d\d-\d\dT\d{6}(?:\.\d+)?)\.snakemake\.log`)
	knownLine    = regexp.MustCompile(`^\s*(Select jobs|Execute \d|Building DAG|Using shell|Provided |Rules claiming|Removing temporary|Touching output|` +
		`Trying to restart|Waiting |Activating |Shutting down|Will exit|Updating |Write-protecting|Changing to|Job stats|Job counts|Reasons:|` +
		`Exiting because|Complete log|Terminating|Cancelling|Resources |Ready jobs|Selected jobs|` +
		`Submitted |Finished |Nothing to be done|This was a dry-run|Logfile |Assuming |Conda environments|Storing output|Full Traceback|group job )`)
)

func (d *drop) readLog(ctx context.Context, path string, in io.Reader) error {
	r := &logReader{d: d, path: path}
	r.begin()
	text := lines.New(in, maxLine)
	ended := true
	for text.Next() {
		if text.Number()%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		ended, r.number = text.Ended(), text.Number()
		r.line(string(text.Bytes()))
		if !ended {
			r.flush()
			r.s.incomplete = fmt.Sprintf("the file ends in the middle of line %d", text.Number())
		}
		if len(r.s.jobs) > records.MaxTasks {
			return fmt.Errorf("%w: %s: more than %d jobs", records.ErrTooLarge, path, records.MaxTasks)
		}
	}
	if err := text.Err(); err != nil {
		return err
	}
	r.end()
	found := false
	for _, s := range r.ends {
		if len(s.jobs) > 0 {
			d.sheets, found = append(d.sheets, s), true
		}
	}
	if !found {
		return &records.Fault{Path: path, Line: max(text.Number(), 1), Byte: -1, Text: r.none()}
	}
	return nil
}

// none says why a log has no jobs.
func (r *logReader) none() string {
	if r.done.nothing {
		return "the log says that nothing was to be done; expected jobs"
	}
	return "expected jobs: a line with a date in brackets, then \"rule NAME:\" with a jobid"
}

// begin begins a run.
func (r *logReader) begin() {
	r.s = newSheet("Snakemake log", r.path)
	r.s.log = true
	r.ends = append(r.ends, r.s)
	r.at, r.block, r.planned, r.rules, r.open = records.Unknown, nil, map[string]int{}, nil, map[string]bool{}
	r.failed, r.sink, r.group, r.failing, r.done, r.table, r.header = nil, nil, nil, nil, progress{}, false, false
	if m := logName.FindStringSubmatch(r.path); m != nil {
		r.named(m[1])
	}
}

// named knows the run by the name of its log, which is when it started.
func (r *logReader) named(stamp string) {
	r.s.key = stamp
	if m := parseLogName(stamp); m.Known() {
		r.s.started = m
	}
}

func (r *logReader) line(text string) {
	r.done.lines++
	if r.done.complete && strings.HasPrefix(text, "Building DAG of jobs") {
		r.end()
		r.begin()
	}
	if m := stampLine.FindStringSubmatch(text); m != nil {
		r.flush()
		r.sink, r.failing = nil, nil
		if at := parseDate(m[1]); at.Known() {
			r.at = at
		}
		text = m[2]
		if strings.TrimSpace(text) == "" {
			return
		}
	}
	if r.failing != nil && r.listed(text) || r.block != nil && r.block.add(text) {
		return
	}
	if r.table && r.plan(text) {
		return
	}
	if !r.event(text) {
		r.rest(text)
	}
}

// event reads a line that reports something about a job or the run.
func (r *logReader) event(text string) bool {
	if m := startLine.FindStringSubmatch(text); m != nil {
		r.flush()
		r.block = newBlock(starts, m[2], len(m[1]))
		return true
	}
	if m := errorLine.FindStringSubmatch(text); m != nil {
		r.flush()
		r.block = newBlock(fails, m[2], len(m[1]))
		return true
	}
	if m := messageLine.FindStringSubmatch(text); m != nil {
		r.flush()
		r.block = newBlock(starts, "", len(text)-len(strings.TrimLeft(text, " "))-4)
		r.block.fields["jobid"], r.block.message = m[1], m[2]
		return true
	}
	if m := finishLine.FindStringSubmatch(text); m != nil {
		r.flush()
		r.finish(m[1], m[2])
		return true
	}
	if m := externalLine.FindStringSubmatch(text); m != nil {
		r.flush()
		if j := r.s.byID[m[1]]; j != nil && len(j.attempts) > 0 {
			a := &j.attempts[len(j.attempts)-1]
			a.Log = bounded.Lines(a.Log, "external job "+m[2])
		}
		return true
	}
	if m := exitLine.FindStringSubmatch(text); m != nil && r.failed != nil && r.failed.ExitCode == 0 {
		r.failed.ExitCode, _ = strconv.Atoi(m[1])
	}
	if m := groupLine.FindStringSubmatch(text); m != nil {
		r.flush()
		r.group = &group{name: m[1]}
		return true
	}
	if m := groupError.FindStringSubmatch(text); m != nil {
		r.flush()
		r.failGroup(m[1])
		return true
	}
	return r.state(text)
}

// state reads a line about the run as a whole.
func (r *logReader) state(text string) bool {
	switch {
	case strings.HasPrefix(text, "Job stats:"):
		r.flush()
		r.table, r.planned, r.rules = true, map[string]int{}, nil
	case strings.HasPrefix(text, "SNAKEMAKE"):
		r.header = true
	case strings.HasPrefix(text, "Exiting because a job execution failed"):
		r.flush()
		r.done.failed, r.sink = true, nil
		r.s.failure = text
	case strings.HasPrefix(text, "WorkflowError"), strings.HasPrefix(text, "MissingOutputException"):
		r.flush()
		r.done.failed = true
		if r.sink == nil {
			r.sink = &r.s.failure
		}
		r.rest(text)
	case strings.HasPrefix(text, "Terminating processes on user request"), strings.HasPrefix(text, "Cancelling snakemake on user request"),
		strings.HasPrefix(text, "Will exit after finishing currently running jobs"):
		r.flush()
		r.done.cancelled = true
	case strings.HasPrefix(text, "Nothing to be done"):
		r.done.nothing = true
	case strings.HasPrefix(text, "This was a dry-run"):
		r.flush()
		r.done.dry, r.done.complete = true, true
	case strings.HasPrefix(text, "Complete log"):
		r.flush()
		r.done.complete = true
		if m := logName.FindStringSubmatch(text); m != nil && !r.plugin { // in which the first message says it, with a zone
			r.named(m[1])
		}
	default:
		return r.fact(text)
	}
	return true
}

// fact reads a line with something that is known of the run.
func (r *logReader) fact(text string) bool {
	if m := progressLine.FindStringSubmatch(text); m != nil {
		r.done.all = m[1] == m[2]
		return true
	}
	if m := coresLine.FindStringSubmatch(text); m != nil && r.s.cores == 0 {
		r.s.cores, _ = strconv.Atoi(m[1])
		return true
	}
	if m := hostLine.FindStringSubmatch(text); m != nil && r.s.host == "" {
		r.s.host = bounded.Text(strings.TrimSpace(m[1]))
		return true
	}
	m := headerLine.FindStringSubmatch(text)
	if !r.header || m == nil {
		return false
	}
	switch value := bounded.Text(strings.TrimSpace(m[2])); m[1] {
	case "Workflow ID":
		r.s.key = value
	case "Snakemake version":
		r.s.format = "Snakemake log " + value
	case "Snakefile":
		if name := workflowOf(value); name != "workflow" {
			r.s.workflow = name
		}
	case "Command":
		r.s.params["command"] = value
	}
	return true
}

// rest reads other lines: the command of the job before them, as -p prints it, what an error says, or what jobs print.
func (r *logReader) rest(text string) {
	r.flush()
	switch {
	case knownLine.MatchString(text):
		r.sink = nil
	case r.sink != nil:
		if len(*r.sink) < records.MaxText {
			*r.sink += "\n" + text
		}
	case strings.TrimSpace(text) != "" && !r.plugin:
		r.s.odd.Add(r.number)
	}
}

// plan reads a row of the table of planned jobs. It returns false after the table.
func (r *logReader) plan(text string) bool {
	cells := strings.Fields(text)
	switch {
	case len(cells) == 0 || cells[0] == "total":
		r.table = false
	case cells[0] == "job" || strings.HasPrefix(cells[0], "--"):
	case len(cells) >= 2:
		if n, err := strconv.Atoi(cells[1]); err == nil && n > 0 && n <= records.MaxTasks {
			if _, known := r.planned[cells[0]]; !known {
				r.rules = append(r.rules, cells[0])
			}
			r.planned[cells[0]] = n
			break
		}
		fallthrough
	default:
		r.table = false
		return false
	}
	return true
}

// end ends a run.
func (r *logReader) end() {
	r.flush()
	s, done := r.s, r.done
	ending := "the log does not end with the place of the complete log, as it does when a run is over"
	if r.plugin {
		ending = "there is no message about the end of the run"
	} else {
		s.notes.LeftOut(s.odd.Count, s.odd.Text("lines are no messages of Snakemake about jobs"))
		s.notes.Remark(record.NoteInferred, noZone)
		s.notes.Remark(record.NoteRecorded, "moments are whole seconds")
	}
	switch {
	case done.all:
		s.status, s.failure = record.Succeeded, ""
	case done.failed:
		s.status = record.Failed
	case done.cancelled:
		s.status = record.Cancelled
	}
	if s.incomplete == "" && !done.complete {
		s.incomplete = ending
	}
	if s.incomplete != "" && !done.all {
		s.status, s.failure = "", ""
	}
	if done.dry {
		s.status = ""
		for _, j := range s.jobs {
			j.attempts = nil
		}
		s.notes.Remark(record.NoteRecorded, "a dry run: nothing ran")
	}
	r.conclude()
	r.nameRules()
	r.addPlanned()
	s.mergeGroups()
}
