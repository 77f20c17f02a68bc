package snakemake

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// conclude decides about jobs that started and of which no end is in the log. Snakemake waits for its jobs and reports
// the end of each, except for failures of run: rules, which only the process of the job prints.
func (r *logReader) conclude() {
	r.s.failure = strings.TrimSpace(r.s.failure)
	commands, open := 0, 0
	for _, j := range r.s.jobs {
		if text := dedent(strings.Split(j.command, "\n")); text != "" {
			failed := slices.ContainsFunc(j.attempts, func(a records.Attempt) bool { return a.Outcome == record.OutcomeFailed })
			j.command = text
			if !failed && !r.plugin {
				commands++
			}
		} else {
			j.command = ""
		}
		for i := range j.attempts {
			if e := j.attempts[i].Error; e != nil {
				e.Message = bounded.Text(strings.TrimSpace(e.Message))
			}
		}
		if !r.open[j.id] || len(j.attempts) == 0 {
			continue
		}
		a := &j.attempts[len(j.attempts)-1]
		switch {
		case r.s.status == record.Failed && r.s.incomplete == "":
			a.Outcome = record.OutcomeFailed
			a.Error = &records.Failure{Message: "neither an end nor an error of the job was recorded, and the run failed"}
			r.s.notes.Inferred(1, "jobs failed: the record of the failed run is complete and has no end of them, as of run: rules that fail")
		case r.s.status == record.Cancelled:
			a.Outcome = record.OutcomeCancelled
			r.s.notes.Inferred(1, "jobs were cut off when the run was cancelled: no end of them was recorded")
		default:
			open++
		}
	}
	r.s.notes.Inferred(commands, "commands are the lines below the jobs, as -p prints them")
	r.s.notes.Recorded(open, "jobs have no recorded end")
}

// seen counts the jobs of each rule, and those whose rule is not known.
func (r *logReader) seen() (by map[string]int, unknown []*job) {
	by = map[string]int{}
	for _, j := range r.s.jobs {
		if j.rule == "" {
			unknown = append(unknown, j)
			continue
		}
		by[j.rule]++
	}
	return by, unknown
}

// nameRules finds the rule of jobs with a message of their own, if only one planned rule has so many jobs left.
func (r *logReader) nameRules() {
	seen, unknown := r.seen()
	if len(unknown) == 0 {
		return
	}
	var rules []string
	for _, rule := range r.rules {
		if r.planned[rule]-seen[rule] >= len(unknown) {
			rules = append(rules, rule)
		}
	}
	if len(rules) != 1 {
		return
	}
	for _, j := range unknown {
		j.rule = rules[0]
	}
	r.s.notes.Inferred(len(unknown), "jobs with a message are of the only planned rule that has so many jobs left")
}

// maxPlanned is how many jobs that never ran are added to those of a log, so that a short log stays a small run.
const maxPlanned = 1000

// addPlanned adds the jobs that were planned and are not in a log that is complete: they never ran.
func (r *logReader) addPlanned() {
	seen, unknown := r.seen()
	left := 0
	for _, rule := range r.rules {
		left += max(r.planned[rule]-seen[rule], 0)
	}
	left -= len(unknown)
	if left <= 0 {
		return
	}
	if r.s.incomplete != "" || len(unknown) > 0 || left > maxPlanned+len(r.s.jobs) {
		r.s.notes.LeftOut(left, "jobs were planned and are not in the log")
		return
	}
	for _, rule := range r.rules {
		for n := seen[rule] + 1; n <= r.planned[rule]; n++ {
			j := r.s.job(fmt.Sprintf("%s, planned %d", rule, n))
			j.rule, j.name, j.skipped = rule, rule, r.s.status == record.Failed
		}
	}
	r.s.notes.Recorded(left, "jobs were planned and never ran")
}
