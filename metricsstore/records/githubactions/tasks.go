package githubactions

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// builder makes one run.
type builder struct {
	*attempt
	run     *records.Run
	needs   *workflow // nil if there is none
	workers map[string]int32
	first   []int32 // of each job its first task
	last    []int32 // and the one that its end follows
	active  bool
}

func newBuilder(a *attempt, workflows []*workflow) *builder {
	b := &builder{attempt: a, run: records.NewRun("GitHub Actions", "GitHub Actions jobs"), workers: map[string]int32{}}
	slices.SortStableFunc(a.jobs, func(x, y job) int { return cmp.Or(cmp.Compare(x.started(), y.started()), cmp.Compare(x.id(), y.id())) })
	b.needs = choose(a, workflows)
	r := b.run
	r.Path, r.Params = a.path, map[string]string{}
	if a.id != 0 {
		r.Key = fmt.Sprintf("%d/%d", a.id, a.number)
		r.Params["run"] = strconv.FormatInt(a.id, 10)
	}
	r.Workflow = cmp.Or(a.jobs[0].Workflow, a.about.WorkflowName, a.about.Name, "GitHub workflow")
	if r.Workflow == "GitHub workflow" && b.needs != nil && b.needs.Name != "" {
		r.Workflow = b.needs.Name
	}
	if a.number > 1 {
		r.Params["attempt"] = strconv.FormatInt(a.number, 10)
	}
	for name, value := range map[string]string{
		"branch": cmp.Or(a.jobs[0].Branch, a.about.Branch, a.about.GhBranch), "event": a.about.Event,
		"title": cmp.Or(a.about.DisplayTitle, a.about.GhDisplay),
	} {
		if value != "" {
			r.Params[name] = value
		}
	}
	r.Started = a.about.Started.or(a.about.GhStarted)
	r.Status = status(a.about.Status, a.about.Conclusion)
	return b
}

// choose finds the workflow file that has the most of an attempt's jobs.
func choose(a *attempt, workflows []*workflow) *workflow {
	var best *workflow
	most := 0
	for _, w := range workflows {
		n := 0
		for i := range a.jobs {
			if w.key(a.jobs[i].Name) != "" {
				n++
			}
		}
		if a.about.Path != "" && strings.HasSuffix(w.Path, a.about.Path[strings.LastIndexByte(a.about.Path, '/')+1:]) {
			n += len(a.jobs) // the run names its file
		}
		if n > most {
			best, most = w, n
		}
	}
	return best
}

// status is that of a run, empty if it is not recorded.
func status(status, conclusion string) record.Status {
	switch {
	case status != "" && status != "completed":
		return record.Running
	case conclusion == "success" || conclusion == "neutral" || conclusion == "skipped":
		return record.Succeeded
	case conclusion == "cancelled":
		return record.Cancelled
	case conclusion != "":
		return record.Failed
	}
	return ""
}

func (b *builder) addJobs() error {
	tasks := len(b.jobs)
	for i := range b.jobs {
		tasks += len(b.jobs[i].Steps) + 1
	}
	if tasks > records.MaxTasks {
		return fmt.Errorf("%w: %d jobs and steps", records.ErrTooLarge, tasks)
	}
	b.first, b.last = make([]int32, len(b.jobs)), make([]int32, len(b.jobs))
	for i := range b.jobs {
		b.jobs[i].sortSteps()
		b.addJob(i)
	}
	return b.connect()
}

// addJob adds the steps of a job, each after the last one that ran.
func (b *builder) addJob(i int) {
	j := &b.jobs[i]
	b.first[i] = int32(len(b.run.Tasks))
	if len(j.Steps) == 0 {
		b.last[i] = b.addTask(j, &j.state, b.jobID(i), j.Name, b.function(j), records.None)
		return
	}
	before, blamed := records.None, false
	for k := range j.Steps {
		s := &j.Steps[k]
		t := b.addTask(j, &s.state, b.jobID(i)+"/"+b.stepNumber(j, k), j.Name+" / "+s.Name, b.function(j)+" / "+s.Name, before)
		if len(b.run.Tasks[t].Attempts) > 0 || before == records.None {
			before = t
		}
		blamed = blamed || bad(s.Conclusion)
	}
	b.last[i] = before
	b.bound(j, b.first[i], before)
	if bad(j.Conclusion) && !blamed {
		b.run.Notes.Recorded(1, "jobs failed or were cancelled although none of their steps was")
		end := j.state
		end.Started, end.GhStarted = end.Completed, end.GhCompleted
		b.last[i] = b.addTask(j, &end, b.jobID(i), j.Name, b.function(j), before)
	}
}

// jobID is the ID of a job, or its place in the list if it has none.
func (b *builder) jobID(i int) string {
	if id := b.jobs[i].id(); id != 0 {
		return strconv.FormatInt(id, 10)
	}
	return fmt.Sprintf("job %d", i)
}

// stepNumber is the number of a step, or its place if its number is there twice.
func (b *builder) stepNumber(j *job, k int) string {
	if k > 0 && j.Steps[k-1].Number == j.Steps[k].Number {
		b.run.Notes.Repaired(1, "steps have the number of another one")
		return fmt.Sprintf("place %d", k+1)
	}
	return strconv.FormatInt(j.Steps[k].Number, 10)
}

// bound makes the job's creation and end those of its first and last step.
func (b *builder) bound(j *job, first, last int32) {
	if attempts := b.run.Tasks[first].Attempts; len(attempts) > 0 && attempts[0].Started.Known() {
		a := &attempts[0]
		if created := j.Created.moment(); created.Known() && created <= a.Started {
			a.Ready = created
		}
		if started := j.started(); started.Known() && started <= a.Started {
			a.Claimed = started
		}
		if len(j.Labels) > 0 {
			a.Log = strings.Join(append([]string{"labels " + strings.Join(j.Labels, ", ")}, lines(a.Log)...), "\n")
		}
	}
	if attempts := b.run.Tasks[last].Attempts; len(attempts) > 0 && attempts[0].Ended.Known() {
		if completed := j.completed(); completed.Known() && completed >= attempts[0].Ended {
			attempts[0].Over = completed
		}
	}
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// bad reports whether a conclusion is none of those of a job that went well.
func bad(conclusion string) bool {
	switch conclusion {
	case "", "success", "skipped", "neutral":
		return false
	}
	return true
}

// function is what jobs of one definition have in common.
func (b *builder) function(j *job) string {
	if b.needs != nil {
		if key := b.needs.key(j.Name); key != "" && b.needs.Jobs[key].Uses == "" {
			return key
		}
	}
	return j.base()
}

// addTask adds a task in a state of its job or of a step.
func (b *builder) addTask(j *job, s *state, id, name, function string, before int32) int32 {
	t := records.NewTask(id)
	t.Name, t.Function = name, function
	if before != records.None {
		t.Parents = []int32{before}
	}
	t.Skipped = s.Conclusion == "skipped"
	if a, made := b.attemptOf(j, s); made && !t.Skipped {
		t.Attempts = []records.Attempt{a}
	}
	if s.Status != "completed" && s.Status != "" {
		b.active = true
	}
	b.run.Tasks = append(b.run.Tasks, t)
	return int32(len(b.run.Tasks) - 1)
}

// attemptOf is the execution in a state; made is false if there was none yet.
func (b *builder) attemptOf(j *job, s *state) (a records.Attempt, made bool) {
	a = records.NewAttempt()
	a.Claimed, a.Started, a.Ended = s.started(), s.started(), s.completed()
	a.Worker = b.worker(j)
	switch s.Conclusion {
	case "":
		a.Ended = records.Unknown
		if s.Status != "in_progress" {
			a.Claimed, a.Started, a.Ready = records.Unknown, records.Unknown, j.Created.moment()
			return a, s == &j.state && a.Ready.Known()
		}
		return a, true
	case "success":
		a.Outcome = record.OutcomeOK
	case "cancelled":
		a.Outcome = record.OutcomeCancelled
		a.Error = &records.Failure{Kind: record.CancelledError, Message: "cancelled"}
	case "neutral", "skipped":
		a.Outcome, a.Log = record.OutcomeOK, "conclusion "+s.Conclusion
	default:
		a.Outcome = record.OutcomeFailed
		a.Error = &records.Failure{Message: strings.TrimSpace("conclusion " + s.Conclusion + "; its log is at " + j.link())}
		if s.Conclusion == "timed_out" {
			a.Error.Kind = record.TimeoutError
		}
	}
	if s == &j.state && len(j.Steps) == 0 {
		a.Ready = j.Created.moment()
	}
	return a, true
}

// worker is the runner of a job.
func (b *builder) worker(j *job) int32 {
	if j.Runner == "" {
		return records.None
	}
	name := j.Runner
	w, there := b.workers[name]
	if !there {
		if len(b.workers) >= records.MaxWorkers {
			return records.None
		}
		w = b.run.AddWorker(name)
		b.workers[name] = w
	}
	return w
}

// connect makes jobs follow those that they need.
func (b *builder) connect() error {
	if b.needs == nil {
		if len(b.jobs) > 1 {
			b.run.Notes.Remark(record.NoteLeftOut, "jobs do not say which they need; the workflow's file, saved next to them, does")
		}
		return nil
	}
	of := map[string][]int{}
	unmatched := 0
	for i := range b.jobs {
		key := b.needs.key(b.jobs[i].Name)
		if key == "" {
			unmatched++
			continue
		}
		of[key] = append(of[key], i)
	}
	b.run.Notes.LeftOut(unmatched, "jobs are not in the workflow file, so what they need is not known")
	edges := 0
	for key, jobs := range of {
		for _, need := range b.needs.Jobs[key].needs {
			if edges += len(jobs) * len(of[need]); edges > records.MaxEdges {
				return fmt.Errorf("%w: more than %d edges", records.ErrTooLarge, records.MaxEdges)
			}
			if need == key {
				continue
			}
			for _, to := range jobs {
				for _, from := range of[need] {
					t := &b.run.Tasks[b.first[to]]
					t.Parents = append(t.Parents, b.last[from])
				}
			}
		}
	}
	b.run.Notes.Inferred(edges, "edges are those of the workflow file, whose jobs were found by their names")
	return nil
}

// finish says what is true of the run as a whole.
func (b *builder) finish() {
	r := b.run
	if r.Status == "" && b.active {
		r.Status = record.Running
	}
	if r.Status == record.Running && r.Incomplete == "" {
		r.Incomplete = "the run was under way when the answer was given"
	}
	for i := range r.Tasks {
		slices.Sort(r.Tasks[i].Parents)
		r.Tasks[i].Parents = slices.Compact(r.Tasks[i].Parents) // a job may name one that it needs twice
	}
}
