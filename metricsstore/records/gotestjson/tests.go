package gotestjson

import (
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// test is a package, or a test or benchmark in one.
type test struct {
	pkg, name string // name is empty for a package
	parent    int32
	run       records.Moment // when it was first heard of
	began     records.Moment // when it started or continued
	last      records.Moment // event
	result    records.Moment // the line of output with its result
	paused    bool
	before    time.Duration // it was at work before it paused
	end       *event
	cached    bool
	children  bool
	output    []byte
	build     string // why it was not built
}

// builder collects the tests of a file.
type builder struct {
	tests  []test
	open   map[string]int32  // by package and test
	builds map[string][]byte // what compilers printed, by what was built
	other  []byte
	strays lines.Odd
	line   int // the number of the one that is read
	first  string
}

func newBuilder() *builder {
	return &builder{open: map[string]int32{}, builds: map[string][]byte{}}
}

// keep appends to a text up to what is kept of texts.
func keep(text []byte, more string) []byte {
	return append(text, more[:min(len(more), max(0, records.MaxText-len(text)))]...)
}

// stray adds a line that is no event.
func (b *builder) stray(line []byte) {
	b.strays.Add(b.line)
	b.other = keep(b.other, string(line[:min(len(line), records.MaxText)])+"\n")
}

func key(pkg, name string) string { return pkg + "\x00" + name }

// add adds an event.
func (b *builder) add(e *event) {
	if e.ImportPath != "" {
		if e.Action == "build-output" {
			b.builds[e.ImportPath] = keep(b.builds[e.ImportPath], e.Output)
		}
		return
	}
	if e.Package == "" {
		b.stray([]byte(e.Output))
		return
	}
	at := records.At(e.Time)
	if b.first == "" {
		b.first = e.Time.Format(time.RFC3339Nano) + " " + e.Package
	}
	n := b.find(e, at)
	t := &b.tests[n]
	t.last = at
	switch e.Action {
	case "pause":
		t.paused = true
		if t.began.Known() && at.Known() {
			t.before += time.Duration(at - t.began)
		}
	case "cont":
		t.began = at
	case "output":
		b.addOutput(t, e.Output, at)
	case "pass", "fail", "skip":
		t.end = e
		if e.FailedBuild != "" {
			t.build = string(b.builds[e.FailedBuild])
		}
	}
}

// find is the number of the test that an event is about: the last one with its name, unless it starts again.
func (b *builder) find(e *event, at records.Moment) int32 {
	k := key(e.Package, e.Test)
	n, known := b.open[k]
	again := known && (e.Test == "" && e.Action == "start" && b.tests[n].end != nil || e.Test != "" && e.Action == "run")
	if known && !again {
		return n
	}
	parent := records.None
	if e.Test != "" {
		parent = b.parent(e, at)
		b.tests[parent].children = true
	}
	n = int32(len(b.tests))
	b.open[k] = n
	b.tests = append(b.tests, test{
		pkg: e.Package, name: e.Test, parent: parent, run: at, began: at, last: at, result: records.Unknown,
	})
	return n
}

// parent is the number of the test that started a subtest, or else of its package, which is new if it is not known.
func (b *builder) parent(e *event, at records.Moment) int32 {
	for name := e.Test; ; {
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			break
		}
		name = name[:i]
		if n, known := b.open[key(e.Package, name)]; known {
			return n
		}
	}
	return b.find(&event{Package: e.Package}, at)
}

// addOutput adds a line of output.
func (b *builder) addOutput(t *test, line string, at records.Moment) {
	text := strings.TrimLeft(line, " ")
	if strings.HasPrefix(text, "=== ") && t.name != "" {
		return
	}
	if t.name == "" {
		t.cached = t.cached || strings.HasPrefix(line, "ok") && strings.Contains(line, "\t(cached)")
	} else {
		for _, result := range []string{"--- PASS: ", "--- FAIL: ", "--- SKIP: ", "--- BENCH: "} {
			if strings.HasPrefix(text, result+t.name+" ") {
				t.result = at
				return
			}
		}
	}
	t.output = keep(t.output, line)
}

// benchmark reports whether it is one; they have no end.
func (t *test) benchmark() bool { return strings.HasPrefix(t.name, "Benchmark") }

// rounding is how far the duration of a test, which is in hundredths of a second, may be from what its events say.
const rounding = 20 * time.Millisecond

// ended is when a test ended. late: the events that say so came later.
func (t *test) ended() (at records.Moment, late bool) {
	if t.end == nil {
		return records.Unknown, false
	}
	at = records.At(t.end.Time)
	if t.result.Known() {
		at = min(at, t.result)
	}
	if t.end.Elapsed == nil || t.name == "" || t.children || !t.began.Known() || !at.Known() || t.cached {
		return at, false
	}
	own := *t.end.Elapsed
	if !(own >= 0 && own < 1e8) {
		return at, false
	}
	if by := t.began.Add(time.Duration(own*1e9) - t.before); at > by.Add(rounding) {
		return max(by, t.began), true
	}
	return at, false
}

// outcome is how a test ended.
func (t *test) outcome() record.Outcome {
	switch {
	case t.end == nil:
		return record.NoOutcome
	case t.end.Action == "fail":
		return record.OutcomeFailed
	case t.cached:
		return record.OutcomeCached
	}
	return record.OutcomeOK
}
