package meson

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// New returns the format of logs of meson's tests.
func New() records.Format { return format{} }

type format struct{}

func (format) Name() string  { return "meson" }
func (format) Title() string { return "meson test log" }

// first is how a line begins: members are in the order in which meson makes them.
var first = regexp.MustCompile(`^\{"name": "(?:[^"\\]|\\.)*", "stdout": (?:"|null)`)

func (format) Sniff(_ string, head []byte) records.Part {
	line, _, whole := bytes.Cut(head, []byte("\n"))
	// The output of the first test may be longer than what is known of the file.
	if first.Match(line) && (!whole && len(head) >= 64<<10 || bytes.Contains(line, []byte(`"starttime"`))) {
		return records.Main
	}
	return records.Foreign
}

// test is one line of a log.
type test struct {
	Name       string   `json:"name"`
	Stdout     string   `json:"stdout"`
	Stderr     string   `json:"stderr"`
	Result     string   `json:"result"`
	StartTime  *float64 `json:"starttime"`
	Duration   *float64 `json:"duration"`
	ReturnCode int      `json:"returncode"`
	Command    []string `json:"command"`
}

// maxLine bounds a line in bytes; it has the output of a test.
const maxLine = 256 << 20

func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	return records.ReadEach(ctx, files, func(f *records.File) (*records.Run, error) { return read(ctx, f) })
}

// read reads one log.
func read(ctx context.Context, f *records.File) (*records.Run, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	in := lines.New(r, maxLine)
	b := newBuilder()
	for in.Next() {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		if !in.Ended() {
			b.run.Incomplete = fmt.Sprintf("the file ends in the middle of line %d", in.Number())
		}
		var t test
		err := json.Unmarshal(in.Bytes(), &t)
		switch {
		case err != nil && !in.Ended():
			continue
		case err != nil || t.Name == "":
			return nil, &records.Fault{Path: f.Path, Line: in.Number(), Byte: -1, Text: fmt.Sprintf("expected an object with name, result, starttime and duration of a test: %v", err)}
		case len(b.run.Tasks) == records.MaxTasks:
			return nil, fmt.Errorf("%s: line %d: %w: expected at most %d tests", f.Path, in.Number(), records.ErrTooLarge, records.MaxTasks)
		}
		b.add(&t)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	if len(b.run.Tasks) == 0 {
		return nil, &records.Fault{Path: f.Path, Byte: -1, Text: "the log has no tests, expected an object on each line"}
	}
	return b.finish(), nil
}
