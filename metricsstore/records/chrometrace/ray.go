package chrometrace

import (
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// ray is the timeline of Ray, whose threads are the processes of drivers and workers.
var ray = tool{system: "Ray", threads: true, prepare: prepareRay, span: raySpan}

// isRayTask reports whether an event is the execution of a task.
func isRayTask(t *trace, e *event) bool {
	cat := t.cat(e)
	return e.phase == 'X' && (cat == "task" || strings.HasPrefix(cat, "task::"))
}

func prepareRay(b *builder) {
	b.run.Format = "Ray timeline"
	b.run.Workflow = "Ray " + b.fileStem()
	idle, phases := 0, 0
	seen := map[string]int32{}
	for _, n := range b.order {
		e := b.event(n)
		parent := b.spans[n].parent
		switch {
		case isRayTask(b.trace, e):
			b.bodies[n] = body{start: b.spans[n].start, end: b.spans[n].end}
			if id := b.arg(e, "task_id"); id != "" {
				if first, again := seen[id]; again {
					b.retries[n] = first
				} else {
					seen[id] = n
				}
			}
		case b.cat(e) == "worker_idle":
			b.drop[n] = true
			idle++
		case parent != none && isRayTask(b.trace, b.event(parent)) && b.addRayPhase(parent, n):
			b.drop[n] = true
			phases++
		}
	}
	b.run.Notes.Recorded(phases, "events are phases of tasks")
	b.run.Notes.LeftOut(idle, "events say that a worker was idle")
	b.run.Notes.Inferred(len(b.retries), "events of tasks have the ID of an earlier one and are further attempts of it")
}

// addRayPhase adds a phase to its task, and reports whether it is one.
func (b *builder) addRayPhase(task, n int32) bool {
	in, s := b.bodies[task], &b.spans[n]
	switch b.cat(b.event(n)) {
	case "task:deserialize_arguments":
		in.fetch += time.Duration(s.end - s.start)
	case "task:execute":
		in.start, in.end = s.start, s.end
	case "task:store_outputs":
		in.log = "store_outputs " + time.Duration(s.end-s.start).String()
	default:
		return false
	}
	b.bodies[task] = in
	return true
}

func raySpan(b *builder, n int32, s *records.Span) {
	e := b.event(n)
	if !isRayTask(b.trace, e) {
		return
	}
	s.Name = strings.TrimPrefix(s.Name, "task::")
	if name := b.arg(e, "name"); name != "" {
		s.Name = bounded.Text(name)
	}
	s.Function = s.Name
	s.ID = b.arg(e, "task_id")
}
