package chrometrace

import (
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// own is the trace as which dagscope exports a run: an event for each attempt, with its phases inside.
var own = tool{system: "dagscope", rules: rules{inner: "phase"}, prepare: prepareOwn, span: ownSpan}

// ownOutcomes are the outcomes by category.
var ownOutcomes = map[string]record.Outcome{
	"ok": record.OutcomeOK, "failed": record.OutcomeFailed, "retrying": record.OutcomeFailed, "lost": record.OutcomeLost,
	"cancelled": record.OutcomeCancelled, "skipped": record.OutcomeCancelled, "cached": record.OutcomeCached,
}

// isOwnAttempt reports whether an event is an attempt in a run that dagscope exported.
func isOwnAttempt(t *trace, e *event) bool {
	_, outcome := ownOutcomes[t.cat(e)]
	return e.phase == 'X' && outcome && t.arg(e, "node") != "" && t.arg(e, "epoch") != ""
}

func prepareOwn(b *builder) {
	b.run.Format = "Chrome trace of dagscope"
	b.run.Key = b.member("otherData", "run")
	earlier := map[string]int32{}
	for _, n := range b.order {
		e, s := b.event(n), &b.spans[n]
		if isOwnAttempt(b.trace, e) {
			node := b.arg(e, "node")
			if before, ok := earlier[node]; ok {
				b.retries[n] = before
			} else {
				earlier[node] = n
			}
			b.bodies[n] = body{start: s.start, end: s.end}
			continue
		}
		if s.parent == none || b.cat(e) != "phase" || !isOwnAttempt(b.trace, b.event(s.parent)) {
			continue
		}
		b.drop[n] = true
		in := b.bodies[s.parent]
		switch b.name(e) {
		case "fetch":
			in.fetch += time.Duration(s.end - s.start)
		case "execute":
			in.start, in.end = s.start, s.end
		}
		b.bodies[s.parent] = in
	}
}

func ownSpan(b *builder, n int32, s *records.Span) {
	e := b.event(n)
	if !isOwnAttempt(b.trace, e) {
		return
	}
	if s.Function = bounded.Text(b.arg(e, "function")); s.Function == "" { // of tasks with names of their own
		s.Function, _, _ = strings.Cut(s.Name, "[")
	}
	if s.Outcome = ownOutcomes[b.cat(e)]; s.Outcome == record.OutcomeFailed {
		s.Error = &records.Failure{}
	}
	b.outcomes++
}
