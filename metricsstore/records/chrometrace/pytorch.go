package chrometrace

import (
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// pytorch is the profiler of PyTorch: operators and runtime calls on threads, kernels and copies on streams of devices,
// which flows connect with the calls that launched them.
var pytorch = tool{system: "PyTorch", prepare: preparePyTorch, span: pytorchSpan}

func preparePyTorch(b *builder) {
	b.run.Format = "PyTorch profiler trace"
	if version := b.member("schemaVersion"); version != "" {
		b.run.Format += ", schema " + version
	}
	b.run.Key = b.member("trace_id")
	b.run.Workflow = "PyTorch"
	for _, key := range []string{"rank", "world_size", "backend"} {
		if v := b.member("distributedInfo", key); v != "" {
			b.run.Params[key] = v
		}
	}
	if base, err := strconv.ParseInt(b.member("baseTimeNanoseconds"), 10, 64); err == nil && base > year2000 && base < year2100 && !b.dated {
		b.dated, b.base = true, base
	}
	for i := range b.spans {
		e, s := b.event(int32(i)), &b.spans[i]
		if b.cat(e) != "Trace" || !strings.HasPrefix(b.name(e), "PyTorch Profiler") {
			continue
		}
		b.drop[i] = true // it spans the capture
		b.run.Started, b.run.Ended = b.moment(s.start), b.moment(s.end)
		b.run.Notes.Recorded(1, "events span the capture and are not tasks but its time")
	}
	for _, p := range b.process {
		if p.labels == "CPU" && p.name != "" {
			b.run.Workflow = "PyTorch " + p.name
		}
	}
}

func pytorchSpan(b *builder, n int32, s *records.Span) {
	if b.cat(b.event(n)) == "kernel" {
		s.Function = kernelFunction(s.Name)
	}
	if name, number, ok := strings.Cut(s.Name, "#"); ok && number != "" && strings.Trim(number, "0123456789") == "" {
		s.Function = name // ProfilerStep#12
	}
}

// kernelFunction is the name of a kernel without its template arguments and parameters.
func kernelFunction(name string) string {
	f := strings.TrimPrefix(name, "void ")
	f = strings.ReplaceAll(f, "(anonymous namespace)", "{anonymous}")
	if i := strings.IndexAny(f, "<("); i > 0 {
		f = f[:i]
	}
	return clip(f, 200)
}
