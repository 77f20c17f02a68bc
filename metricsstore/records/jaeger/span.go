package jaeger

import (
	"math"
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
	s.Resource = records.None
	s.Trace = trace.ParseID(v.Get("traceID").Str) // references need it
	var tags, logs, warnings, duration gjson.Result
	v.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "spanID":
			s.ID = trace.ParseSpanID(v.Str)
		case "parentSpanID":
			if s.Parent == (trace.SpanID{}) {
				s.Parent = trace.ParseSpanID(v.Str)
			}
		case "operationName":
			s.Name = r.c.Text([]byte(v.String()))
		case "references":
			references(&s, v)
		case "startTime":
			s.Start = r.moment(v)
		case "duration":
			duration = v
		case "processID":
			s.Resource = r.slot(v.String())
		case "tags":
			tags = v
		case "logs":
			logs = v
		case "warnings":
			warnings = v
		}
		return true
	})
	if us, ok := number(duration); ok && s.Start.Known() && us >= 0 {
		s.End = s.Start + records.Moment(min(us, math.MaxInt64/2000)*1000)
	}
	r.texts(&s, tags, logs)
	trace.Elements(warnings, func(v gjson.Result) {
		r.lines.Add("warning: ", v.String())
	})
	s.Log = r.lines.String()
	return r.c.Add(&s)
}

// references finds the parent; the rest are links. All of one span may be in another trace.
func references(s *trace.Span, v gjson.Result) {
	best := ""
	trace.Elements(v, func(v gjson.Result) {
		kind := v.Get("refType").String()
		l := trace.Link{Trace: trace.ParseID(v.Get("traceID").Str), Span: trace.ParseSpanID(v.Get("spanID").Str)}
		if l.Trace == s.Trace && (best == "" || kind == "CHILD_OF" && best != kind) {
			if best != "" {
				s.Links = append(s.Links, trace.Link{Trace: s.Trace, Span: s.Parent})
			}
			best, s.Parent = kind, l.Span
		} else {
			s.Links = append(s.Links, l)
		}
	})
}

// moment reads microseconds.
func (r *reader) moment(v gjson.Result) records.Moment {
	us, ok := number(v)
	if !ok || us < 0 || us > math.MaxInt64/1000 {
		r.badTimes++
		return records.Unknown
	}
	return records.Moment(us * 1000)
}

// number is a whole number, also one in quotes.
func number(v gjson.Result) (int64, bool) {
	text := v.Raw
	if v.Type == gjson.String {
		text = v.Str
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	return int64(f), err == nil && math.Abs(f) < 1<<62
}

// commands are the tags that say what a span did, the best first.
var commands = []string{"process.command_line", "db.query.text", "db.statement", "sql", "url.full", "http.url"}

// texts reads tags and logs: the outcome, the command, the failure and a line for each fact.
func (r *reader) texts(s *trace.Span, tags, logs gjson.Result) {
	failed, rank := false, len(commands)
	message := ""
	each(tags, func(key, value string) {
		switch {
		case key == "error":
			failed = failed || value != "false" && value != ""
		case key == "otel.status_code":
			failed = failed || value == "ERROR"
		case key == "otel.status_description":
			message = bounded.Text(strings.Clone(value))
		case key == "span.kind" && value == "internal":
			return
		case key == "span.kind":
			s.Server = value == "server"
		}
		for i, name := range commands[:rank] {
			if key == name && value != "" {
				s.Command, rank = bounded.Text(strings.Clone(value)), i
				break
			}
		}
		r.lines.Add(key, ": ", value)
	})
	s.Outcome = trace.Outcome(s.End.Known(), failed)
	failure := r.logs(logs, s.Start)
	if failed {
		if message != "" {
			failure.Message = message
		}
		s.Error = &failure
	}
}

// logs adds a line for each and returns the last exception.
func (r *reader) logs(v gjson.Result, start records.Moment) records.Failure {
	var last trace.Exception
	trace.Elements(v, func(v gjson.Result) {
		var parts []string
		var e trace.Exception
		exception := false
		each(v.Get("fields"), func(key, value string) {
			switch key {
			case "error.object", "message", "error.kind", "stack", "exception.type", "exception.message", "exception.stacktrace":
				exception = e.Set(exceptionKeys[key], value) || exception
			}
			if key != "stack" && key != "exception.stacktrace" {
				parts = append(parts, ", ", key, ": ", value)
			}
		})
		isError := v.Get(`fields.#(key=="event").value`).String()
		if exception && (isError == "error" || isError == "exception") {
			last = e
		}
		if len(parts) == 0 {
			return
		}
		when := "log"
		if us, ok := number(v.Get("timestamp")); ok && start.Known() {
			when = "after " + (time.Duration(us)*time.Microsecond - time.Duration(start)).String()
		}
		r.lines.Add(append([]string{when}, parts...)...)
	})
	return last.Failure()
}

// exceptionKeys are the names that OpenTelemetry has for what OpenTracing's libraries log.
var exceptionKeys = map[string]string{
	"error.kind": "exception.type", "error.object": "exception.message", "message": "exception.message",
	"stack": "exception.stacktrace", "exception.type": "exception.type", "exception.message": "exception.message",
	"exception.stacktrace": "exception.stacktrace",
}

// each calls f for each tag or field.
func each(v gjson.Result, f func(key, value string)) {
	trace.Elements(v, func(v gjson.Result) {
		value := v.Get("value")
		text := value.String()
		if value.Type == gjson.Number {
			text = value.Raw // as it was written: a float of ours would be rounded
		}
		f(v.Get("key").String(), text)
	})
}
