package turborepo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

// run makes a run of a summary.
func (s *summary) run(f *records.File) (*records.Run, error) {
	r := records.NewRun("Turborepo", "Turborepo run summary")
	if s.TurboVersion != "" {
		r.Format += " " + s.TurboVersion
	}
	r.Path = f.Path
	r.Key = s.ID
	r.Workflow = cmp.Or(s.Execution.Command, "turbo run")
	r.Started, r.Ended = moment(s.Execution.StartTime), moment(s.Execution.EndTime)
	r.Status = record.Succeeded
	if s.Execution.ExitCode != 0 || s.Execution.Failed > 0 {
		r.Status = record.Failed
		r.Error = fmt.Sprintf("exit code %d", s.Execution.ExitCode)
	}
	r.Params = s.params()
	if len(s.Tasks) > records.MaxTasks {
		return nil, fmt.Errorf("%s: %w: expected at most %d tasks", f.Path, records.ErrTooLarge, records.MaxTasks)
	}
	names := unique.Names{}
	number := map[string]int32{}
	for i := range s.Tasks {
		t := &s.Tasks[i]
		if _, known := number[t.TaskID]; known {
			r.Notes.LeftOut(1, "tasks have the name of another one, which dependencies then mean")
		} else {
			number[t.TaskID] = int32(i)
		}
		r.Tasks = append(r.Tasks, t.task(names.ID(t.TaskID)))
	}
	if err := s.connect(r, number); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	s.remark(r)
	return r, nil
}

// moment is the moment of milliseconds since 1970, Unknown for 0.
func moment(ms int64) records.Moment {
	if ms <= 0 {
		return records.Unknown
	}
	return records.At(time.UnixMilli(ms))
}

func (s *summary) params() map[string]string {
	all := map[string]string{"version": s.TurboVersion, "branch": s.SCM.Branch, "commit": s.SCM.SHA}
	for k, v := range all {
		if v == "" {
			delete(all, k)
		}
	}
	return all
}

// task is a task of the summary, without what it depends on.
func (t *task) task(id string) records.Task {
	out := records.NewTask(id)
	out.Function = function(t.TaskID)
	if t.Command != "<NONEXISTENT>" {
		out.Command = bounded.Text(strings.Join(append([]string{t.Command}, t.CLIArguments...), " "))
	}
	if t.Execution == nil {
		return out
	}
	a := records.NewAttempt()
	a.Started, a.Ended = moment(t.Execution.StartTime), moment(t.Execution.EndTime)
	a.Outcome = record.OutcomeOK
	hit := t.Cache.Status == "HIT"
	if hit {
		a.Outcome = record.OutcomeCached
	}
	switch code := t.Execution.ExitCode; {
	case code != nil && *code != 0 || t.Execution.Error != "":
		a.Outcome = record.OutcomeFailed
		a.Error = &records.Failure{Message: bounded.Text(t.Execution.Error)}
		if code != nil {
			a.Error.ExitCode = *code
		}
	case t.Execution.EndTime <= 0:
		a.Outcome = record.NoOutcome
	}
	a.Log = t.Cache.log(t.Hash, hit)
	out.Attempts = []records.Attempt{a}
	return out
}

// log says what the cache had.
func (c *cache) log(hash string, hit bool) string {
	var saved, source string
	if hit {
		source = strings.ToLower(strings.TrimSpace("cache hit " + c.Source))
		if c.TimeSaved > 0 {
			saved = fmt.Sprintf("saved %v", time.Duration(min(c.TimeSaved, 1e12))*time.Millisecond)
		}
	}
	if hash != "" {
		hash = "hash " + hash
	}
	return bounded.Lines(source, saved, hash)
}

// function is what a task has in common with those of other packages: "build" of "app#build".
func function(id string) string {
	_, name, ok := strings.Cut(id, "#")
	if !ok {
		return id
	}
	return name
}

// connect adds dependencies, with tasks for the names of those that are not in the summary.
func (s *summary) connect(r *records.Run, number map[string]int32) error {
	names := unique.Names{}
	for i := range r.Tasks {
		names[r.Tasks[i].ID]++
	}
	edges := 0
	of := func(name string) int32 {
		n, known := number[name]
		if !known {
			n = int32(len(r.Tasks))
			number[name] = n
			t := records.NewTask(names.ID(name))
			t.Function = function(name)
			r.Tasks = append(r.Tasks, t)
		}
		return n
	}
	edge := func(from, to int32) {
		if from != to {
			edges++
			r.Tasks[to].Parents = append(r.Tasks[to].Parents, from)
		}
	}
	for i := range s.Tasks {
		for _, name := range s.Tasks[i].Dependencies {
			edge(of(name), int32(i))
		}
		for _, name := range s.Tasks[i].Dependents {
			edge(int32(i), of(name))
		}
		if edges > records.MaxEdges || len(r.Tasks) > records.MaxTasks {
			return fmt.Errorf("%w: expected at most %d tasks with %d dependencies", records.ErrTooLarge, records.MaxTasks, records.MaxEdges)
		}
	}
	for i := range r.Tasks {
		slices.Sort(r.Tasks[i].Parents)
		r.Tasks[i].Parents = slices.Compact(r.Tasks[i].Parents)
	}
	s.skip(r)
	return nil
}

// skip marks the tasks that are only named and wait for one that failed.
func (s *summary) skip(r *records.Run) {
	children := make([][]int32, len(r.Tasks))
	var stack []int32
	for i := range r.Tasks {
		for _, p := range r.Tasks[i].Parents {
			children[p] = append(children[p], int32(i))
		}
		if a := r.Tasks[i].Attempts; len(a) > 0 && a[0].Outcome == record.OutcomeFailed {
			stack = append(stack, int32(i))
		}
	}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, c := range children[n] {
			if t := &r.Tasks[c]; len(t.Attempts) == 0 && !t.Skipped {
				t.Skipped = true
				stack = append(stack, c)
			}
		}
	}
}

// remark adds the notes.
func (s *summary) remark(r *records.Run) {
	skipped, never := 0, 0
	for i := range r.Tasks {
		switch {
		case r.Tasks[i].Skipped:
			skipped++
		case len(r.Tasks[i].Attempts) == 0:
			never++
		}
	}
	e := s.Execution
	r.Notes.Inferred(skipped, "tasks are only named as dependent and were skipped, as they wait for one that failed")
	r.Notes.LeftOut(never, "tasks are only named by others, so whether they ran is not known")
	r.Notes.LeftOut(max(0, e.Attempted-e.Success-e.Failed-e.Cached), "tasks were started and stopped when another one failed; the summary does not contain them")
	r.Notes.Recorded(e.Cached, "tasks from the cache have the times of their restoring")
}
