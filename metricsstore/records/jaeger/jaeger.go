package jaeger

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tidwall/gjson"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
	"github.com/dagscope/dagscope/metricsstore/records/internal/trace"
)

type format struct{}

// New returns the format.
func New() records.Format { return format{} }

func (format) Name() string  { return "jaeger" }
func (format) Title() string { return "Jaeger JSON" }

var into = []string{"", "#", "#.spans", "data", "data.#", "data.#.spans", "spans"}

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	e := elements.New(bytes.NewReader(head), "", len(head), into...)
	named := false
	for {
		part, err := e.Next()
		if err != nil {
			return records.Foreign
		}
		switch part.Path {
		case "traceID", "#.traceID", "data.#.traceID":
			named = true
		case "spans", "#.spans", "data.#.spans":
			if named {
				return records.Main
			}
		case "spans.#", "#.spans.#", "data.#.spans.#":
			if span := gjson.ParseBytes(part.Raw); span.Get("spanID").Exists() && span.Get("startTime").Exists() {
				return records.Main
			}
		}
	}
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	r := &reader{c: trace.NewCollector()}
	if err := r.c.ReadFiles(ctx, files, into, r.part, "spans in data[].spans[] or spans[]"); err != nil {
		return nil, err
	}
	r.c.Notes().LeftOut(r.badTimes, "times are no numbers of microseconds")
	return r.c.Runs("Jaeger", "Jaeger JSON"), nil
}

type reader struct {
	c        *trace.Collector
	lines    trace.Lines
	slots    map[string]int32 // by process of the trace that is read
	badTimes int
}

func (r *reader) part(part elements.Part, name string) error {
	if part.Kind == elements.Begin && (part.Path == "" || part.Path == "#" || part.Path == "data.#") {
		r.slots = map[string]int32{} // processes are named within a trace
	}
	if part.Kind != elements.Value {
		return nil
	}
	switch part.Path {
	case "":
		return &records.Fault{Path: name, Byte: part.Offset, Text: fmt.Sprintf("expected an object with data or spans, found %.20q", part.Raw)}
	case "spans.#", "#.spans.#", "data.#.spans.#", "processes", "#.processes", "data.#.processes":
	default:
		return nil
	}
	if !part.Valid {
		return &records.Fault{Path: name, Byte: part.Offset, Text: "expected a span or processes in JSON"}
	}
	v := gjson.ParseBytes(part.Raw) // it copies the text
	if part.Path[len(part.Path)-1] == '#' {
		return r.span(v)
	}
	v.ForEach(func(key, v gjson.Result) bool {
		r.c.SetResource(r.slot(key.String()), process(v))
		return true
	})
	return nil
}

// slot is that of a process of the trace that is read.
func (r *reader) slot(name string) int32 {
	slot, ok := r.slots[name]
	if !ok {
		slot = r.c.Slot()
		r.slots[r.c.Text([]byte(name))] = slot
	}
	return slot
}

// process reads what recorded spans.
func process(v gjson.Result) trace.Resource {
	all := map[string]string{}
	each(v.Get("tags"), func(key, value string) { all[key] = value })
	all["service.name"] = v.Get("serviceName").String()
	return trace.NewResource(all)
}
