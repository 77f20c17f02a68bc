package cromwell

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// builder makes the tasks of a run.
type builder struct {
	run    *records.Run
	count  int              // attempts
	inputs [][]string       // paths that tasks read
	made   map[string]int32 // which task made a path, -1 if several did
}

// workflow adds the calls of a workflow. prefix is the name of the sub-workflow with a slash.
func (b *builder) workflow(m *metadata, prefix string) error {
	for _, name := range slices.Sorted(maps.Keys(m.Calls)) {
		calls := slices.DeleteFunc(slices.Clone(m.Calls[name]), func(c *call) bool { return c == nil })
		slices.SortStableFunc(calls, func(a, b *call) int {
			return cmp.Or(cmp.Compare(a.ShardIndex, b.ShardIndex), cmp.Compare(a.Attempt, b.Attempt), cmp.Compare(a.Start, b.Start))
		})
		for len(calls) > 0 {
			n := 1
			for n < len(calls) && calls[n].ShardIndex == calls[0].ShardIndex {
				n++
			}
			if err := b.shard(name, prefix, calls[:n]); err != nil {
				return err
			}
			calls = calls[n:]
		}
	}
	return nil
}

// shard adds the attempts of one shard: as a task, or as the tasks of sub-workflows.
func (b *builder) shard(name, prefix string, attempts []*call) error {
	id := prefix + name
	if attempts[0].ShardIndex >= 0 {
		id += "[" + strconv.Itoa(attempts[0].ShardIndex) + "]"
	}
	var own []*call
	for i, c := range attempts {
		if i > 0 && c.Attempt == attempts[i-1].Attempt {
			b.run.Notes.LeftOut(1, "attempts of a call are in the file twice, and only the first is in the run")
			continue
		}
		if c.Sub == nil || len(c.Sub.Calls) == 0 {
			if c.SubID != "" || c.Sub != nil {
				b.run.Notes.LeftOut(1, "calls of sub-workflows are single tasks, because their own calls are not in the file")
			}
			own = append(own, c)
			continue
		}
		b.run.Notes.Recorded(1, "calls of sub-workflows are not tasks themselves, but the calls in them are")
		path := id + "/"
		if i > 0 {
			path = fmt.Sprintf("%s (attempt %d)/", id, c.Attempt)
		}
		if err := b.workflow(c.Sub, path); err != nil {
			return err
		}
	}
	if len(own) == 0 {
		return nil
	}
	if b.count += len(own); b.count > records.MaxTasks || len(own) > records.MaxAttempts {
		return fmt.Errorf("%w: more than %d attempts, or %d of one call", records.ErrTooLarge, records.MaxTasks, records.MaxAttempts)
	}
	b.task(id, name, own)
	return nil
}

func (b *builder) task(id, name string, attempts []*call) {
	number := int32(len(b.run.Tasks))
	task := records.NewTask(id)
	task.Function = name
	last := attempts[len(attempts)-1]
	task.Command = short(last.CommandLine)
	if cpu, err := strconv.ParseFloat(attribute(last.Attributes["cpu"]), 64); err == nil && cpu >= 1 && cpu < 1<<20 {
		task.Cores = int(cpu)
	}
	var inputs []string
	for _, c := range attempts {
		inputs = append(inputs, paths(c.Inputs)...)
		for _, path := range paths(c.Outputs) {
			if by, ok := b.made[path]; ok && by != number {
				b.made[path] = -1
			} else {
				b.made[path] = number
			}
		}
		switch c.ExecutionStatus {
		case "NotStarted", "WaitingForQueueSpace", "QueuedInCromwell":
			b.run.Notes.Recorded(1, "calls were waiting when the metadata was asked for")
		case "Bypassed", "Unstartable":
			task.Skipped = len(task.Attempts) == 0
		default:
			task.Skipped = false
			task.Attempts = append(task.Attempts, b.attempt(c))
		}
	}
	slices.Sort(inputs)
	b.inputs = append(b.inputs, slices.Compact(inputs))
	b.run.Tasks = append(b.run.Tasks, task)
}

// attribute is the text of an attribute, which is a text or a number.
func attribute(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	return text
}

// attempt makes an attempt of a call.
func (b *builder) attempt(c *call) records.Attempt {
	a := records.NewAttempt()
	a.Outcome = outcome(c)
	a.Ready = at(c.Start)
	if a.Outcome != record.NoOutcome {
		a.Over = at(c.End)
		a.Ended = a.Over
	}
	spans := c.spans()
	if len(spans) == 0 {
		a.Started = a.Ready
		b.run.Notes.Inferred(1, "attempts have no execution events, so their time includes that of waiting for a place and for the end to be seen")
	}
	b.times(&a, c, spans)
	if text := c.Failures.text(); a.Outcome != record.OutcomeOK && a.Outcome != record.OutcomeCached && (text != "" || c.ReturnCode != nil && *c.ReturnCode != 0) {
		a.Error = &records.Failure{Message: text}
		if c.ReturnCode != nil {
			a.Error.ExitCode = *c.ReturnCode
		}
		if a.Outcome == record.OutcomeLost {
			a.Error.Kind = record.WorkerLostError
		}
	}
	a.Log = logOf(c, spans)
	return a
}

func outcome(c *call) record.Outcome {
	switch c.ExecutionStatus {
	case "Done":
		if c.CallCaching.Hit {
			return record.OutcomeCached
		}
		return record.OutcomeOK
	case "Failed", "RetryableFailure":
		if strings.Contains(strings.ToLower(c.BackendStatus), "preempt") {
			return record.OutcomeLost
		}
		return record.OutcomeFailed
	case "Preempted":
		return record.OutcomeLost
	case "Aborted":
		return record.OutcomeCancelled
	}
	return record.NoOutcome // Starting, Running, Aborting
}

// times reads the events: a token is a place among the jobs that may run at a time; the body is the user's action on
// clouds, else all from RunningJob until the stores are updated.
func (b *builder) times(a *records.Attempt, c *call, spans []span) {
	action, running := -1, -1
	updating := records.Unknown
	for i, s := range spans {
		name := strings.ToLower(s.name)
		switch {
		case s.name == "RequestingExecutionToken":
			a.Claimed = s.end
		case name == "useraction" || name == "running-docker" || strings.HasPrefix(name, "running user action"):
			action = i
		case s.name == "RunningJob":
			running = i
		case strings.HasPrefix(s.name, "Updating") && !updating.Known():
			updating = s.start
		}
	}
	switch {
	case action >= 0:
		a.Started = spans[action].start
		if a.Outcome != record.NoOutcome && spans[action].end.Known() {
			a.Ended = spans[action].end
		}
		for _, s := range spans[:action] {
			if name := strings.ToLower(s.name); (name == "localization" || name == "localizing-files") && s.end > s.start && s.start.Known() {
				a.Fetch += time.Duration(s.end - s.start)
			}
		}
		b.run.Notes.Recorded(1, "attempts ran on a cloud, whose events say when the command itself ran")
	case running >= 0:
		a.Started = spans[running].start
		if updating.Known() && updating >= a.Started && a.Outcome != record.NoOutcome {
			a.Ended = updating
		}
		b.run.Notes.Inferred(1, "attempts end when Cromwell saw it, which it polls for")
	case c.CallCaching.Hit && a.Claimed.Known():
		a.Started = a.Claimed
	}
}

// logOf keeps what has no other place.
func logOf(c *call, spans []span) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); b.Len()+len(text) < records.MaxText {
			b.WriteString(text + "\n")
		}
	}
	line("attempt %d %s", c.Attempt, c.ExecutionStatus)
	for _, p := range [][2]string{
		{"backend", c.Backend},
		{"backend status", c.BackendStatus},
		{"call cache", c.CallCaching.Result},
		{"stderr", c.Stderr},
		{"sub-workflow", c.SubID},
	} {
		if p[1] != "" {
			line("%s %s", p[0], p[1])
		}
	}
	if c.JobID != nil {
		line("job %v", c.JobID)
	}
	for _, name := range []string{"cpu", "memory", "docker", "disks", "preemptible"} {
		if raw, ok := c.Attributes[name]; ok {
			line("%s %s", name, attribute(raw))
		}
	}
	for _, s := range spans {
		if s.start.Known() && s.end.Known() {
			line("%s %s", s.name, time.Duration(s.end-s.start))
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// edges finds the task that made each path that another one reads.
func (b *builder) edges() {
	count := 0
	for i := range b.run.Tasks {
		task := &b.run.Tasks[i]
		for _, path := range b.inputs[i] {
			if by, ok := b.made[path]; ok && by >= 0 && by != int32(i) && !slices.Contains(task.Parents, by) {
				task.Parents = append(task.Parents, by)
				count++
			}
		}
	}
	b.run.Notes.Inferred(count, "dependencies were inferred from paths of outputs that are inputs")
	b.run.Notes.Remark(record.NoteLeftOut, "metadata has no dependencies: those on values that are no paths are not in the run")
}
