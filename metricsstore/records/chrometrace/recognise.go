package chrometrace

import (
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// makeRun makes a run of all that was read.
func (t *trace) makeRun() (*records.Run, error) {
	tool := t.recognise()
	f := t.pair(tool.rules)
	if len(f.spans) == 0 {
		if t.damage != nil {
			return nil, t.damage
		}
		return nil, &records.Fault{Path: t.file.Path, Byte: -1, Text: "the trace contains no spans; expected events with the phases X, B and E, or b and e"}
	}
	f.nest()
	b := newBuilder(f, tool)
	tool.prepare(b)
	b.run.Undated = !b.dated
	if b.run.Workflow == "" {
		b.run.Workflow = b.fileStem()
	}
	kept := b.keptSpans()
	if len(kept) > records.MaxTasks {
		return nil, fmt.Errorf("%s: %d spans, at most %d can be tasks: %w", t.file.Path, len(kept), records.MaxTasks, records.ErrTooLarge)
	}
	b.write(kept)
	b.report(len(kept))
	return b.run, nil
}

// marks are what tools are recognised by, in the order in which that is tried.
var marks = []struct {
	tool *tool
	seen func(*trace, *event) bool
}{
	{&own, isOwnAttempt},
	{&bazel, func(t *trace, e *event) bool {
		return t.cat(e) == "build phase marker" || t.cat(e) == "action processing"
	}},
	{&pytorch, func(t *trace, e *event) bool {
		return t.cat(e) == "cpu_op" || t.cat(e) == "cuda_runtime" || t.cat(e) == "Trace"
	}},
	{&ray, func(t *trace, e *event) bool { return isRayTask(t, e) || strings.HasPrefix(t.cat(e), "task:") }},
	{&goBuild, func(t *trace, e *event) bool {
		return e.phase == 'B' && strings.HasPrefix(t.name(e), "Running ") && strings.HasSuffix(t.name(e), " command")
	}},
	{&cmake, func(t *trace, e *event) bool {
		return e.phase == 'B' && (t.cat(e) == "script" || t.cat(e) == "project")
	}},
	{&turborepo, func(t *trace, e *event) bool { return strings.HasPrefix(t.cat(e), "turborepo_") }},
	{&cmakeSteps, isCMakeStep},
	{&nx, isNxTask},
	{&lage, isLageTask},
	{&clang, func(t *trace, e *event) bool { return t.name(e) == "ExecuteCompiler" }},
}

// recognise finds the tool from the first events, the generic one if none matches.
func (t *trace) recognise() *tool {
	if t.members["otherData"] != nil && t.member("otherData", "build_id") != "" {
		return &bazel
	}
	if t.members["schemaVersion"] != nil && t.members["deviceProperties"] != nil {
		return &pytorch
	}
	for _, m := range marks {
		for _, block := range t.blocks[:min(len(t.blocks), 3)] {
			for i := range block {
				if m.seen(t, &block[i]) {
					return m.tool
				}
			}
		}
	}
	return &generic
}
