package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// otlpNumber finds what each repetition has to have of its own: IDs of spans, and moments in nanoseconds.
var otlpNumber = regexp.MustCompile(`"(?:(spanId|parentSpanId)":"([0-9a-f]{16})"|(?:startTimeUnixNano|endTimeUnixNano|timeUnixNano)":"(\d+)")`)

// repeatOTLP repeats a file as more spans of the same trace, a minute later each time.
func repeatOTLP(w io.Writer, source []byte, size int64) error {
	type part struct {
		text   []byte
		number uint64
		id     bool
	}
	var parts []part
	at := 0
	for _, m := range otlpNumber.FindAllSubmatchIndex(source, -1) {
		p := part{id: m[2] >= 0}
		begin, end, base := m[6], m[7], 10
		if p.id {
			begin, end, base = m[4], m[5], 16
		}
		var err error
		if p.number, err = strconv.ParseUint(string(source[begin:end]), base, 64); err != nil {
			return err
		}
		p.text = source[at:begin]
		parts = append(parts, p)
		at = end
	}
	var block []byte
	for n := uint64(0); n == 0 || int64(n)*int64(len(source)) < size; n++ {
		block = block[:0]
		for _, p := range parts {
			block = append(block, p.text...)
			if p.id {
				block = fmt.Appendf(block, "%016x", p.number+n*0x9E3779B97F4A7C15) // spreads over all IDs
			} else {
				block = strconv.AppendUint(block, p.number+n*60e9, 10)
			}
		}
		block = append(append(block, source[at:]...), '\n')
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return nil
}

type otlpAttribute struct {
	Key   string
	Value struct {
		String *string        `json:"stringValue"`
		Int    jsontext.Value `json:"intValue"`
		Double *float64       `json:"doubleValue"`
		Bool   *bool          `json:"boolValue"`
		Array  jsontext.Value `json:"arrayValue"`
	}
}

// otlpRequest has what the reader uses.
type otlpRequest struct {
	ResourceSpans []struct {
		Resource struct {
			Attributes []otlpAttribute
		}
		ScopeSpans []struct {
			Spans []struct {
				TraceID, SpanID, ParentSpanID, Name string
				Kind                                int
				Start                               string `json:"startTimeUnixNano"`
				End                                 string `json:"endTimeUnixNano"`
				Attributes                          []otlpAttribute
				Events                              []struct {
					Name       string
					Time       string `json:"timeUnixNano"`
					Attributes []otlpAttribute
				}
				Links []struct {
					TraceID, SpanID string
				}
				Status struct {
					Code    int
					Message string
				}
			}
		}
	} `json:"resourceSpans"`
}

// decodeOTLP decodes each request and counts the spans.
func decodeOTLP(r io.Reader) (int, error) {
	spans := 0
	for d := jsontext.NewDecoder(r); ; {
		var q otlpRequest
		err := json.UnmarshalDecode(d, &q, json.MatchCaseInsensitiveNames(true))
		if errors.Is(err, io.EOF) {
			return spans, nil
		}
		if err != nil {
			return 0, err
		}
		for _, rs := range q.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				spans += len(ss.Spans)
			}
		}
	}
}
