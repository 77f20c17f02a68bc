package otlp

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
	"github.com/dagscope/dagscope/metricsstore/records/internal/trace"
)

// span reads one span, which is JSON with these members. What its values refer to is copied.
func (r *reader) span(raw []byte, members []scan.Member) error {
	span := trace.NewSpan()
	span.Resource = r.slot
	var kind, events []byte
	var end status
	for _, m := range members {
		value := raw[m.Value:m.End]
		switch string(raw[m.Key:m.KeyEnd]) {
		case "name":
			span.Name = r.c.Text(scan.Plain(value))
		case "kind":
			kind = value
		case "attributes":
			span.Command, span.Attempt = r.attributes(value)
		case "events":
			events = value // their times count from the start of the span, which may follow
		case "status":
			end = readStatus(value)
		case "links":
			span.Links = links(value)
		case "droppedAttributesCount", "droppedEventsCount", "droppedLinksCount":
			if len(value) != 1 || value[0] != '0' {
				s := scan.New(value)
				r.dropped += int(max(0, min(s.Int(), 1<<31)))
			}
		default:
			r.place(&span, raw[m.Key:m.KeyEnd], value)
		}
	}
	r.finish(&span, enum(kind, "SPAN_KIND_", kinds), events, &end)
	return r.c.Add(&span)
}

// finish fills in how a span ended, and what else is recorded of it.
func (r *reader) finish(span *trace.Span, kind string, events []byte, end *status) {
	failed := end.code == "error"
	span.Outcome = trace.Outcome(span.End.Known(), failed)
	if kind != "" && kind != "internal" && kind != "unspecified" {
		r.lines.Add("kind: ", kind)
	}
	if end.message != "" && !failed {
		r.lines.Add("status: ", end.message)
	}
	last := r.events(events, span.Start)
	if failed {
		failure := last.Failure()
		if end.message != "" {
			failure.Message = bounded.Text(end.message)
		}
		span.Error = &failure
	}
	r.lines.AddAll(&r.about)
	span.Log = r.lines.String()
}

// place reads what says where and when a span was.
func (r *reader) place(span *trace.Span, key, value []byte) {
	switch string(key) {
	case "traceId", "trace_id":
		span.Trace = trace.ParseID(scan.Text(value))
	case "spanId", "span_id":
		span.ID = trace.ParseSpanID(scan.Text(value))
	case "parentSpanId", "parent_span_id":
		span.Parent = trace.ParseSpanID(scan.Text(value))
	case "startTimeUnixNano", "start_time_unix_nano":
		span.Start = r.moment(value)
	case "endTimeUnixNano", "end_time_unix_nano":
		span.End = r.moment(value)
	}
}

// status is how a span ended, as it is recorded.
type status struct{ code, message string }

func readStatus(raw []byte) (end status) {
	s := scan.New(raw)
	for key, ok := s.First(); ok; key, ok = s.Key() {
		switch string(key) {
		case "code":
			end.code = enum(s.Skip(), "STATUS_CODE_", codes)
		case "message":
			end.message = string(scan.Plain(s.Skip()))
		default:
			s.Skip()
		}
	}
	return end
}

var (
	kinds = []string{"unspecified", "internal", "server", "client", "producer", "consumer"}
	codes = []string{"unset", "ok", "error"}
)

// enum is an enumeration by name or number, in lower case and without its prefix.
func enum(raw []byte, prefix string, names []string) string {
	text := scan.Plain(raw)
	if len(text) == 1 && text[0]-'0' < 10 { // almost always
		if n := int(text[0] - '0'); n < len(names) {
			return names[n]
		}
		return ""
	}
	if _, err := strconv.Atoi(string(text)); err == nil {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(string(text), prefix))
}

// moment reads nanoseconds, a string or a number. Zero is what SDKs write where they have no time.
func (r *reader) moment(raw []byte) records.Moment {
	if n, ok := scan.Whole(raw); ok && n > 0 { // almost always
		return records.Moment(n)
	}
	text := scan.Plain(raw)
	if string(text) == "0" || len(text) == 0 {
		return records.Unknown
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil && n > 0 {
		return records.Moment(n)
	}
	if f, err := strconv.ParseFloat(string(text), 64); err == nil && f >= 1 && f < 1<<63 {
		return records.Moment(f)
	}
	r.badTimes++
	return records.Unknown
}

func links(raw []byte) []trace.Link {
	var links []trace.Link
	s := scan.New(raw)
	for in := s.List(); in && s.More(); {
		var l trace.Link
		for key, ok := s.First(); ok; key, ok = s.Key() {
			switch string(key) {
			case "traceId", "trace_id":
				l.Trace = trace.ParseID(scan.Text(s.Skip()))
			case "spanId", "span_id":
				l.Span = trace.ParseSpanID(scan.Text(s.Skip()))
			default:
				s.Skip()
			}
		}
		links = append(links, l)
	}
	return links
}

// notCommand is the rank of attributes that do not say what a span did.
const notCommand = 5

// commandRank ranks the attributes that say what a span did, the best first.
func commandRank(name []byte) int {
	switch string(name) {
	case "process.command_line":
		return 0
	case "db.query.text":
		return 1
	case "db.statement":
		return 2
	case "url.full":
		return 3
	case "http.url":
		return 4
	}
	return notCommand
}

// attributes adds a line for each and returns the command, if one of them is, and the attempt that dagscope has exported, if
// they are of one. Then there is no line for what the attempt is made of.
func (r *reader) attributes(raw []byte) (string, *trace.Attempt) {
	command, best := "", notCommand
	r.own = r.own[:0]
	s := scan.New(raw)
	r.each(&s, func(name, value []byte) {
		if own, is := bytes.CutPrefix(name, []byte(ownPrefix)); is {
			r.own = append(r.own, ownAttribute{string(own), string(value)})
			return
		}
		r.about.AddPair(name, value)
		if rank := commandRank(name); rank < best && len(value) > 0 {
			command, best = string(value), rank
		}
	})
	attempt := attemptOf(r.own)
	if attempt == nil {
		for _, own := range r.own {
			r.about.AddPair([]byte(ownPrefix+own.name), []byte(own.value))
		}
	}
	return bounded.Text(command), attempt
}

// events adds a line for each event with the time since start, and returns the last exception.
func (r *reader) events(raw []byte, start records.Moment) (last trace.Exception) {
	s := scan.New(raw)
	for in := len(raw) > 2 && s.List(); in && s.More(); {
		var name, attributes []byte
		at := records.Unknown
		for key, ok := s.First(); ok; key, ok = s.Key() {
			switch string(key) {
			case "name":
				name = scan.Plain(s.Skip())
			case "timeUnixNano", "time_unix_nano":
				at = r.moment(s.Skip())
			case "attributes":
				attributes = s.Skip()
			default:
				s.Skip()
			}
		}
		r.event = append(r.event[:0], name...)
		if at.Known() && start.Known() {
			r.event = append(append(r.event, " after "...), time.Duration(at-start).String()...)
		}
		if e, is := r.facts(attributes, string(name) == "exception"); is {
			last = e
			r.event = append(append(r.event, ", "...), e.String()...)
		}
		r.about.AddLine(r.event)
	}
	return last
}

// facts adds the attributes of an event to its line, apart from what makes it an exception if it may be one.
func (r *reader) facts(attributes []byte, exception bool) (trace.Exception, bool) {
	var e trace.Exception
	s := scan.New(attributes)
	r.each(&s, func(key, value []byte) {
		if !exception || !e.Set(string(key), string(value)) {
			r.event = append(append(append(append(r.event, ", "...), key...), ": "...), value...)
		}
	})
	return e, exception
}

// maxKnown bounds the resources that are recognised by their JSON.
const maxKnown = 1 << 12

// resource reads what recorded spans.
func (r *reader) resource(raw []byte) trace.Resource {
	if known, ok := r.known[string(raw)]; ok {
		return known
	}
	all := map[string]string{}
	s := scan.New(raw)
	for key, ok := s.First(); ok; key, ok = s.Key() {
		if string(key) == "attributes" {
			r.each(&s, func(name, value []byte) { all[string(name)] = string(value) })
		} else {
			s.Skip()
		}
	}
	resource := trace.NewResource(all)
	if len(r.known) < maxKnown {
		r.known[string(raw)] = resource
	}
	return resource
}

// each calls f for each attribute of a list. What it passes is valid until f returns.
func (r *reader) each(s *scan.Scanner, f func(name, value []byte)) {
	for in := s.List(); in && s.More(); {
		name, value := r.pair(s)
		f(name, value)
	}
}

// pair reads a name and its value.
func (r *reader) pair(s *scan.Scanner) (name, value []byte) {
	r.value = r.value[:0]
	for key, ok := s.First(); ok; key, ok = s.Key() {
		switch string(key) {
		case "key":
			name = scan.Plain(s.Skip())
		case "value":
			r.value = appendValue(r.value[:0], s, 0)
		default:
			s.Skip()
		}
	}
	return name, r.value
}
