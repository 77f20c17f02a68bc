package table

import (
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
)

// verdict is what a status says about a row.
type verdict struct {
	outcome record.Outcome
	kind    record.ErrorKind // of a failure
	skipped bool
	open    bool // it had not ended
	waiting bool // it had not started
	known   bool
}

// verdicts are those of words in the form that normal gives them.
var verdicts = func() map[string]verdict {
	all := map[string]verdict{}
	for words, v := range map[string]verdict{
		"ok success succeeded successful done complete completed pass passed finished true yes normal": {outcome: record.OutcomeOK},
		"failed failure fail error errored false no crashed crash broken dead_letter deadletter exception": {
			outcome: record.OutcomeFailed, kind: record.UserError,
		},
		"timeout timed_out timedout deadline_exceeded":                         {outcome: record.OutcomeFailed, kind: record.TimeoutError},
		"oom out_of_memory oom_killed oomkilled":                               {outcome: record.OutcomeFailed, kind: record.LimitError},
		"cancelled canceled aborted killed stopped revoked terminated removed": {outcome: record.OutcomeCancelled},
		"cached cache_hit hit from_cache restored up_to_date":                  {outcome: record.OutcomeCached},
		"lost node_fail worker_lost preempted evicted":                         {outcome: record.OutcomeLost},
		"skipped skip upstream_failed not_run omitted":                         {skipped: true},
		"running active started in_progress executing":                         {open: true},
		"pending queued waiting scheduled created submitted new ready held":    {open: true, waiting: true},
	} {
		v.known = true
		for _, word := range strings.Fields(words) {
			all[word] = v
		}
	}
	return all
}()

func parseStatus(cell string) verdict {
	return verdicts[normal(cell)]
}

// parseExit reads an exit code, or code:signal.
func parseExit(cell string) (code, signal int, ok bool) {
	first, second, both := strings.Cut(cell, ":")
	code, err := strconv.Atoi(strings.TrimSuffix(first, ".0"))
	if err != nil || code == 2147483647 {
		return 0, 0, false
	}
	if both {
		if signal, err = strconv.Atoi(second); err != nil {
			return 0, 0, false
		}
	}
	return code, signal, true
}

// parseList reads names of tasks: JSON, a list as Python prints it, or names with commas, semicolons, bars or spaces
// between them. known says whether there is such a task, for names that contain one of the marks.
func parseList(cell string, known func(string) bool) []string {
	if isNothing(cell) || cell == "[]" {
		return nil
	}
	if known(cell) {
		return []string{cell}
	}
	bare := strings.Trim(cell, "[](){}")
	for _, mark := range []string{";", ",", "|", " "} {
		if !strings.Contains(bare, mark) {
			continue
		}
		var names []string
		for part := range strings.SplitSeq(bare, mark) {
			if part = strings.Trim(part, ` "'`); part != "" {
				names = append(names, part)
			}
		}
		return names
	}
	return []string{strings.Trim(bare, ` "'`)}
}
