package stdouttrace

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
	"github.com/dagscope/dagscope/metricsstore/records/internal/trace"
)

type format struct{}

// New returns the format.
func New() records.Format { return format{} }

func (format) Name() string  { return "stdouttrace" }
func (format) Title() string { return "OpenTelemetry Go stdout traces" }

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	e := elements.New(bytes.NewReader(head), "", len(head), "", "SpanContext")
	seen := 0
	for {
		part, err := e.Next()
		if err != nil {
			return records.Foreign
		}
		switch part.Path {
		case "SpanContext.TraceID", "SpanContext.SpanID", "StartTime":
			seen++
		}
		if seen == 3 {
			return records.Main
		}
	}
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	r := &reader{c: trace.NewCollector(), slots: map[string]int32{}}
	if err := r.c.ReadFiles(ctx, files, nil, r.part, "objects with a SpanContext"); err != nil {
		return nil, err
	}
	r.c.Notes().LeftOut(r.dropped, "attributes, events and links were dropped by the SDK before they were recorded")
	return r.c.Runs("OpenTelemetry", "OpenTelemetry Go stdouttrace"), nil
}

type reader struct {
	c       *trace.Collector
	lines   trace.Lines
	slots   map[string]int32 // by the JSON of the resource
	dropped int
}

func (r *reader) part(part elements.Part, name string) error {
	if !part.Valid {
		return &records.Fault{Path: name, Byte: part.Offset, Text: "expected a span in JSON"}
	}
	v := gjson.ParseBytes(part.Raw) // it copies the text
	if !v.Get("SpanContext").Exists() {
		return &records.Fault{Path: name, Byte: part.Offset, Text: "expected a span with a SpanContext"}
	}
	return r.span(v)
}

// span reads one span. What its values refer to is copied.
func (r *reader) span(v gjson.Result) error {
	s := trace.NewSpan()
	s.Trace, s.ID = ids(v)
	if parentTrace, parent := trace.ParseID(v.Get("Parent.TraceID").Str), trace.ParseSpanID(v.Get("Parent.SpanID").Str); parentTrace == s.Trace {
		s.Parent = parent
	}
	s.Name = r.c.Text([]byte(v.Get("Name").String()))
	s.Start, s.End = moment(v.Get("StartTime")), moment(v.Get("EndTime"))
	s.Resource = r.resource(v.Get("Resource"))
	trace.Elements(v.Get("Links"), func(v gjson.Result) {
		var l trace.Link
		l.Trace, l.Span = ids(v)
		s.Links = append(s.Links, l)
	})
	for _, name := range []string{"DroppedAttributes", "DroppedEvents", "DroppedLinks"} {
		r.dropped += int(max(0, min(v.Get(name).Int(), 1<<31)))
	}
	if kind := v.Get("SpanKind").Int(); kind > 1 && int(kind) < len(kinds) {
		r.lines.Add("kind: ", kinds[kind])
	}
	each(v.Get("Attributes"), func(key, value string) { r.lines.Add(key, ": ", value) })
	failure := r.events(v.Get("Events"), s.Start)
	failed := v.Get("Status.Code").String() == "Error"
	if failed {
		if text := v.Get("Status.Description").String(); text != "" {
			failure.Message = bounded.Text(strings.Clone(text))
		}
		s.Error = &failure
	}
	s.Outcome = trace.Outcome(s.End.Known(), failed)
	s.Log = r.lines.String()
	return r.c.Add(&s)
}

// kinds are the names of trace.SpanKind.
var kinds = []string{"unspecified", "internal", "server", "client", "producer", "consumer"}

func ids(v gjson.Result) (trace.ID, trace.SpanID) {
	return trace.ParseID(v.Get("SpanContext.TraceID").Str), trace.ParseSpanID(v.Get("SpanContext.SpanID").Str)
}

func moment(v gjson.Result) records.Moment {
	t, err := time.Parse(time.RFC3339Nano, v.Str)
	if err != nil {
		return records.Unknown
	}
	return records.At(t)
}

// events adds a line for each event and returns the last exception.
func (r *reader) events(v gjson.Result, start records.Moment) records.Failure {
	var last trace.Exception
	trace.Elements(v, func(v gjson.Result) {
		name := v.Get("Name").String()
		parts := []string{name}
		if at := moment(v.Get("Time")); at.Known() && start.Known() {
			parts = append(parts, " after ", time.Duration(at-start).String())
		}
		var e trace.Exception
		each(v.Get("Attributes"), func(key, value string) {
			if name != "exception" || !e.Set(key, value) {
				parts = append(parts, ", ", key, ": ", value)
			}
		})
		if name == "exception" {
			last = e
			parts = append(parts, ", ", e.String())
		}
		r.lines.Add(parts...)
	})
	return last.Failure()
}

// each calls f for each attribute.
func each(v gjson.Result, f func(key, value string)) {
	trace.Elements(v, func(v gjson.Result) {
		value := v.Get("Value.Value")
		text := value.String()
		switch {
		case value.Type == gjson.Number:
			text = value.Raw // as it was written: a float of ours would be rounded
		case value.IsArray():
			text = value.Get("@ugly").Raw
		}
		f(v.Get("Key").String(), text)
	})
}

// resource returns the slot of a resource, which is repeated with each span.
func (r *reader) resource(v gjson.Result) int32 {
	if slot, ok := r.slots[v.Raw]; ok {
		return slot
	}
	all := map[string]string{}
	each(v, func(key, value string) { all[key] = value })
	slot := r.c.Slot()
	r.c.SetResource(slot, trace.NewResource(all))
	if len(r.slots) < 1<<16 {
		r.slots[strings.Clone(v.Raw)] = slot
	}
	return slot
}
