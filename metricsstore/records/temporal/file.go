package temporal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
)

// maxEvent is the largest event that is read. Temporal itself refuses payloads of 2 MiB.
const maxEvent = 64 << 20

var (
	errNoEvent = errors.New("no eventId, expected an event")
	numberType = reflect.TypeFor[int64]()
)

// events are what one file contains, in its order.
type events struct {
	list []event
	cut  string // why it ends too early, empty if it does not
}

// readFile reads an object with events, an array of events, or events that follow each other.
func readFile(ctx context.Context, f *records.File) (*events, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	e := &events{}
	parts := elements.New(r, f.Path, maxEvent, "", "events")
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part, err := parts.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return e, nil
		}
		if cut := (*elements.Cut)(nil); errors.As(err, &cut) {
			e.cut = fmt.Sprintf("the file ends at byte %d in the middle of the history", cut.Byte)
			return e, nil
		}
		if err != nil {
			return nil, err
		}
		if part.Kind != elements.Value || part.Path != "#" && part.Path != "events.#" {
			if part.Path == "eventId" { // an object that is an event: one for each line
				return readLines(ctx, f)
			}
			continue
		}
		if err := e.add(f, part.Raw, part.Offset, 0); err != nil {
			return nil, err
		}
	}
}

// readLines reads events that follow each other.
func readLines(ctx context.Context, f *records.File) (*events, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	e := &events{}
	decoder := json.NewDecoder(r)
	for n := 1; ctx.Err() == nil; n++ {
		var raw json.RawMessage
		at := decoder.InputOffset()
		switch err := decoder.Decode(&raw); {
		case errors.Is(err, io.EOF):
			return e, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			e.cut = fmt.Sprintf("the file ends in the middle of event %d", n)
			return e, nil
		case err != nil:
			if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
				return nil, &records.Fault{Path: f.Path, Byte: syntax.Offset, Text: syntax.Error()}
			}
			return nil, err
		}
		if err := e.add(f, raw, at, n); err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

func (e *events) add(f *records.File, raw []byte, at int64, _ int) error {
	one, err := parseEvent(raw)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		err = fmt.Errorf("%s is a %s, expected %s", wrong.Field, wrong.Value, wrong.Type)
	}
	if err != nil {
		return &records.Fault{Path: f.Path, Byte: at, Text: "event: " + err.Error()}
	}
	if len(e.list) >= records.MaxTasks {
		return fmt.Errorf("%w: more than %d events", records.ErrTooLarge, records.MaxTasks)
	}
	e.list = append(e.list, one)
	return nil
}
