package chrometrace

import (
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// goBuild is the debug trace of the go command. Lane 0 is shared by goroutines.
var goBuild = tool{system: "Go", rules: rules{namedFlows: true}, prepare: prepareGo, span: goSpan}

func prepareGo(b *builder) {
	b.run.Format = "Go debug trace"
	b.run.Workflow = "go"
	for i := range b.spans {
		name := b.name(b.event(int32(i)))
		if command, ok := between(name, "Running ", " command"); ok {
			b.run.Params["command"] = command
			b.run.Workflow = "go " + command
		}
		if root, ok := between(name, "exec.Builder.Do (", ")"); ok {
			b.run.Workflow = "go " + root // such as "link-install tool"
			break
		}
	}
}

func goSpan(_ *builder, _ int32, s *records.Span) {
	if action, ok := between(s.Name, "Executing action (", ")"); ok {
		if i := strings.LastIndexByte(action, ' '); i > 0 {
			action = action[:i]
		}
		s.Function = action
		return
	}
	if f, _, ok := strings.Cut(s.Name, " "); ok && strings.Contains(f, ".") {
		s.Function = f
	}
}

// between is what s has between a prefix and a suffix.
func between(s, prefix, suffix string) (string, bool) {
	s, before := strings.CutPrefix(s, prefix)
	s, after := strings.CutSuffix(s, suffix)
	return s, before && after
}
