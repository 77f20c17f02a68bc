package otlp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tidwall/gjson"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/dagscope/dagscope/metricsstore/records/otlp"
	"github.com/dagscope/dagscope/web/feed"
)

// splitter collects the spans of a request by trace.
type splitter struct {
	order  []string
	traces map[string]*bytes.Buffer
	spans  map[string]int
	part   map[string]string // resource and scope of the spans that were written last
	lost   int               // spans without IDs
	// size is that of all texts, at most most: each trace has the resource of its spans once more.
	size, most int
}

// minMost is the size of texts that is always accepted, in bytes.
const minMost = 64 << 20

func newSplitter(body []byte) *splitter {
	return &splitter{most: max(minMost, 4*len(body)), traces: map[string]*bytes.Buffer{}, spans: map[string]int{}, part: map[string]string{}}
}

// errSplit: the body is too large when it is split by trace.
var errSplit = errors.New("the request is too large when each trace has its own resource, expected fewer traces at a time or a smaller resource")

// errBody: the body is not what it should be; the text says what was expected.
var errBody = errors.New("not a request with traces")

// splitProto splits a request in protobuf. TracesData has the same encoding as ExportTraceServiceRequest, whose package
// would bring gRPC along.
func splitProto(body []byte) (*splitter, error) {
	var request tracepb.TracesData
	if err := proto.Unmarshal(body, &request); err != nil {
		return nil, fmt.Errorf("%w: expected an ExportTraceServiceRequest in protobuf: %w", errBody, err)
	}
	s := newSplitter(body)
	for i, rs := range request.GetResourceSpans() {
		resource, err := protojson.Marshal(rs.GetResource())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBody, err)
		}
		for k, ss := range rs.GetScopeSpans() {
			scope, err := protojson.Marshal(ss.GetScope())
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errBody, err)
			}
			for _, span := range ss.GetSpans() {
				text, err := protojson.Marshal(span)
				if err != nil {
					return nil, fmt.Errorf("%w: %w", errBody, err)
				}
				s.add(fmt.Sprint(i, " ", k), hex.EncodeToString(span.GetTraceId()), hex.EncodeToString(span.GetSpanId()), resource, scope, text)
			}
		}
	}
	return s.done()
}

// splitJSON splits a request in JSON.
func splitJSON(body []byte) (*splitter, error) {
	// gjson.ValidBytes would call itself for each level, however deep a body is nested.
	if !json.Valid(body) || body[bytes.IndexFunc(body, func(r rune) bool { return r > ' ' })] != '{' {
		return nil, fmt.Errorf("%w: expected an ExportTraceServiceRequest in JSON", errBody)
	}
	if bytes.IndexByte(body, '\n') >= 0 {
		var compact bytes.Buffer
		if err := json.Compact(&compact, body); err != nil {
			return nil, fmt.Errorf("%w: %w", errBody, err)
		}
		body = compact.Bytes()
	}
	s := newSplitter(body)
	for i, rs := range gjson.GetBytes(body, "resourceSpans").Array() {
		scopes := rs.Get("scopeSpans")
		if !scopes.Exists() {
			scopes = rs.Get("instrumentationLibrarySpans")
		}
		resource := []byte(rs.Get("resource").Raw) // once: it may lie behind all spans
		for k, ss := range scopes.Array() {
			scope := []byte(ss.Get("scope").Raw)
			for _, span := range ss.Get("spans").Array() {
				s.add(fmt.Sprint(i, " ", k), span.Get("traceId").String(), span.Get("spanId").String(), resource, scope, []byte(span.Raw))
			}
		}
	}
	return s.done()
}

// add adds a span. part names what has its resource and scope.
func (s *splitter) add(part, traceID, spanID string, resource, scope, span []byte) {
	trace := otlp.TraceKey(traceID)
	if trace == "" || !otlp.IsSpanID(spanID) {
		s.lost++
		return
	}
	if s.size += len(span); s.size > s.most {
		return
	}
	b := s.traces[trace]
	switch {
	case b == nil:
		b = &bytes.Buffer{}
		s.traces[trace] = b
		s.order = append(s.order, trace)
		b.WriteString(`{"resourceSpans":[`)
		s.open(b, resource, scope)
	case s.part[trace] == part:
		b.WriteByte(',')
	default:
		b.WriteString(`]}]},`)
		s.open(b, resource, scope)
	}
	s.part[trace] = part
	b.Write(span)
	s.spans[trace]++
}

func (s *splitter) open(b *bytes.Buffer, resource, scope []byte) {
	if s.size += len(resource) + len(scope); s.size > s.most {
		return
	}
	b.WriteByte('{')
	if len(resource) > 0 {
		fmt.Fprintf(b, `"resource":%s,`, resource)
	}
	b.WriteString(`"scopeSpans":[{`)
	if len(scope) > 0 {
		fmt.Fprintf(b, `"scope":%s,`, scope)
	}
	b.WriteString(`"spans":[`)
}

// done returns the splitter, or errSplit.
func (s *splitter) done() (*splitter, error) {
	if s.size > s.most {
		return nil, errSplit
	}
	return s, nil
}

// lines returns a line for each trace, a request of its own in JSON, in the order of their first spans.
func (s *splitter) lines() []feed.Line {
	lines := make([]feed.Line, 0, len(s.order))
	for _, trace := range s.order {
		b := s.traces[trace]
		b.WriteString("]}]}]}\n")
		lines = append(lines, feed.Line{Key: trace, Text: b.Bytes(), Parts: s.spans[trace]})
	}
	return lines
}

// traceOf is the trace of a line of the journal, empty if it is none.
func traceOf(text []byte) string {
	if !json.Valid(text) {
		return ""
	}
	return otlp.TraceKey(gjson.GetBytes(text, "resourceSpans.0.scopeSpans.0.spans.0.traceId").String())
}

// spansOf is the number of spans in a line of the journal.
func spansOf(text []byte) int {
	n := 0
	for _, rs := range gjson.GetBytes(text, "resourceSpans").Array() {
		for _, ss := range rs.Get("scopeSpans").Array() {
			n += int(ss.Get("spans.#").Int())
		}
	}
	return n
}
