package otlp

import (
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/trace"
)

// span reads one span. What its values refer to is copied.
func (r *reader) span(v gjson.Result) error {
	s := trace.NewSpan()
	s.Resource = r.slot
	var kind, message string
	var events, attributes gjson.Result
	failed := false
	v.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "name":
			s.Name = r.c.Text(v.String())
		case "kind":
			kind = enum(v, "SPAN_KIND_", kinds)
		case "attributes":
			attributes = v
		case "events":
			events = v
		case "status":
			failed = enum(v.Get("code"), "STATUS_CODE_", codes) == "error"
			message = v.Get("message").String()
		case "droppedAttributesCount", "droppedEventsCount", "droppedLinksCount":
			r.dropped += int(max(0, min(v.Int(), 1<<31)))
		default:
			r.place(&s, key.Str, v)
		}
		return true
	})
	s.Outcome = trace.Outcome(s.End.Known(), failed)
	if kind != "" && kind != "internal" && kind != "unspecified" {
		r.lines.Add("kind: ", kind)
	}
	if message != "" && !failed {
		r.lines.Add("status: ", message)
	}
	s.Command = r.attributes(attributes)
	failure := r.events(events, s.Start)
	if failed {
		if message != "" {
			failure.Message = bounded.Text(strings.Clone(message))
		}
		s.Error = &failure
	}
	s.Log = r.lines.String()
	return r.c.Add(s)
}

// place reads what says where and when a span was.
func (r *reader) place(s *trace.Span, key string, v gjson.Result) {
	switch key {
	case "traceId", "trace_id":
		s.Trace = trace.ParseID(v.Str)
	case "spanId", "span_id":
		s.ID = trace.ParseSpanID(v.Str)
	case "parentSpanId", "parent_span_id":
		s.Parent = trace.ParseSpanID(v.Str)
	case "startTimeUnixNano", "start_time_unix_nano":
		s.Start = r.moment(v)
	case "endTimeUnixNano", "end_time_unix_nano":
		s.End = r.moment(v)
	case "links":
		s.Links = links(v)
	}
}

var (
	kinds = []string{"unspecified", "internal", "server", "client", "producer", "consumer"}
	codes = []string{"unset", "ok", "error"}
)

// enum is an enumeration by name or number, in lower case and without its prefix.
func enum(v gjson.Result, prefix string, names []string) string {
	text := v.String()
	if n, err := strconv.Atoi(text); err == nil {
		if n >= 0 && n < len(names) {
			return names[n]
		}
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(text, prefix))
}

// moment reads nanoseconds, a string or a number. Zero is what SDKs write where they have no time.
func (r *reader) moment(v gjson.Result) records.Moment {
	text := v.Raw
	if v.Type == gjson.String {
		text = v.Str
	}
	if text == "0" || text == "" || text == "null" {
		return records.Unknown
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return records.Moment(n)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && f >= 1 && f < 1<<63 {
		return records.Moment(f)
	}
	r.badTimes++
	return records.Unknown
}

func links(v gjson.Result) []trace.Link {
	var links []trace.Link
	trace.Elements(v, func(v gjson.Result) {
		var l trace.Link
		v.ForEach(func(key, v gjson.Result) bool {
			switch key.Str {
			case "traceId", "trace_id":
				l.Trace = trace.ParseID(v.Str)
			case "spanId", "span_id":
				l.Span = trace.ParseSpanID(v.Str)
			}
			return true
		})
		links = append(links, l)
	})
	return links
}

// commands are the attributes that say what a span did, the best first.
var commands = []string{"process.command_line", "db.query.text", "db.statement", "url.full", "http.url"}

// attributes adds a line for each and returns the command, if one of them is.
func (r *reader) attributes(v gjson.Result) string {
	command, rank := "", len(commands)
	each(v, func(key, value string) {
		r.lines.Add(key, ": ", value)
		for i, name := range commands[:rank] {
			if key == name && value != "" {
				command, rank = value, i
				break
			}
		}
	})
	return bounded.Text(strings.Clone(command))
}

// events adds a line for each event with the time since start, and returns the last exception.
func (r *reader) events(v gjson.Result, start records.Moment) records.Failure {
	var last trace.Exception
	trace.Elements(v, func(v gjson.Result) {
		var name string
		var attributes gjson.Result
		at := records.Unknown
		v.ForEach(func(key, v gjson.Result) bool {
			switch key.Str {
			case "name":
				name = v.String()
			case "timeUnixNano", "time_unix_nano":
				at = r.moment(v)
			case "attributes":
				attributes = v
			}
			return true
		})
		parts := []string{name}
		if at.Known() && start.Known() {
			parts = append(parts, " after ", time.Duration(at-start).String())
		}
		var e trace.Exception
		each(attributes, func(key, value string) {
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
		var key string
		var value gjson.Result
		v.ForEach(func(k, v gjson.Result) bool {
			switch k.Str {
			case "key":
				key = v.String()
			case "value":
				value = v
			}
			return true
		})
		f(key, text(value, 0))
	})
}

// maxNested is how deep lists are written out; each level is searched again in the next.
const maxNested = 16

// text is a value as people write it. Lists that are nested deeper than maxNested are written as they are.
func text(v gjson.Result, level int) string {
	result := ""
	v.ForEach(func(kind, v gjson.Result) bool {
		switch kind.Str {
		case "arrayValue", "array_value", "kvlistValue", "kvlist_value":
			if level == maxNested {
				result = v.Raw
				return true
			}
			var parts []string
			trace.Elements(v.Get("values"), func(v gjson.Result) {
				if kind.Str[0] == 'a' {
					parts = append(parts, text(v, level+1))
				} else {
					parts = append(parts, v.Get("key").String()+"="+text(v.Get("value"), level+1))
				}
			})
			result = "[" + strings.Join(parts, ", ") + "]"
		default:
			result = v.String()
			if v.Type == gjson.Number {
				result = v.Raw // as it was written: a float of ours would be rounded
			}
		}
		return true
	})
	return result
}

// maxKnown bounds the resources that are recognised by their JSON.
const maxKnown = 1 << 12

// resource reads what recorded spans.
func (r *reader) resource(raw string) trace.Resource {
	if known, ok := r.known[raw]; ok {
		return known
	}
	all := map[string]string{}
	each(gjson.Get(raw, "attributes"), func(key, value string) { all[key] = value })
	resource := trace.NewResource(all)
	if len(r.known) < maxKnown {
		r.known[strings.Clone(raw)] = resource
	}
	return resource
}
