package wfformat

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// maxLanes is how many lanes one worker of a run can have: they are numbered with 16 bits.
const maxLanes = 1 << 16

// replay places tasks if every task with a runtime has a start time. Only the lanes are invented.
func (s *scheduler) replay() {
	zero := s.in.start()
	for i := range s.in.Tasks { // parents come first
		t, p := &s.in.Tasks[i], &s.out.places[i]
		for _, parent := range t.Parents {
			p.ready = max(p.ready, s.out.places[parent].end)
		}
		p.start = p.ready // of a task without a runtime
		if !t.ExecutedAt.IsZero() {
			p.start = t.ExecutedAt.Sub(zero)
		}
		if p.start < p.ready {
			s.out.early++
			s.out.earliest = max(s.out.earliest, p.ready-p.start)
			p.ready = p.start
		}
		p.end = p.start + t.Runtime
		s.out.makespan = max(s.out.makespan, p.end)
	}
	s.sortByEnds()
	byStart := s.inOrder(func(i int32) time.Duration { return s.out.places[i].start })
	reach := time.Duration(0)
	for _, i := range byStart {
		p := &s.out.places[i]
		for s.now = p.start; !s.running.empty() && s.out.places[s.running.items[0]].end <= s.now; {
			s.release(s.running.pop())
		}
		machine := s.in.Tasks[i].Machine
		if machine == NoMachine {
			machine = s.emptiest()
		}
		s.start(i, machine)
		s.out.explained += max(0, p.end-max(p.start, reach))
		reach = max(reach, p.end)
	}
}

// inOrder lists the tasks by a moment of each; among equal ones, parents come first.
func (s *scheduler) inOrder(of func(task int32) time.Duration) []int32 {
	out := make([]int32, len(s.out.places))
	for i := range out {
		out[i] = int32(i)
	}
	slices.SortFunc(out, func(a, b int32) int {
		return cmp.Or(cmp.Compare(of(a), of(b)), cmp.Compare(a, b))
	})
	return out
}

// sortByEnds orders the tasks by their ends, but each after its parents, because recorded times are rounded and the
// clocks of machines differ. The parent that is last in this order makes a task ready.
func (s *scheduler) sortByEnds() {
	reached := make([]time.Duration, len(s.out.places))
	for i := range s.out.places {
		reached[i] = s.out.places[i].end
		for _, p := range s.in.Tasks[i].Parents {
			reached[i] = max(reached[i], reached[p])
		}
	}
	s.out.order = s.inOrder(func(i int32) time.Duration { return reached[i] })
	position := make([]int, len(s.out.order))
	for i, task := range s.out.order {
		position[task] = i
	}
	for i := range s.out.places {
		p := &s.out.places[i]
		for _, parent := range s.in.Tasks[i].Parents {
			if p.trigger == none || position[parent] > position[p.trigger] {
				p.trigger = parent
			}
		}
	}
}

// start is the moment from which a recording counts. If start times are used, it is never after the first of them. If
// the run would be longer than the recorded makespan when counted from the workflow's own start, but not when counted
// from the start of the first task, the latter is used: then the two were written in different time zones.
func (in *Instance) start() time.Time {
	first, last := in.span()
	at := in.ExecutedAt
	switch {
	case !in.stamped() || first.IsZero():
		return startOf(in)
	case at.IsZero() || first.Before(at):
		return first
	case in.Makespan > 0 && last.Sub(at) > in.Makespan+time.Minute && last.Sub(first) <= in.Makespan+time.Minute:
		return first
	}
	return at
}

// span returns the first recorded start of a task and the last end of a task that has one.
func (in *Instance) span() (first, last time.Time) {
	for i := range in.Tasks {
		t := &in.Tasks[i]
		if t.ExecutedAt.IsZero() {
			continue
		}
		if first.IsZero() || t.ExecutedAt.Before(first) {
			first = t.ExecutedAt
		}
		if end := t.ExecutedAt.Add(t.Runtime); end.After(last) {
			last = end
		}
	}
	return first, last
}

// lanesSentence returns the text of record.Origin.Lanes.
func (s *schedule) lanesSentence() string {
	out := "start times are recorded; lanes are not, so each task was put in the lowest lane of its machine that was free"
	if s.early > 0 {
		out += fmt.Sprintf("; %d of the tasks started before the recorded end of a parent, by up to %s", s.early, s.earliest)
	}
	return out
}

// split turns a machine into several workers if more tasks ran on it at a time than one worker can have lanes.
func (s *schedule) split() {
	if !slices.ContainsFunc(s.lanes, func(n int) bool { return n > maxLanes }) {
		return
	}
	first := make([]int32, len(s.machines)) // by machine: its first worker
	machines, lanes, widths := s.machines, s.lanes, s.widths
	s.machines, s.lanes, s.widths = nil, nil, nil
	for i, m := range machines {
		first[i] = int32(len(s.machines))
		for part, left := 0, lanes[i]; part == 0 || left > 0; part, left = part+1, left-maxLanes {
			own := m
			if part > 0 {
				own.Name = fmt.Sprintf("%s, part %d", m.Name, part+1)
			}
			s.machines = append(s.machines, own)
			s.lanes = append(s.lanes, min(left, maxLanes))
			s.widths = append(s.widths, min(widths[i], maxLanes))
		}
	}
	for i := range s.places {
		p := &s.places[i]
		p.machine, p.lane = first[p.machine]+p.lane/maxLanes, p.lane%maxLanes
	}
}

// origin is what the recording says about the run as a whole.
func origin(in *Instance, s *schedule) *record.Origin {
	o := &record.Origin{
		Format: "WfFormat " + in.SchemaVersion, Makespan: in.Makespan, Explained: s.explained,
		Undated: startOf(in).Equal(time.Unix(0, 0)),
	}
	if in.stamped() {
		o.Undated, o.Lanes = false, s.lanesSentence()
	}
	return o
}
