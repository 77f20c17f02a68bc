package records

import (
	"cmp"
	"fmt"
	"time"
)

// maxSpan is how far moments of a run may be apart and how long anything may take, some 146 years: sums of two such
// times do not overflow.
const maxSpan = 1 << 62

// maxCores bounds the cores that a task or worker counts with, so that sums of them do not overflow.
const maxCores = 1 << 24

// checking is what is found out about a run before it is compiled.
type checking struct {
	run                    *Run
	attempts, timed, edges int
	first, last            Moment // of all that are recorded
	longest                time.Duration
}

// check holds a run to the limits, and to what Compile relies on.
func (r *Run) check() error {
	c := &checking{run: r, first: Unknown, last: Unknown}
	for i := range r.Tasks {
		if err := c.task(&r.Tasks[i]); err != nil {
			return err
		}
	}
	c.whole()
	name := cmp.Or(r.Workflow, r.Format)
	switch {
	case c.attempts == 0:
		return fmt.Errorf("%w: %s: no task was executed, expected at least one that was", ErrFormat, name)
	case c.timed == 0:
		return fmt.Errorf("%w: %s: nothing says when a task ran or for how long, expected times of at least one", ErrFormat, name)
	case c.longest > maxSpan || c.first.Known() && uint64(c.last)-uint64(c.first) > maxSpan:
		return tooLong(name)
	case max(c.attempts, len(r.Tasks)) > MaxTasks:
		return fmt.Errorf("%w: %d tasks with %d attempts, at most %d are allowed", ErrTooLarge, len(r.Tasks), c.attempts, MaxTasks)
	case len(r.Groups) > MaxTasks:
		return fmt.Errorf("%w: %d groups, at most %d are allowed", ErrTooLarge, len(r.Groups), MaxTasks)
	case c.edges > MaxEdges:
		return fmt.Errorf("%w: %d edges, at most %d are allowed", ErrTooLarge, c.edges, MaxEdges)
	case len(r.Workers) >= MaxWorkers:
		return fmt.Errorf("%w: %d workers, at most %d are allowed", ErrTooLarge, len(r.Workers), MaxWorkers-1)
	}
	return nil
}

// tooLong says that the times of a run cannot be its times.
func tooLong(name string) error {
	return fmt.Errorf("%w: %s: its times are more than 146 years long or apart, expected those of one run", ErrFormat, name)
}

func (c *checking) task(t *Task) error {
	c.attempts += len(t.Attempts)
	c.edges += len(t.Parents)
	for k := range t.Attempts {
		a := &t.Attempts[k]
		started, ended := a.body()
		if started.Known() || ended.Known() || a.Runtime >= 0 {
			c.timed++
		}
		c.moments(a.Ready, a.Claimed, started, ended, a.Over)
		c.longest = max(c.longest, a.Runtime, a.Fetch)
	}
	if len(t.Attempts) > MaxAttempts {
		return fmt.Errorf("%w: task %q has %d attempts, at most %d are allowed", ErrTooLarge, t.ID, len(t.Attempts), MaxAttempts)
	}
	if t.Group < None || int(t.Group) >= len(c.run.Groups) {
		return fmt.Errorf("%w: task %q belongs to group %d, and there are %d", ErrFormat, t.ID, t.Group, len(c.run.Groups))
	}
	return nil
}

// whole checks what is not of a task.
func (c *checking) whole() {
	r := c.run
	c.moments(r.Started, r.Ended)
	if !r.Undated {
		c.moments(r.Date)
	}
	c.longest = max(c.longest, r.Makespan)
	for i := range r.Groups {
		c.edges += len(r.Groups[i].After)
		c.moments(r.Groups[i].Ready)
	}
	for i := range r.Workers {
		c.moments(r.Workers[i].Started, r.Workers[i].Ended)
		c.longest = max(c.longest, r.Workers[i].CPU)
	}
}

func (c *checking) moments(all ...Moment) {
	for _, m := range all {
		if !m.Known() {
			continue
		}
		if !c.first.Known() || m < c.first {
			c.first = m
		}
		c.last = max(c.last, m)
	}
}

// checkPlaced holds a run whose attempts are placed to the limits.
func (r *Run) checkPlaced(makespan time.Duration) error {
	if makespan >= maxSpan {
		return tooLong(cmp.Or(r.Workflow, r.Format))
	}
	if len(r.Workers) > MaxWorkers {
		return fmt.Errorf("%w: %d workers with at most %d lanes each, at most %d are allowed", ErrTooLarge, len(r.Workers), maxLanes, MaxWorkers)
	}
	return nil
}

// addSpans adds two times of at most maxSpan, and stops there.
func addSpans(a, b int64) int64 { return min(a+b, maxSpan) }

// coresOf is a recorded number of cores, 0 if it is none.
func coresOf(recorded int) int { return min(max(recorded, 0), maxCores) }
