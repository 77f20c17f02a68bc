package chrometrace

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// turborepo is the profile of turbo: spans of its program, of which those called execute_task run a task of a package.
var turborepo = tool{system: "Turborepo", rules: rules{asyncByID: true}, prepare: prepareTurborepo, span: turborepoSpan}

func prepareTurborepo(b *builder) {
	b.run.Format = "Turborepo profile"
	if version := strings.TrimPrefix(b.onlyProcess(), "turbo "); version != "" {
		b.run.Format += " " + version
	}
	b.dated, b.base = false, 0
	tasks := map[string]bool{}
	for i := range b.spans {
		e := b.event(int32(i))
		switch b.name(e) {
		case "finish":
			b.finishTurborepo(e)
		case "execute_task":
			tasks[b.arg(e, "task")] = true
		}
	}
	delete(tasks, "")
	b.run.Workflow = strings.TrimSpace("turbo " + strings.Join(slices.Sorted(maps.Keys(tasks)), " "))
	if b.incomplete != "" {
		return
	}
	last := b.events[len(b.events)-1].at
	closed := 0
	for i := range b.spans { // turbo exits within its outermost functions
		if s := &b.spans[i]; s.end == open {
			s.end = last
			closed++
		}
	}
	b.run.Notes.Inferred(closed, "spans have no end and end with the last event")
}

// finishTurborepo takes when the run ended, and how.
func (b *builder) finishTurborepo(e *event) {
	switch code := b.arg(e, "exit_code"); code {
	case "":
	case "0":
		b.run.Status = record.Succeeded
	default:
		b.run.Status, b.run.Error = record.Failed, fmt.Sprintf("exit code %s", clip(code, 20))
	}
	if ended, err := time.Parse(time.RFC3339, b.arg(e, "end_time")); err == nil {
		b.dated, b.base = true, ended.UnixNano()-e.at
		b.run.Notes.Remark(record.NoteInferred, "when time 0 was follows from the recorded end, to about a millisecond")
	}
}

func turborepoSpan(b *builder, n int32, s *records.Span) {
	e := b.event(n)
	task := b.arg(e, "task")
	if b.name(e) == "execute_task" && task != "" {
		s.Function = task
		s.Name = b.packageTask(n, task)
		return
	}
	s.Function = b.cat(e) + "::" + b.name(e)
	if task != "" {
		s.Name = bounded.Text(s.Name + " " + task)
	}
}

// packageTask is the name of a task with its package, which is an argument of what happens within the task only.
func (b *builder) packageTask(n int32, task string) string {
	lane := b.order[b.first[b.spans[n].lane]:b.first[b.spans[n].lane+1]]
	for _, inner := range lane[:min(len(lane), 1000)] {
		if b.spans[inner].parent != n {
			continue
		}
		if name := b.arg(b.event(inner), "task"); strings.HasSuffix(name, "#"+task) {
			return bounded.Text(name)
		}
	}
	return task
}
