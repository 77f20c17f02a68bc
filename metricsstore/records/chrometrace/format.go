package chrometrace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
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
	ok := elements.Members(raw, func(key, value []byte) bool {
		switch string(key) {
		case "ph":
			phase = len(value) == 3 && value[0] == '"'
		case "ts", "pid", "tid":
			place = true
		}
		return true
	})
	return ok && phase && place
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
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		part, err := doc.Next()
		if err != nil {
			return t.ended(err)
		}
		switch {
		case part.Path == "#" || part.Path == "traceEvents.#":
			if part.Kind == elements.Value {
				err = t.add(part.Raw)
			}
		case part.Kind == elements.Value && part.Path != "":
			t.addMember(part.Path, part.Raw)
		case part.Kind == elements.Value:
			err = &records.Fault{Path: t.file.Path, Text: "expected an array of events or an object with traceEvents"}
		}
		if err != nil {
			return err
		}
	}
}

// ended says what the end of the document means.
func (t *trace) ended(err error) error {
	var cut *elements.Cut
	var fault *records.Fault
	switch {
	case err == io.EOF:
		return nil
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
