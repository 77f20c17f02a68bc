package otlp

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
	"github.com/dagscope/dagscope/metricsstore/records/internal/trace"
)

type format struct{}

// New returns the format.
func New() records.Format { return format{} }

func (format) Name() string  { return "otlp" }
func (format) Title() string { return "OTLP JSON" }

// action is what a part of a document is.
type action uint8

const (
	other action = iota
	aResource
	aBatch // one resource with its spans
	aSpan
)

// paths are the actions by path, and into the paths that are taken apart.
var paths, into = func() (map[string]action, []string) {
	actions, into := map[string]action{}, []string{"", "trace"}
	for _, batches := range []string{"resourceSpans", "resource_spans", "batches", "trace.resourceSpans", "trace.batches"} {
		batch := batches + ".#"
		into = append(into, batches, batch)
		actions[batch] = aBatch
		actions[batch+".resource"] = aResource
		for _, scopes := range []string{"scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans"} {
			scope := batch + "." + scopes + ".#"
			into = append(into, batch+"."+scopes, scope, scope+".spans")
			actions[scope+".spans.#"] = aSpan
		}
	}
	return actions, into
}()

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	e := elements.New(bytes.NewReader(head), "", len(head), into...)
	e.Documents()
	for {
		part, err := e.Next()
		if err != nil {
			return records.Foreign
		}
		switch part.Path {
		case "resourceSpans", "resource_spans", "trace.resourceSpans", "trace.batches":
			return records.Main
		}
		if strings.HasPrefix(part.Path, "batches.#.") && strings.HasSuffix(part.Path, "pans") {
			return records.Main
		}
	}
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	r := &reader{c: trace.NewCollector(), slot: records.None, known: map[string]trace.Resource{}}
	if err := r.c.ReadFiles(ctx, files, into, r.part, "spans in resourceSpans[].scopeSpans[].spans[]"); err != nil {
		return nil, err
	}
	r.c.Notes().LeftOut(r.dropped, "attributes, events and links were dropped by the SDK before they were recorded")
	r.c.Notes().LeftOut(r.badTimes, "times are no numbers of nanoseconds")
	return r.c.Runs(System, "OTLP JSON"), nil
}

type reader struct {
	c        *trace.Collector
	lines    trace.Lines               // of the span
	about    trace.Lines               // its attributes and events
	value    []byte                    // of the attribute that is read
	event    []byte                    // the line of the event that is read
	own      []ownAttribute            // of the span
	slot     int32                     // of the batch that is read
	known    map[string]trace.Resource // by their JSON: each request repeats them
	dropped  int
	badTimes int
}

func (r *reader) part(part elements.Part, name string) error {
	if part.Kind != elements.Value {
		if part.Kind == elements.Begin && paths[part.Path] == aBatch {
			r.slot = r.c.Slot()
		}
		return nil
	}
	what := paths[part.Path]
	if what == other {
		return r.unread(part, name)
	}
	if !part.Valid {
		return &records.Fault{Path: name, Byte: part.Offset, Text: "expected a span or resource in JSON"}
	}
	switch what {
	case aSpan:
		return r.span(part.Raw, part.Members)
	case aResource:
		r.c.SetResource(r.slot, r.resource(part.Raw))
	}
	return nil
}

// unread says what is in the file that is no span.
func (r *reader) unread(part elements.Part, name string) error {
	switch part.Path {
	case "":
		return &records.Fault{Path: name, Byte: part.Offset, Text: fmt.Sprintf("expected an object with resourceSpans, found %.20q", part.Raw)}
	case "resourceMetrics", "resourceLogs", "resourceProfiles":
		r.c.Notes().LeftOut(1, "requests with metrics, logs or profiles are in the file")
	}
	return nil
}

// TraceKey is the key of the run of a trace, by its ID in any spelling; empty if it is none.
func TraceKey(id string) string {
	if id := trace.ParseID(id); id != (trace.ID{}) {
		return id.String()
	}
	return ""
}

// IsSpanID reports whether text is an ID of a span in any spelling.
func IsSpanID(text string) bool { return trace.ParseSpanID(text) != trace.SpanID{} }

// System is what runs of traces were executed by, as records.Run has it.
const System = "OpenTelemetry"
