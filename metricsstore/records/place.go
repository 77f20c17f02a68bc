package records

import (
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// mostInvented is the share of attempts without moments up to which these alone are placed by their parents. Above it
// the whole schedule is reconstructed, as a mixture of recorded and invented moments would be neither.
const mostInvented = 0.1

// place gives every attempt its moments: the recorded ones, or those of a reconstructed schedule.
func (c *compiler) place() {
	for i := range c.stretches {
		s := &c.stretches[i]
		switch {
		case s.placed:
			c.made.stamped++
			c.made.timed++
		case s.over != unplaced:
			c.made.timed++
		}
	}
	invented := c.made.timed - c.made.stamped
	if c.made.reconstructed = float64(invented) > mostInvented*float64(c.made.timed); c.made.reconstructed {
		c.reconstruct()
	} else {
		c.follow()
		c.notes.Inferred(invented, "attempts have a duration and no moments; each was placed where its parents had ended")
	}
	c.measure()
}

// follow places each attempt without moments where its parents and the attempts before it had ended, and finds when
// each attempt was ready.
func (c *compiler) follow() {
	overs := make([][]int64, len(c.after))
	for g := range c.after {
		for _, a := range c.after[g].after {
			if overs[a] == nil {
				overs[a] = c.after[a].overs(c)
			}
		}
		c.after[g].ready = c.groupReady(g, overs)
	}
	for i := range c.run.Tasks {
		if g := c.run.Tasks[i].Group; g != None {
			c.settle(int32(i), c.after[g].ready)
		}
	}
	for _, t := range c.sorted {
		latest := int64(0)
		own := c.stretchesOf(t)
		for _, p := range c.parents[t] {
			attempts := c.stretchesOf(p)
			if len(attempts) == 0 {
				continue
			}
			last := &attempts[len(attempts)-1]
			if len(own) > 0 && own[0].placed && last.over > own[0].claimed {
				latest = max(latest, last.ended) // its output was still being stored, or its end became known later
				continue
			}
			latest = max(latest, last.over)
		}
		c.settle(t, latest)
	}
}

// overs lists when the attempts of a group were over, in order.
func (g *groupLinks) overs(c *compiler) []int64 {
	out := []int64{}
	for _, t := range g.tasks {
		for _, s := range c.stretchesOf(t) {
			if s.placed {
				out = append(out, s.over)
			}
		}
	}
	slices.Sort(out)
	return out
}

// groupReady is when the tasks of a group could start. overs says when the attempts of groups before it were over.
func (c *compiler) groupReady(g int, overs [][]int64) int64 {
	if m := c.run.Groups[g].Ready; m.Known() {
		return max(int64(m-c.zero), 0)
	}
	ready, first := int64(0), int64(-1)
	for _, t := range c.after[g].tasks {
		if own := c.stretchesOf(t); len(own) > 0 && own[0].placed && (first < 0 || own[0].claimed < first) {
			first = own[0].claimed
		}
	}
	for _, a := range c.after[g].after {
		if n, _ := slices.BinarySearch(overs[a], first+1); n > 0 {
			ready = max(ready, overs[a][n-1])
		}
	}
	return ready
}

// settle places the attempts of a task whose parents ended at a moment, and finds when each was ready: as recorded, but
// not before the parents ended, and at its claim at the latest.
func (c *compiler) settle(task int32, parentsEnd int64) {
	ready := parentsEnd
	for k := range c.stretchesOf(task) {
		s := &c.stretchesOf(task)[k]
		if !s.placed {
			s.put(ready)
			continue
		}
		if c.knowsNoEdges() && s.ready == unplaced && k == 0 {
			s.ready = s.claimed
		}
		if early := ready - s.claimed; k == 0 && early > 0 {
			c.made.early++
			c.made.earliest = max(c.made.earliest, time.Duration(early))
		}
		s.ready = min(max(s.ready, ready), s.claimed)
		ready = s.over
	}
}

// knowsNoEdges reports whether the record has no dependencies at all; then a task that waits for nothing may still
// have waited for something.
func (c *compiler) knowsNoEdges() bool { return c.edges == 0 && len(c.after) == 0 }

// measure ends what has no end at the end of the run, and adds up how long anything ran.
func (c *compiler) measure() {
	end := int64(0)
	for i := range c.stretches {
		end = max(end, c.stretches[i].over)
	}
	if c.run.Ended.Known() {
		end = max(end, int64(c.run.Ended-c.zero))
	}
	open := 0
	for i := range c.stretches {
		if s := &c.stretches[i]; s.open {
			open++
			s.ended, s.over, s.outcome = end, end, record.OutcomeLost
		}
	}
	c.notes.Inferred(open, "attempts have no recorded end and count as lost at the end of the record")
	c.made.makespan = time.Duration(end)
	byStart := c.byStart()
	reach := int64(0)
	for _, i := range byStart {
		s := &c.stretches[i]
		c.made.explained += time.Duration(max(0, s.over-max(s.claimed, reach)))
		reach = max(reach, s.over)
	}
}
