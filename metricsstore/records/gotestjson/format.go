package gotestjson

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// New returns the format of what "go test -json" prints.
func New() records.Format { return format{} }

type format struct{}

func (format) Name() string  { return "gotestjson" }
func (format) Title() string { return "go test -json output" }

// first is how an event begins. Events of builds begin with the package that is built.
var first = regexp.MustCompile(`^\{("Time":"[^"]*",)?("ImportPath":"[^"]*","Action":"build-(output|fail)"|"Action":"(start|run|pause|cont|pass|bench|fail|output|skip)","(Package|Test|Output)":)`)

func (format) Sniff(_ string, head []byte) records.Part {
	for line := range bytes.Lines(head) {
		if len(line) > 0 && line[0] == '{' {
			if first.Match(line) {
				return records.Main
			}
			return records.Foreign
		}
	}
	return records.Foreign
}

// event is one line.
type event struct {
	Time        time.Time
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     *float64
	Output      string
	FailedBuild string
}

// maxLine bounds a line in bytes. Outputs are one line of a test each.
const maxLine = 64 << 20

func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	return records.ReadEach(ctx, files, func(f *records.File) (*records.Run, error) { return read(ctx, f) })
}

// read reads one file.
func read(ctx context.Context, f *records.File) (*records.Run, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	in := lines.New(r, maxLine)
	b := newBuilder()
	cut := 0
	for in.Next() {
		if in.Number()%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		text := in.Bytes()
		b.line = in.Number()
		if !in.Ended() {
			cut = in.Number()
		}
		var e event
		if len(text) == 0 {
			continue
		}
		if text[0] != '{' || in.Cut() {
			b.stray(text)
			continue
		}
		if err := json.Unmarshal(text, &e); err != nil {
			if in.Ended() {
				return nil, &records.Fault{Path: f.Path, Line: in.Number(), Byte: -1, Text: fmt.Sprintf("expected an event with Action, Package and Time: %v", err)}
			}
			continue
		}
		if len(b.tests) >= records.MaxTasks {
			return nil, fmt.Errorf("%s: line %d: %w: expected at most %d tests", f.Path, in.Number(), records.ErrTooLarge, records.MaxTasks)
		}
		b.add(&e)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	if len(b.tests) == 0 {
		return nil, &records.Fault{Path: f.Path, Byte: -1, Text: "there are no tests, expected events with Action and Package"}
	}
	return b.finish(cut), nil
}
