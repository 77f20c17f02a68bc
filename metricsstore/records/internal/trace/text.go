package trace

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// Elements calls f for each element of an array, and not at all if v is none, as null is not.
func Elements(v gjson.Result, f func(gjson.Result)) {
	if v.IsArray() {
		v.ForEach(func(_, v gjson.Result) bool {
			f(v)
			return true
		})
	}
}

// Lines collects what else is known of a span, a line for each fact, up to records.MaxText.
type Lines struct {
	text []byte
}

// Add adds a line of parts, without line breaks in it.
func (l *Lines) Add(parts ...string) {
	if from, ok := l.begin(); ok {
		for _, p := range parts {
			l.text = append(l.text, p[:min(len(p), records.MaxText)]...)
		}
		l.end(from)
	}
}

// AddLine adds a line.
func (l *Lines) AddLine(line []byte) {
	if from, ok := l.begin(); ok {
		l.text = append(l.text, line[:min(len(line), records.MaxText)]...)
		l.end(from)
	}
}

// AddPair adds a line of a name and a value.
func (l *Lines) AddPair(name, value []byte) {
	if from, ok := l.begin(); ok {
		l.text = append(l.text, name[:min(len(name), records.MaxText)]...)
		l.text = append(append(l.text, ": "...), value[:min(len(value), records.MaxText)]...)
		l.end(from)
	}
}

// begin returns where a line begins; false if there are enough.
func (l *Lines) begin() (from int, ok bool) {
	if len(l.text) >= records.MaxText {
		return 0, false
	}
	if len(l.text) > 0 {
		l.text = append(l.text, '\n')
	}
	return len(l.text), true
}

// end makes one line of what was added.
func (l *Lines) end(from int) {
	for _, c := range [...]byte{'\n', '\r'} {
		for line := l.text[from:]; ; {
			i := bytes.IndexByte(line, c)
			if i < 0 {
				break
			}
			line[i] = ' '
			line = line[i+1:]
		}
	}
}

// AddAll adds the lines of another collection, and empties that.
func (l *Lines) AddAll(other *Lines) {
	if len(other.text) > 0 {
		if _, ok := l.begin(); ok {
			l.text = append(l.text, other.text...)
		}
	}
	other.text = other.text[:0]
}

// String is all lines and empties the collection.
func (l *Lines) String() string {
	text := bounded.Text(string(l.text))
	l.text = l.text[:0]
	return text
}

// NewResource is the resource with attributes that are named as OpenTelemetry does.
func NewResource(attributes map[string]string) Resource {
	first := func(keys ...string) string {
		for _, k := range keys {
			if v := attributes[k]; v != "" {
				return bounded.Text(strings.Clone(v))
			}
		}
		return ""
	}
	return Resource{
		Service:  first("service.name"),
		Host:     first("host.name", "hostname", "k8s.pod.name", "container.id", "host.id", "ip"),
		Instance: first("service.instance.id", "process.pid", "client-uuid"),
		SDK: strings.Join(strings.Fields(strings.Join([]string{
			first("telemetry.sdk.name"), first("telemetry.sdk.language"), first("telemetry.sdk.version"),
			first("jaeger.version", "opencensus.exporterversion"),
		}, " ")), " "),
	}
}

// Exception is an event that OpenTelemetry calls so.
type Exception struct {
	kind, message, stack string
}

// Set takes one of its attributes and reports whether it is one.
func (e *Exception) Set(key, value string) bool {
	switch key {
	case "exception.type":
		e.kind = strings.Clone(value)
	case "exception.message":
		e.message = strings.Clone(value)
	case "exception.stacktrace":
		e.stack = strings.Clone(value)
	default:
		return false
	}
	return true
}

// String is its type and message.
func (e *Exception) String() string {
	if e.kind == "" || e.message == "" {
		return e.kind + e.message
	}
	return e.kind + ": " + e.message
}

// Failure is what the exception says about the span that failed.
func (e *Exception) Failure() records.Failure {
	return records.Failure{Message: bounded.Text(e.String()), Stack: bounded.Text(e.stack)}
}
