package chrometrace

import (
	"maps"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// nx and lage write one event for each task of a package. Those that a cache answered share a lane and the same times.
var (
	nx   = tool{system: "Nx", rules: rules{flat: true}, prepare: prepareNx, span: nxSpan}
	lage = tool{system: "lage", rules: rules{flat: true}, prepare: prepareLage, span: lageSpan}
)

// isNxTask reports whether an event is a task of Nx.
func isNxTask(t *trace, e *event) bool {
	if e.phase != 'X' {
		return false
	}
	return text(value(t.args.get(e.args, "target"), "project")) != "" && t.arg(e, "status") != ""
}

func prepareNx(b *builder) {
	b.run.Format = "Nx profile"
	b.nameByTargets("nx", func(e *event) string { return nxTarget(b, e) })
	for i := range b.spans {
		b.skipIf(int32(i), b.arg(b.event(int32(i)), "status") == "skipped")
	}
}

// nameByTargets names the workflow after what was to be made of the packages, such as "nx build test".
func (b *builder) nameByTargets(tool string, target func(*event) string) {
	targets := map[string]bool{}
	for i := range b.spans {
		targets[target(b.event(int32(i)))] = true
	}
	delete(targets, "")
	b.run.Workflow = clip(strings.Join(append([]string{tool}, slices.Sorted(maps.Keys(targets))...), " "), 200)
}

func nxTarget(b *builder, e *event) string {
	return text(value(b.args.get(e.args, "target"), "target"))
}

func nxSpan(b *builder, n int32, s *records.Span) {
	e := b.event(n)
	if target := nxTarget(b, e); target != "" {
		s.Function = target
	}
	switch status := b.arg(e, "status"); {
	case status == "success":
		b.outcomes++
	case strings.Contains(status, "cache"):
		s.Outcome = record.OutcomeCached
		b.outcomes++
	case status == "failure":
		s.Outcome, s.Error = record.OutcomeFailed, &records.Failure{}
		b.outcomes++
	case status == "skipped":
		b.outcomes++
	}
}

// isLageTask reports whether an event is a task of lage: of the category "success#build", named "package#build".
func isLageTask(t *trace, e *event) bool {
	status, target, ok := strings.Cut(t.cat(e), "#")
	_, known := lageOutcomes[status]
	return e.phase == 'X' && ok && known && strings.HasSuffix(t.name(e), "#"+target)
}

// lageOutcomes are the outcomes by status. A target that was skipped because the cache has its result is not in a profile
// of lage 2.17 at all; one that never started is in it as pending, at a moment before the machine was started.
var lageOutcomes = map[string]record.Outcome{
	"success": record.OutcomeOK, "skipped": record.OutcomeCached, "failed": record.OutcomeFailed,
	"aborted": record.OutcomeCancelled, "running": record.NoOutcome, "pending": record.NoOutcome, "queued": record.NoOutcome,
}

func prepareLage(b *builder) {
	b.run.Format = "lage profile"
	b.nameByTargets("lage", func(e *event) string {
		_, target, _ := strings.Cut(b.cat(e), "#")
		return target
	})
	b.run.Notes.Remark(record.NoteRecorded, "targets that the cache answered are not in a profile of lage")
	for i := range b.spans {
		status, _, _ := strings.Cut(b.cat(b.event(int32(i))), "#")
		b.skipIf(int32(i), status == "pending" || status == "queued")
	}
}

func lageSpan(b *builder, n int32, s *records.Span) {
	status, target, _ := strings.Cut(b.cat(b.event(n)), "#")
	outcome, ok := lageOutcomes[status]
	if !ok {
		return
	}
	s.Function, s.Outcome = target, outcome
	if outcome == record.OutcomeFailed {
		s.Error = &records.Failure{}
	}
	b.outcomes++
}
