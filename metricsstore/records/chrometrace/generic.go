package chrometrace

import (
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// generic is a tool that is not known.
var generic = tool{
	system: "Chrome trace",
	prepare: func(b *builder) {
		b.run.Format = "Chrome trace events"
		b.run.Workflow = b.onlyProcess()
	},
}

// clang is the compiler with -ftime-trace.
var clang = tool{
	system: "Clang",
	prepare: func(b *builder) {
		b.run.Format = "Clang time trace"
		b.run.Workflow = "clang " + b.fileStem()
		if base, ok := nanoseconds([]byte(b.member("beginningOfTime"))); ok {
			b.dated, b.base = true, base
		}
		sums := 0
		for i := range b.spans {
			if strings.HasPrefix(b.name(b.event(int32(i))), "Total ") {
				b.drop[i] = true
				sums++
			}
		}
		b.run.Notes.LeftOut(sums, "events are sums over others of their kind")
	},
	span: func(b *builder, n int32, s *records.Span) {
		if detail := b.arg(b.event(n), "detail"); detail != "" {
			s.Name = bounded.Text(s.Name + " " + detail)
		}
	},
}
