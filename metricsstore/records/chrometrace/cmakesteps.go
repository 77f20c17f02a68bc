package chrometrace

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// cmakeSteps is the trace of CMake's instrumentation: one event for each command of a build. Those of one link step are
// one task, and a build contains the commands that ran in its time, on whatever lane.
var cmakeSteps = tool{system: "CMake", rules: rules{flat: true}, prepare: prepareCMakeSteps, span: cmakeStepSpan}

// isCMakeStep reports whether an event is a command of a build that CMake instrumented.
func isCMakeStep(t *trace, e *event) bool {
	return e.phase == 'X' && t.arg(e, "role") == t.cat(e) && t.arg(e, "timeStart") != "" && t.arg(e, "workingDir") != ""
}

func prepareCMakeSteps(b *builder) {
	b.run.Format = "CMake instrumentation trace"
	b.run.Workflow = "cmake"
	build, parts := none, 0
	links := map[string]int32{} // the task of a link step
	for i := range b.spans {    // by start
		n, s := int32(i), &b.spans[i]
		e := b.event(n)
		switch b.cat(e) {
		case "cmakeBuild", "build":
			if b.run.Workflow == "cmake" {
				dir := b.arg(e, "workingDir")
				b.run.Workflow = "cmake " + dir[strings.LastIndexAny(dir, `/\`)+1:]
			}
			if build == none || b.spans[build].end < s.end {
				build = n
			} else {
				s.parent = build
			}
			continue
		}
		if build != none && s.start >= b.spans[build].start && s.end <= b.spans[build].end {
			s.parent = build
		}
		if b.cat(e) != "link" {
			continue
		}
		step := fmt.Sprintf("%d %s %s %s", s.parent, b.arg(e, "workingDir"), b.arg(e, "target"), b.arg(e, "outputs"))
		first, begun := links[step]
		if !begun || s.start-b.spans[first].end > int64(time.Second) {
			links[step], first = n, n
		} else {
			b.drop[i] = true
			parts++
		}
		b.addLinkPart(first, n)
	}
	b.run.Notes.Recorded(parts, "events are further commands of a link step, and are in its task")
	b.followOutputs()
}

// addLinkPart adds a command to the task of its link step.
func (b *builder) addLinkPart(first, n int32) {
	to, s := &b.spans[first], &b.spans[n]
	in := b.bodies[first]
	if s.end != open {
		to.end = max(to.end, s.end)
	}
	command := b.arg(b.event(n), "command")
	in.command = strings.TrimPrefix(in.command+" && "+command, " && ")
	in.log = strings.TrimPrefix(fmt.Sprintf("%s\n%s: %s", in.log, time.Duration(s.end-s.start), command), "\n")
	in.start, in.end = to.start, to.end
	if result := b.arg(b.event(n), "result"); in.result == "" || in.result == "0" {
		in.result = result
	}
	b.bodies[first] = in
}

// followOutputs makes edges to commands that name what others have made.
func (b *builder) followOutputs() {
	const longest = 64 << 10 // bytes of a command
	makers := map[string]int32{}
	for i := range b.spans {
		if e := b.event(int32(i)); !b.drop[i] {
			b.eachOutput(e, func(path string) { makers[path] = int32(i) })
		}
	}
	found := 0
	for i := range b.spans {
		n, e := int32(i), b.event(int32(i))
		if b.drop[i] {
			continue
		}
		command := b.arg(e, "command")
		if in, ok := b.bodies[n]; ok {
			command = in.command
		}
		linked := map[int32]bool{n: true}
		for word := range strings.FieldsSeq(clip(command, longest)) {
			maker, ok := makers[b.arg(e, "workingDir")+"\n"+strings.Trim(word, `"'`)]
			if ok && !linked[maker] && b.spans[maker].end <= b.spans[i].start {
				linked[maker] = true
				b.links = append(b.links, link{maker, n})
				found++
			}
		}
	}
	b.run.Notes.Inferred(found, "edges follow from commands that name the output of another")
}

// eachOutput visits the outputs of a command, each after the folder that it is relative to.
func (b *builder) eachOutput(e *event, visit func(path string)) {
	dir := b.arg(e, "workingDir")
	for _, path := range textList(b.args.get(e.args, "outputs")) {
		visit(dir + "\n" + path)
	}
}

func cmakeStepSpan(b *builder, n int32, s *records.Span) {
	e := b.event(n)
	s.Function = strings.TrimSpace(b.cat(e) + " " + b.arg(e, "language"))
	in := b.bodies[n]
	s.Command = in.command
	if s.Command == "" {
		s.Command = b.arg(e, "command")
	}
	s.Command = bounded.Text(s.Command)
	result := in.result
	if result == "" {
		result = b.arg(e, "result")
	}
	code, err := strconv.Atoi(result)
	if err != nil {
		return
	}
	b.outcomes++
	if code != 0 {
		s.Outcome, s.Error = record.OutcomeFailed, &records.Failure{ExitCode: code}
	}
}
