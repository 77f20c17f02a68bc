package chrometrace

import (
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// cmake is the google-trace profile of CMake: the commands of scripts, one within the other.
var cmake = tool{system: "CMake", prepare: prepareCMake, span: cmakeSpan}

func prepareCMake(b *builder) {
	b.run.Format = "CMake google-trace profile"
	b.run.Workflow = "cmake"
	for i := range b.spans {
		e := b.event(int32(i))
		args := b.arg(e, "functionArgs")
		if project, _, _ := strings.Cut(args, " "); b.name(e) == "project" && b.run.Workflow == "cmake" && project != "" {
			b.run.Workflow = "cmake " + project
		}
		if message, fatal := strings.CutPrefix(args, "FATAL_ERROR"); fatal && b.name(e) == "message" && !inTryCompile(b, e) {
			b.run.Status, b.run.Error = record.Failed, bounded.Text(strings.TrimSpace(message))
		}
	}
}

// inTryCompile reports whether a command is in a project that CMake makes to find out whether something compiles. The
// error of one is an answer.
func inTryCompile(b *builder, e *event) bool {
	location := b.arg(e, "location")
	return strings.Contains(location, "/CMakeScratch/") || strings.Contains(location, "/CMakeTmp/")
}

func cmakeSpan(b *builder, n int32, s *records.Span) {
	e := b.event(n)
	args := b.arg(e, "functionArgs")
	if b.cat(e) != "script" {
		return
	}
	s.Name = clip(s.Name, 200) + "(" + clip(args, 200) + ")"
	s.Command = bounded.Text(b.name(e) + "(" + args + ")")
	if b.name(e) != "message" {
		return
	}
	for _, kind := range []string{"FATAL_ERROR", "SEND_ERROR"} {
		if message, failed := strings.CutPrefix(args, kind); failed {
			s.Outcome = record.OutcomeFailed
			s.Error = &records.Failure{Message: bounded.Text(strings.TrimSpace(message))}
			b.outcomes++
		}
	}
}
