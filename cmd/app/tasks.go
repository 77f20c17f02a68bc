package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// tasksCommand lists the attempts of a run.
type tasksCommand struct {
	RunID    string `arg:"" name:"run" help:"ID, an end or a beginning of one, or last."`
	Function string `placeholder:"NAME" help:"Only tasks of this function."`
	Name     string `placeholder:"TEXT" help:"Only tasks whose name contains this text, in any case."`
	Outcome  string `enum:",ok,failed,retrying,cancelled,lost,skipped,cached,not_run" default:"" placeholder:"OUTCOME" help:"Only attempts that ended ok, failed, retrying, cancelled or lost, tasks that were skipped or cached, or tasks that were not_run when the run ended, which are not listed otherwise."`
	Worker   int    `default:"-1" placeholder:"N" help:"Only attempts on this worker of the run."`
	Sort     string `default:"claimed" enum:"claimed,ended,task,queue,wait,fetch,execute,store,update,input,output,cpu,memory,read,written" placeholder:"BY" help:"By time (claimed, the default, or ended), by task, or largest first: queue, wait, fetch, execute, store, update, input, output; if measured: cpu, memory, read, written."`
	Reverse  bool   `help:"Reverse the order."`
	Limit    int    `default:"50" placeholder:"N" help:"The most attempts to list; 0 for all (default 50)."`
	targetFlags
}

// Validate is called by kong.
func (c *tasksCommand) Validate() error {
	if c.Limit < 0 {
		return fmt.Errorf("--limit is %d, expected 0 or more", c.Limit)
	}
	return c.check()
}

// tasksJSON is the output.
type tasksJSON struct {
	Run       record.RunID  `json:"run"`
	AsOf      uint64        `json:"as_of"` // the last step that is included
	Steps     int64         `json:"steps"`
	StepsKept int64         `json:"steps_kept"`
	Attempts  []attemptJSON `json:"attempts"`
	More      int           `json:"more"`    // attempts beyond the limit
	NotRun    int64         `json:"not_run"` // tasks that were not claimed when the run ended
}

// Run prints the list.
func (c *tasksCommand) Run(ctx context.Context, s *session) error {
	return s.withRun(ctx, c.targetFlags, c.RunID, func(store metricsstore.Store, r *metricsstore.Run) error {
		a, err := c.list(ctx, store, r)
		if err != nil {
			return err
		}
		if s.flags.JSON {
			return s.printJSON(a)
		}
		return a.print(s)
	})
}

func (c *tasksCommand) list(ctx context.Context, store metricsstore.Store, r *metricsstore.Run) (*tasksJSON, error) {
	a := &tasksJSON{Run: r.Info.ID, Attempts: []attemptJSON{}, Steps: r.Upload.Steps, StepsKept: r.Upload.StepsKept}
	each := eachAttempt
	if c.Outcome == notRun {
		each = eachNotRun
	}
	if r.Status.Final() {
		a.NotRun = r.Counts.NotRun()
	}
	err := each(ctx, store, r.Info, func(seq uint64, t attemptJSON) {
		a.AsOf = seq
		if c.matches(&t) {
			a.Attempts = append(a.Attempts, t)
		}
	})
	if err != nil {
		return nil, err
	}
	c.sort(a.Attempts)
	if c.Limit > 0 && len(a.Attempts) > c.Limit {
		a.More = len(a.Attempts) - c.Limit
		a.Attempts = a.Attempts[:c.Limit]
	}
	return a, addErrors(ctx, store, a.Run, a.Attempts)
}

func (c *tasksCommand) matches(t *attemptJSON) bool {
	return strings.Contains(strings.ToLower(t.Name), strings.ToLower(c.Name)) && (c.Function == "" || c.Function == t.Task.Function) && (c.Outcome == "" || c.Outcome == t.outcome()) &&
		(c.Worker < 0 || c.Worker == t.Worker && t.Attempt > 0)
}

func (c *tasksCommand) sort(list []attemptJSON) {
	largest := func(value func(t *attemptJSON) int64) func(a, b attemptJSON) int {
		return func(a, b attemptJSON) int { return cmp.Compare(value(&b), value(&a)) }
	}
	order := map[string]func(a, b attemptJSON) int{
		"claimed": func(a, b attemptJSON) int { return cmp.Compare(a.ClaimedNS, b.ClaimedNS) },
		"ended":   func(a, b attemptJSON) int { return cmp.Compare(a.EndedNS, b.EndedNS) },
		"task":    compareTasks,
		"queue":   largest(func(t *attemptJSON) int64 { return int64(t.Queue) }),
		"wait":    largest(func(t *attemptJSON) int64 { return int64(t.Wait) }),
		"fetch":   largest(func(t *attemptJSON) int64 { return int64(t.Fetch) }),
		"execute": largest(func(t *attemptJSON) int64 { return int64(t.Execute) }),
		"store":   largest(func(t *attemptJSON) int64 { return int64(t.Store) }),
		"update":  largest(func(t *attemptJSON) int64 { return int64(t.Update) }),
		"input":   largest(func(t *attemptJSON) int64 { return t.Input }),
		"output":  largest(func(t *attemptJSON) int64 { return t.Output }),
		"cpu":     largest(func(t *attemptJSON) int64 { return int64(t.used().CPU) }),
		"memory":  largest(func(t *attemptJSON) int64 { return t.used().MemoryBytes }),
		"read":    largest(func(t *attemptJSON) int64 { return t.used().ReadBytes }),
		"written": largest(func(t *attemptJSON) int64 { return t.used().WrittenBytes }),
	}[c.Sort]
	slices.SortStableFunc(list, order)
	if c.Reverse {
		slices.Reverse(list)
	}
}

func (a *tasksJSON) print(s *session) error {
	if len(a.Attempts) == 0 {
		fmt.Fprintf(s.stdout, "Run %s has no such task.\n", a.Run)
	} else if err := taskTable(s, a.Attempts).print(s.stdout); err != nil {
		return err
	}
	if a.More > 0 {
		fmt.Fprintf(s.stdout, "%s of %s shown; --limit 0 shows all.\n", count(int64(len(a.Attempts))), count(int64(len(a.Attempts)+a.More)))
	}
	if a.NotRun > 0 && !slices.ContainsFunc(a.Attempts, func(t attemptJSON) bool { return t.outcome() == notRun }) {
		fmt.Fprintf(s.stdout, "%s had not been claimed when the run ended; --outcome not_run lists them.\n", plural(a.NotRun, "task"))
	}
	if a.StepsKept < a.Steps {
		fmt.Fprintf(s.stdout, "Partial: %s of %s are recorded.\n", count(a.StepsKept), plural(a.Steps, "step"))
	}
	return nil
}

func taskTable(s *session, attempts []attemptJSON) *table {
	columns := []column{left("task")}
	named := slices.ContainsFunc(attempts, func(a attemptJSON) bool { return a.Task.Name != "" })
	if named {
		columns = append(columns, left("function"))
	}
	columns = append(columns, right("attempt"), s.statusColumn("outcome"), left("worker"), right("claimed"), right("queue"), right("wait"),
		right("fetch"), right("execute"), right("store"), right("update"), right("input"), right("output"))
	measured := slices.ContainsFunc(attempts, func(a attemptJSON) bool { return a.isMeasured() })
	if measured {
		columns = append(columns, right("cpu"), right("memory"), right("read"), right("written"))
	}
	t := newTable(append(columns, left("error"))...)
	for i := range attempts {
		a := &attempts[i]
		cells := []string{oneLine(a.Name, 48)}
		if named {
			cells = append(cells, oneLine(a.Task.Function, 32))
		}
		if a.Attempt == 0 {
			cells = append(cells, "–", strings.ReplaceAll(a.outcome(), "_", " "))
			t.add(append(append(cells, slices.Repeat([]string{"–"}, len(columns)-len(cells))...), "")...)
			continue
		}
		output, failure := size(a.Output), ""
		if !a.Outcome.Done() {
			output = "–"
		}
		if e := a.Error; e != nil {
			failure = oneLine(fmt.Sprintf("%s: %s", e.Kind, e.Message), 80)
		}
		cells = append(cells, count(int64(a.Attempt)), a.Outcome.String(), fmt.Sprintf("%d slot %d", a.Worker, a.Slot),
			"+"+duration(time.Duration(a.ClaimedNS)), duration(a.Queue), duration(a.Wait), duration(a.Fetch), duration(a.Execute),
			duration(a.Store), duration(a.Update), size(a.Input), output)
		if measured {
			cells = append(cells, a.usageCells()...)
		}
		t.add(append(cells, failure)...)
	}
	return t
}
