package records

import (
	"cmp"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
)

// rank puts everything that happened in the order of the log, and finds out what made each task ready.
func (c *compiler) rank() { (&ranking{c}).sort() }

// ranking is the stage that puts events in order.
type ranking struct{ *compiler }

func (c *ranking) sort() {
	reached, ends := make([]int64, len(c.run.Tasks)), make([]int64, len(c.after))
	c.events = make([]event, 0, len(c.stretches)+len(c.after))
	for _, g := range c.groupsInOrder() {
		links := &c.after[g]
		from := links.ready
		for _, before := range links.after {
			from = max(from, ends[before])
		}
		c.events = append(c.events, event{from, groupOpens, g})
		for _, t := range links.tasks {
			ends[g] = max(ends[g], c.happen(t, from))
		}
	}
	for _, t := range c.sorted {
		from := int64(0)
		for _, p := range c.parents[t] {
			from = max(from, reached[p])
		}
		reached[t] = c.happen(t, from)
	}
	slices.SortStableFunc(c.events, func(a, b event) int { return cmp.Compare(a.reached, b.reached) })
	c.findCauses()
}

// happen adds the events of a task that cannot have been ready before a moment, and returns when they are over.
func (c *ranking) happen(t int32, from int64) int64 {
	if c.first[t] == c.first[t+1] && c.run.Tasks[t].Skipped {
		c.events = append(c.events, event{from, taskSkipped, t})
	}
	for i := c.first[t]; i < c.first[t+1]; i++ {
		s := &c.stretches[i]
		if s.outcome == record.OutcomeLost {
			from = max(from, s.started)
			c.events = append(c.events, event{from, attemptOpens, i})
		}
		from = max(from, s.over)
		c.events = append(c.events, event{from, attemptEnds, i})
	}
	return from
}

// findCauses finds, for each task and group, the last event of what it waited for.
func (c *ranking) findCauses() {
	last := make([]int32, len(c.run.Tasks)) // by task: its last event
	for i := range last {
		last[i] = never
	}
	for i, e := range c.events {
		switch e.kind {
		case attemptEnds:
			last[c.stretches[e.of].task] = int32(i)
		case taskSkipped:
			last[e.of] = int32(i)
		}
	}
	c.causes = causes{make([]int32, len(c.run.Tasks)), make([]int32, len(c.after))}
	for _, t := range c.sorted {
		c.causes.tasks[t] = c.cause(t, last)
	}
	ends := make([]int32, len(c.after)) // by group: its last event
	for g := range c.after {
		ends[g] = atStart
		for _, t := range c.after[g].tasks {
			ends[g] = max(ends[g], last[t])
		}
	}
	for g := range c.after {
		at := atStart
		for _, before := range c.after[g].after {
			at = max(at, ends[before])
		}
		c.causes.groups[g] = at
	}
}

// cause is the last event of the parents. A task that was not executed was ready only if all its parents had succeeded.
func (c *ranking) cause(t int32, last []int32) int32 {
	at := atStart
	for _, p := range c.parents[t] {
		at = max(at, last[p])
	}
	if c.first[t] < c.first[t+1] {
		return at
	}
	if c.run.Tasks[t].Skipped {
		return never
	}
	for _, p := range c.parents[t] {
		attempts := c.stretchesOf(p)
		if len(attempts) == 0 || !attempts[len(attempts)-1].isOK() {
			return never
		}
	}
	return at
}
