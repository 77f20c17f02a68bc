package snakemake

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

var (
	fieldLine = regexp.MustCompile(`^(\s*)([a-z][\w -]*): ?(.*)$`)
	shellEnd  = regexp.MustCompile(`^\s*\((?:one of the commands|command) exited with non-zero exit code.*\)$`)
	missing   = regexp.MustCompile(`(?:Missing output files|Updated input files|Input files updated by another job): ([^;]*)`)
)

func newBlock(what change, rule string, indent int) *block {
	return &block{what: what, rule: rule, indent: indent, fields: map[string]string{}}
}

// add reads a line and reports whether it belongs to the block.
func (b *block) add(text string) bool {
	if b.inShell {
		if shellEnd.MatchString(text) {
			b.fields["exit"] = strings.Trim(strings.TrimSpace(text), "()")
			b.inShell = false
			return true
		}
		if strings.HasPrefix(text, "Trying to restart") || strings.HasPrefix(text, "Exiting because") || strings.HasPrefix(text, "Select jobs") ||
			strings.HasPrefix(text, "Complete log") {
			return false
		}
		if len(b.shell) < 4096 {
			b.shell = append(b.shell, text)
		}
		return true
	}
	if reason, ok := strings.CutPrefix(strings.TrimSpace(text), "Reason: "); ok && b.message != "" {
		b.fields["reason"] = reason
		return true
	}
	m := fieldLine.FindStringSubmatch(text)
	if m == nil || len(m[1]) != b.indent+4 {
		return false
	}
	if m[2] == "shell" {
		b.inShell = true
	} else if len(b.fields) < 64 {
		b.fields[m[2]] = m[3]
	}
	return true
}

func paths(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ", ")
}

// flush ends the block that is being read.
func (r *logReader) flush() {
	b := r.block
	if b == nil {
		return
	}
	r.block, r.sink = nil, nil
	if b.fields["jobid"] == "" {
		r.s.notes.LeftOut(1, "jobs have no jobid")
		return
	}
	if b.what == starts {
		r.start(b)
	} else {
		r.fail(b)
	}
}

// start begins an attempt.
func (r *logReader) start(b *block) {
	id := bounded.Text(b.fields["jobid"])
	j := r.s.job(id)
	if j.name == "" {
		r.describe(j, b)
	}
	if b.indent >= 4 || b.message != "" && b.indent >= 0 {
		j.group = r.group
	}
	if j.command == "" {
		r.sink = &j.command
	}
	if r.open[id] {
		r.s.notes.Repaired(1, "jobs are announced again before they ended: the first moment was read")
		return
	}
	if len(j.attempts) >= records.MaxAttempts {
		r.s.notes.LeftOut(1, "attempts are too many for one job")
		return
	}
	r.open[id] = true
	a := records.NewAttempt()
	a.Started = r.at
	j.attempts = append(j.attempts, a)
}

// describe reports what the first announcement of a job says about it.
func (r *logReader) describe(j *job, b *block) {
	j.rule, j.wildcards, j.benchmark = b.rule, b.fields["wildcards"], b.fields["benchmark"]
	j.inputs, j.outputs = paths(b.fields["input"]), paths(b.fields["output"])
	if n, err := strconv.ParseInt(b.fields["threads"], 10, 32); err == nil && n > 0 {
		j.cores = int(n)
	}
	j.name = j.display()
	if b.message != "" {
		j.name = b.message
		r.fromReason(j, b.fields["reason"])
	}
	for _, field := range []string{"output", "input", "log", "benchmark", "reason", "priority", "resources"} {
		if value := b.fields[field]; value != "" {
			j.log = append(j.log, field+" "+value)
		}
	}
}

// fromReason concludes the files of a job with a message of its own, which hides them: from the reason why it ran.
func (r *logReader) fromReason(j *job, reason string) {
	for _, m := range missing.FindAllStringSubmatch(reason, -1) {
		if strings.HasPrefix(m[0], "Missing output") {
			j.outputs = append(j.outputs, paths(m[1])...)
		} else {
			j.inputs = append(j.inputs, paths(m[1])...)
		}
	}
	r.s.notes.Inferred(1, "jobs have a message in place of their rule and files: files are those in the reason why they ran")
}

// finish ends an attempt that succeeded.
func (r *logReader) finish(id, rule string) {
	j := r.s.byID[id]
	if j == nil || !r.open[id] {
		r.s.notes.Repaired(1, "jobs finished that had not been announced: when they started is unknown")
		j = r.s.job(id)
		if j.name == "" {
			j.name = "job " + id
		}
		j.attempts = append(j.attempts, records.NewAttempt())
	}
	if j.rule == "" {
		j.rule = rule
	}
	delete(r.open, id)
	a := &j.attempts[len(j.attempts)-1]
	a.Ended, a.Outcome = r.at, record.OutcomeOK
}

// fail ends an attempt that failed. A process that Snakemake starts for a job prints errors with numbers of its own, so
// the rule and the outputs decide.
func (r *logReader) fail(b *block) {
	id := bounded.Text(b.fields["jobid"])
	if j := r.s.byID[id]; j == nil || j.rule != "" && j.rule != b.rule {
		for open := range r.open {
			if o := r.s.byID[open]; o.rule == b.rule && strings.Join(o.outputs, ", ") == b.fields["output"] {
				id = open
				r.s.notes.Repaired(1, "errors have the number of another job, from a process of the job: they belong to the one with their rule and outputs")
				break
			}
		}
	}
	j := r.s.byID[id]
	if j == nil || j.rule != "" && j.rule != b.rule {
		r.s.notes.LeftOut(1, "errors are of jobs that had not been announced")
		return
	}
	if !r.open[id] {
		r.s.notes.LeftOut(1, "errors are of jobs that had ended")
		return
	}
	j.rule = b.rule
	if command := dedent(b.shell); command != "" {
		j.command = command
	}
	delete(r.open, id)
	a := &j.attempts[len(j.attempts)-1]
	a.Ended, a.Outcome = r.at, record.OutcomeFailed
	a.Error = &records.Failure{Message: bounded.Lines(b.fields["message"], b.fields["exit"])}
	if log := b.fields["log"]; log != "" {
		a.Error.Message = bounded.Lines(a.Error.Message, "log "+log)
	}
	for _, field := range []string{"conda-env", "software-env", "external_jobid", "cluster_jobid"} {
		if value := b.fields[field]; value != "" {
			a.Log = bounded.Lines(a.Log, field+" "+value)
		}
	}
	r.failed, r.sink = a.Error, &a.Error.Message
}

// dedent removes the indentation that lines have in common, and empty lines around them.
func dedent(lines []string) string {
	common := -1
	for _, line := range lines {
		if text := strings.TrimLeft(line, " \t"); text != "" && (common < 0 || len(line)-len(text) < common) {
			common = len(line) - len(text)
		}
	}
	out := make([]string, 0, len(lines))
	for _, line := range lines {
		out = append(out, strings.TrimRight(line[min(max(common, 0), len(line)):], " \t\r"))
	}
	return bounded.Text(strings.Trim(strings.Join(out, "\n"), "\n"))
}

func parseLogName(stamp string) records.Moment {
	t, err := time.Parse("2006-01-02T150405.999999999", stamp)
	if err != nil {
		return records.Unknown
	}
	return records.At(t)
}
