package chrometrace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// maxValue bounds an event, and a member of the document other than the events.
const maxValue = 64 << 20

type format struct{}

// New is the format.
func New() records.Format { return format{} }

func (format) Name() string { return "chrometrace" }

func (format) Title() string { return "Chrome trace events" }

// Sniff recognises an object with traceEvents, or an array that begins with an event.
func (format) Sniff(_ string, head []byte) records.Part {
	if len(head) == 0 || head[0] != '[' && head[0] != '{' && !bytes.ContainsAny(head[:1], " \t\r\n") {
		return records.Foreign
	}
	doc := elements.New(bytes.NewReader(head), "", maxValue, "", "traceEvents")
	profiler := 0
	for {
		part, err := doc.Next()
		switch {
		case err != nil:
			if profiler >= 2 {
				return records.Main
			}
			return records.Foreign
		case part.Path == "#":
			if part.Kind == elements.Value && isEvent(part.Raw) {
				return records.Main
			}
			return records.Foreign
		case part.Path == "traceEvents" && part.Kind == elements.Begin:
			return records.Main
		case part.Path == "schemaVersion" || part.Path == "deviceProperties" || part.Path == "distributedInfo":
			profiler++ // PyTorch's properties of many devices can be longer than what is there to sniff
		}
	}
}

// isEvent reports whether raw has what every event has.
func isEvent(raw []byte) bool {
	phase, place := false, false
	s := scan.New(raw)
	for key, ok := s.First(); ok; key, ok = s.Key() {
		switch value := s.Skip(); string(key) {
		case "ph":
			phase = len(value) == 3 && value[0] == '"'
		case "ts", "pid", "tid":
			place = true
		}
	}
	return s.Done() && phase && place
}

// Read gives one run for each file.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	return records.ReadEach(ctx, files, func(f *records.File) (*records.Run, error) { return read(ctx, f) })
}

func read(ctx context.Context, file *records.File) (*records.Run, error) {
	content, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Path, err)
	}
	defer content.Close()
	t := newTrace(file)
	if err := t.readAll(ctx, content); err != nil {
		return nil, err
	}
	return t.makeRun()
}

// readAll reads the document. What is wrong with it after the first span is why the run is incomplete.
func (t *trace) readAll(ctx context.Context, content io.Reader) error {
	doc := elements.New(content, t.file.Path, maxValue, "", "traceEvents")
	doc.Members()
	var refused error
	err := doc.Each(ctx, func(part elements.Part) error {
		refused = t.part(part)
		return refused
	})
	if refused != nil || err == nil || ctx.Err() != nil {
		return err
	}
	return t.ended(err)
}

// part takes a part of the document. The error is one for the whole file.
func (t *trace) part(part elements.Part) error {
	switch {
	case part.Kind != elements.Value:
	case part.Path == "#" || part.Path == "traceEvents.#":
		return t.add(part.Raw, part.Members)
	case part.Path != "":
		t.addMember(part.Path, part.Raw)
	default:
		return &records.Fault{Path: t.file.Path, Text: "expected an array of events or an object with traceEvents"}
	}
	return nil
}

// ended says what the end of the document means.
func (t *trace) ended(err error) error {
	var cut *elements.Cut
	var fault *records.Fault
	switch {
	case errors.As(err, &cut) && cut.Between:
		t.incomplete = fmt.Sprintf("the array of events is not closed: the file ends after %d bytes, where more events could follow", cut.Byte)
	case errors.As(err, &cut):
		t.incomplete = fmt.Sprintf("the file ends after %d bytes, before its JSON is complete", cut.Byte)
	case errors.As(err, &fault):
		t.incomplete = fmt.Sprintf("the file is no JSON from byte %d on: %s", fault.Byte, fault.Text)
	default:
		return fmt.Errorf("%s: %w", t.file.Path, err)
	}
	t.damage = &records.Fault{Path: t.file.Path, Byte: -1, Text: t.incomplete + "; expected spans before that"}
	return nil
}
