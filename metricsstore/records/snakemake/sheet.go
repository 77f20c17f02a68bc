package snakemake

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// sheet is what one record says about a run.
type sheet struct {
	log, stats bool
	format     string
	key        string
	workflow   string
	params     map[string]string
	jobs       []*job
	byID       map[string]*job
	host       string
	cores      int
	started    records.Moment
	makespan   time.Duration
	status     record.Status
	failure    string
	incomplete string
	notes      records.Notes
	odd        lines.Odd // lines that are no messages
}

// job is a job of a sheet.
type job struct {
	id        string
	rule      string // empty if not recorded
	name      string
	wildcards string
	inputs    []string
	outputs   []string
	command   string
	cores     int
	log       []string // facts, of which the first attempt gets all
	benchmark string
	attempts  []records.Attempt
	after     []*job // besides those that make inputs
	skipped   bool
	group     *group
}

// group is a set of jobs that were submitted as one: all of them have the moments of the whole.
type group struct {
	name string
}

func newSheet(format, path string) *sheet {
	return &sheet{
		format: format, workflow: workflowOf(path), params: map[string]string{}, byID: map[string]*job{}, started: records.Unknown,
	}
}

// job returns the job with an ID, which is added if it is new.
func (s *sheet) job(id string) *job {
	j := s.byID[id]
	if j == nil {
		j = &job{id: id}
		s.byID[id] = j
		s.jobs = append(s.jobs, j)
	}
	return j
}

// run makes the run.
func (s *sheet) run() *records.Run {
	r := records.NewRun(System, s.format)
	r.Key, r.Workflow, r.Params = s.key, s.workflow, s.params
	r.Started, r.Makespan, r.Status, r.Error, r.Incomplete = s.started, s.makespan, s.status, bounded.Text(s.failure), s.incomplete
	worker := records.None
	if s.host != "" || s.cores > 0 {
		name := s.host
		if name == "" {
			name = "local"
		}
		worker = r.AddWorker(name)
		r.Workers[worker].Host, r.Workers[worker].Cores = s.host, s.cores
	}
	number := make(map[*job]int32, len(s.jobs))
	maker := map[string]int32{}
	for i, j := range s.jobs {
		number[j] = int32(i)
		for _, path := range j.outputs {
			if _, taken := maker[path]; taken {
				s.notes.LeftOut(1, "files are outputs of more than one job: dependencies lead to the first one")
				continue
			}
			maker[path] = int32(i)
		}
	}
	outside := 0
	r.Tasks = make([]records.Task, 0, len(s.jobs))
	for i, j := range s.jobs {
		t := j.task(worker)
		for _, path := range j.inputs {
			if from, ok := maker[path]; ok && from != int32(i) {
				t.Parents = append(t.Parents, from)
			} else if !ok {
				outside++
			}
		}
		for _, before := range j.after {
			t.Parents = append(t.Parents, number[before])
		}
		slices.Sort(t.Parents)
		t.Parents = slices.Compact(t.Parents)
		r.Tasks = append(r.Tasks, t)
	}
	s.notes.Recorded(outside, "inputs are made by no job of the run")
	r.Undated = !dated(r)
	r.Notes = s.notes
	return r
}

func dated(r *records.Run) bool {
	if r.Started.Known() {
		return true
	}
	for i := range r.Tasks {
		for _, a := range r.Tasks[i].Attempts {
			if a.Started.Known() || a.Ended.Known() {
				return true
			}
		}
	}
	return false
}

// task is the task without its parents.
func (j *job) task(worker int32) records.Task {
	t := records.NewTask(j.id)
	t.Name, t.Function, t.Command, t.Cores = bounded.Text(j.name), bounded.Text(j.rule), bounded.Text(j.command), j.cores
	t.Attempts = j.attempts
	t.Skipped = j.skipped && len(t.Attempts) == 0
	for i := range t.Attempts {
		a := &t.Attempts[i]
		a.Worker = worker
		if i == 0 {
			a.Log = bounded.Lines(append(slices.Clone(j.log), a.Log)...)
		}
	}
	return t
}

// display names a job as a person would: by its rule and wildcards.
func (j *job) display() string {
	if j.wildcards == "" {
		return j.rule
	}
	return strings.TrimSpace(j.rule + " " + j.wildcards)
}

// exactSeconds reads decimal seconds since 1970 without rounding them as a float does. ok is false if it is no number.
func exactSeconds(text string) (m records.Moment, ok bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || len(fraction) > 20 || seconds < 0 {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || !(value > 0 && value < 9e9) {
			return records.Unknown, false
		}
		return records.Moment(value * 1e9), true
	}
	nanos, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if err != nil || nanos < 0 {
		return records.Unknown, false
	}
	m = records.At(time.Unix(seconds, nanos))
	return m, m.Known()
}

// parseDate reads a date as C writes it, without a zone.
func parseDate(text string) records.Moment {
	t, err := time.Parse("Mon Jan _2 15:04:05 2006", text)
	if err != nil {
		return records.Unknown
	}
	return records.At(t)
}

// noZone is said of records with such dates.
const noZone = "dates have no zone: they are in the local time of the machine that ran Snakemake, and shown as if it were UTC"

// workflowOf names the workflow by the first folder or file name that says something.
func workflowOf(path string) string {
	parts := strings.Split(path, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if word := strings.Trim(dull.ReplaceAllString(parts[i], ""), "-_. "); len(word) > 1 && !strings.HasPrefix(parts[i], ".") && !strings.HasPrefix(parts[i], "@") {
			return word
		}
	}
	return "workflow"
}

var dull = regexp.MustCompile(`(?i)snakemake|snakefile|traces?|workflow|metadata|benchmarks?|stats|joined|logs?\b|\d{4}-\d\d-\d\dT\d{6}(\.\d+)?|\.(txt|tsv|json|gz|zst|smk|err|out)\b`)

func durationOf(seconds float64) time.Duration {
	if !(seconds >= 0 && seconds < math.MaxInt64/1e9) {
		return -1
	}
	return time.Duration(math.Round(seconds * 1e9))
}

// System is the tool that runs are listed by.
const System = "Snakemake"
