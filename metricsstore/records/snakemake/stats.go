package snakemake

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

// fileStats is what statistics say about an output.
type fileStats struct {
	Start     string         `json:"start-time"`
	Stop      string         `json:"stop-time"`
	Duration  float64        `json:"duration"`
	Priority  float64        `json:"priority"`
	Resources map[string]any `json:"resources"`
}

// ruleStats is what statistics say about the jobs of a rule, in seconds.
type ruleStats struct {
	Mean float64 `json:"mean-runtime"`
	Min  float64 `json:"min-runtime"`
	Max  float64 `json:"max-runtime"`
}

// readStats reads the file of --stats.
func (d *drop) readStats(path string, in io.Reader) error {
	s := newSheet("Snakemake stats", path)
	s.stats = true
	decoder := json.NewDecoder(in)
	rules := map[string]ruleStats{}
	var names []string
	same := map[string]*job{}
	err := document.Members(decoder, func(name string) error {
		switch name {
		case "total_runtime":
			var total float64
			err := decoder.Decode(&total)
			s.makespan = max(durationOf(total), 0)
			return err
		case "rules":
			return document.Members(decoder, func(rule string) error {
				var r ruleStats
				err := decoder.Decode(&r)
				if _, again := rules[rule]; !again {
					names = append(names, rule)
				}
				rules[rule] = r
				return err
			})
		case "files":
			return document.Members(decoder, func(file string) error {
				var f fileStats
				if err := decoder.Decode(&f); err != nil {
					return err
				}
				s.addFile(file, &f, same)
				return nil
			})
		}
		var skipped json.RawMessage
		return decoder.Decode(&skipped)
	})
	if len(s.jobs) == 0 {
		reason := ""
		if err != nil {
			reason = ": " + err.Error()
		}
		return &records.Fault{Path: path, Byte: decoder.InputOffset(), Text: "expected statistics with total_runtime, rules and files" + reason}
	}
	if err != nil {
		s.incomplete = fmt.Sprintf("the file cannot be read beyond byte %d: %v", decoder.InputOffset(), err)
	}
	s.nameRules(names, rules)
	s.notes.Remark(record.NoteInferred, noZone)
	s.notes.Remark(record.NoteRecorded, "starts are whole seconds, durations are exact; only jobs with outputs that succeeded are there")
	first := s.jobs[0].attempts[0].Started
	s.key = fmt.Sprintf("%s@%d+%d", s.jobs[0].id, int64(first), int64(s.jobs[0].attempts[0].Runtime))
	d.sheets = append(d.sheets, s)
	return nil
}

// addFile adds an output. Outputs with the same start and the same duration to the last digit are of one job.
func (s *sheet) addFile(file string, f *fileStats, same map[string]*job) {
	key := fmt.Sprintf("%s %s %v", f.Start, f.Stop, f.Duration)
	if j := same[key]; j != nil && f.Duration > 0 {
		j.outputs = append(j.outputs, file)
		j.name = strings.Join(j.outputs, ", ")
		s.notes.Inferred(1, "outputs were made by the job of another one: their times are equal to the last digit")
		return
	}
	if s.byID[file] != nil {
		s.notes.LeftOut(1, "outputs have a second record")
		return
	}
	j := s.job(file)
	same[key] = j
	j.name, j.outputs = file, []string{file}
	a := records.NewAttempt()
	a.Outcome, a.Started, a.Runtime = record.OutcomeOK, parseDate(f.Start), durationOf(f.Duration)
	switch {
	case !a.Started.Known():
		s.notes.LeftOut(1, "outputs have a start in a form that is not known")
	case a.Runtime >= 0 && int64(a.Started) < math.MaxInt64-int64(a.Runtime):
		a.Ended = a.Started.Add(a.Runtime)
	default:
		a.Ended = parseDate(f.Stop)
	}
	j.attempts = append(j.attempts, a)
	if cores, ok := f.Resources["_cores"].(float64); ok && cores >= 0 && cores < 1<<20 {
		j.cores = int(cores)
	}
	if f.Priority != 0 {
		j.log = append(j.log, fmt.Sprintf("priority %v", f.Priority))
	}
}

// nameRules concludes the rules of jobs from their durations: a rule is known by the least and greatest of its jobs.
func (s *sheet) nameRules(names []string, rules map[string]ruleStats) {
	made := map[string]bool{}
	for _, j := range s.jobs {
		seconds := j.attempts[0].Runtime.Seconds()
		var exact, possible []string
		for _, name := range names {
			r := rules[name]
			switch {
			case near(seconds, r.Min) || near(seconds, r.Max):
				exact = append(exact, name)
			case seconds > r.Min && seconds < r.Max:
				possible = append(possible, name)
			}
		}
		switch {
		case len(exact) == 1:
			j.rule = exact[0]
			s.notes.Inferred(1, "rules follow from a duration that is the least or greatest of one rule")
		case len(exact) == 0 && len(possible) == 1:
			j.rule = possible[0]
			s.notes.Inferred(1, "rules follow from a duration that only one rule can have")
		default:
			s.notes.LeftOut(1, "jobs have a rule that cannot be concluded")
		}
		made[j.rule] = true
	}
	for _, name := range names {
		if !made[name] {
			s.notes.LeftOut(1, "rules have statistics and no output, such as the one that only lists targets")
		}
	}
}

// near compares durations that were rounded to nanoseconds.
func near(a, b float64) bool { return math.Abs(a-b) < 2e-9 }

// explain adds what metadata next to statistics say about the same outputs: rules, inputs and commands.
func (d *drop) explain(s *sheet) {
	byPath := make(map[string]*output, len(d.outputs))
	for i := range d.outputs {
		byPath[d.outputs[i].path] = &d.outputs[i]
	}
	known := 0
	for _, j := range s.jobs {
		o := byPath[j.outputs[0]]
		if o == nil {
			continue
		}
		known++
		j.rule, j.inputs = o.Rule, o.Input
		if o.Shell != nil {
			j.command = *o.Shell
		}
	}
	s.notes.Inferred(known, "jobs have their rule, inputs and command from metadata of the same outputs, perhaps of another invocation")
	if known == 0 {
		s.notes.Remark(record.NoteInferred, "statistics have no dependencies; metadata next to them would show them")
	}
}
