package snakemake

import (
	"regexp"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

var memberLine = regexp.MustCompile(`^\s+jobid: (\d+)\s*$`)

// failGroup begins the error of a group. The lines that follow list its jobs; which of them failed is in none of them.
func (r *logReader) failGroup(name string) {
	r.failing = &failedGroup{name: name, message: &records.Failure{Message: "a job of the group failed"}}
	r.failed, r.sink = r.failing.message, &r.failing.message.Message
}

// listed reads a line of such a list. It returns false after it.
func (r *logReader) listed(text string) bool {
	if !strings.HasPrefix(text, "    ") {
		r.failing = nil
		return false
	}
	m := memberLine.FindStringSubmatch(text)
	if m == nil {
		return true
	}
	if j := r.s.byID[m[1]]; j != nil && r.open[j.id] {
		delete(r.open, j.id)
		a := &j.attempts[len(j.attempts)-1]
		a.Ended, a.Outcome, a.Error = r.at, record.OutcomeFailed, r.failing.message
	} else {
		r.s.notes.LeftOut(1, "errors are of jobs that had not been announced")
	}
	return true
}

// mergeGroups makes one job of each group: when which of its jobs ran is not recorded.
func (s *sheet) mergeGroups() {
	merged := map[*group]*job{}
	kept := s.jobs[:0]
	members := 0
	for _, j := range s.jobs {
		if j.group == nil {
			kept = append(kept, j)
			continue
		}
		members++
		whole := merged[j.group]
		if whole == nil {
			whole = &job{id: "group of " + j.id, rule: "group " + j.group.name, name: "group " + j.group.name + ": " + j.name, attempts: j.attempts}
			merged[j.group] = whole
			kept = append(kept, whole)
		} else {
			whole.name += ", " + j.name
			whole.join(j)
		}
		whole.inputs, whole.outputs = append(whole.inputs, j.inputs...), append(whole.outputs, j.outputs...)
		whole.cores = max(whole.cores, j.cores)
		whole.command = bounded.Lines(whole.command, j.command)
		whole.log = append(append(whole.log, "job "+j.id+" "+j.name), j.log...)
	}
	s.jobs = kept
	s.notes.Recorded(members, "jobs ran in groups: each group is one task, as only its moments are recorded")
}

// join extends the attempts of a group by those of one more of its jobs: it fails if one of them does.
func (j *job) join(other *job) {
	for i := range j.attempts {
		if i >= len(other.attempts) {
			break
		}
		a, b := &j.attempts[i], &other.attempts[i]
		if b.Ended.Known() {
			a.Ended = max(a.Ended, b.Ended)
		}
		if b.Outcome == record.OutcomeFailed {
			a.Outcome = b.Outcome
		}
		if a.Error == nil {
			a.Error = b.Error
		}
	}
}
