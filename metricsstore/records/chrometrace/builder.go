package chrometrace

import (
	"path"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// tool is what is known about the traces of one tool.
type tool struct {
	rules
	system string
	// threads: the threads of a trace are processes, and its processes are machines.
	threads bool
	// prepare says what the run is, and which spans are no tasks.
	prepare func(*builder)
	// span fills in what the tool says about a span. It may be nil.
	span func(b *builder, n int32, s *records.Span)
}

// builder makes a run of spans.
type builder struct {
	*forest
	tool *tool
	run  *records.Run
	// dated: base is the moment of time 0, in ns since 1970.
	dated bool
	base  int64
	// drop are spans that are no tasks. What they contain is in what contains them.
	drop []bool
	// bodies are attempts of which more is recorded than when they began and ended.
	bodies map[int32]body
	// skipped are spans of tasks that did not run.
	skipped map[int32]bool
	// waits are for how long spans waited for work on other threads, in ns; their own work is taken to be at their end.
	waits map[int32]int64
	// retries are spans that are further attempts of a task, with the first one.
	retries map[int32]int32
	// outcomes counts spans of which the trace says how they ended.
	outcomes int

	workers map[int32]int32
	laneIn  []int32 // the number of each lane in its worker
}

// body is when the work of an attempt was done, within the time of its span.
type body struct {
	start, end int64
	fetch      time.Duration
	log        string
	command    string
	result     string
}

// newBuilder makes a run for the spans.
func newBuilder(f *forest, tool *tool) *builder {
	b := &builder{
		forest: f, tool: tool, run: records.NewRun(tool.system, tool.system), drop: make([]bool, len(f.spans)),
		bodies: map[int32]body{}, skipped: map[int32]bool{}, retries: map[int32]int32{}, waits: map[int32]int64{}, workers: map[int32]int32{},
		laneIn: make([]int32, len(f.lanes)),
	}
	b.run.Incomplete = f.incomplete
	b.run.Params = map[string]string{}
	b.guessBase()
	return b
}

// guessBase takes moments for what they are most likely counted from.
func (b *builder) guessBase() {
	earliest := b.spans[0].start
	b.dated = earliest > year2000 && earliest < year2100
}

// moment is a time of the trace as a moment, Unknown if it is open or beyond what can be said.
func (b *builder) moment(at int64) records.Moment {
	if at == open || at == unknown {
		return records.Unknown
	}
	m := at + b.base
	if (m > at) != (b.base > 0) && b.base != 0 {
		return records.Unknown
	}
	return records.Moment(m)
}

func (b *builder) event(n int32) *event { return &b.events[b.spans[n].begin] }

// fileStem is the name of the file without its endings.
func (b *builder) fileStem() string {
	stem, _, _ := strings.Cut(path.Base(b.file.Path), ".")
	return stem
}

// skipIf makes a task of a span that did not run.
func (b *builder) skipIf(n int32, skipped bool) {
	if skipped {
		b.skipped[n] = true
	}
}
