package main

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// chromeNumber finds what each repetition has to have of its own: IDs, and whole microseconds, the first of its groups.
var chromeNumber = regexp.MustCompile(`"(?:(ts)|id|External id|correlation|Ev Idx|Record function id)":\s*(\d+)`)

// chromeDocument is a trace in which all but the events is left as it is.
type chromeDocument map[string]jsontext.Value

// chromePart is text up to a number, and the number: an ID, or a moment.
type chromePart struct {
	text   []byte
	number int64
	moment bool
}

// repeatChrome repeats all events of a trace but those of metadata, which come first, once.
func repeatChrome(w io.Writer, source []byte, size int64) error {
	var doc chromeDocument
	if err := json.Unmarshal(source, &doc); err != nil {
		return err
	}
	var events []jsontext.Value
	if err := json.Unmarshal(doc["traceEvents"], &events); err != nil {
		return err
	}
	delete(doc, "traceEvents")
	out, err := json.Marshal(doc, json.Deterministic(true))
	if err != nil {
		return err
	}
	out = append(bytes.TrimSuffix(out, []byte("}")), `,"traceEvents":[`...)
	var parts []chromePart
	body := 0
	first, last, ids := int64(math.MaxInt64), int64(0), int64(0)
	for _, e := range events {
		if bytes.Contains(e, []byte(`"ph": "M"`)) || bytes.Contains(e, []byte(`"ph":"M"`)) {
			out = append(append(out, e...), ",\n"...)
			continue
		}
		for _, p := range chromeParts(e) {
			if p.moment {
				first, last = min(first, p.number), max(last, p.number)
			} else {
				ids = max(ids, p.number+1)
			}
			parts = append(parts, p)
		}
		body += len(e) + 2
	}
	if body == 0 {
		return errors.New("the trace has no events")
	}
	for n := int64(0); n == 0 || n*int64(body) < size; n++ {
		for _, p := range parts {
			if out = append(out, p.text...); p.moment {
				out = strconv.AppendInt(out, p.number+n*(last-first+1), 10)
			} else if p.number >= 0 {
				out = strconv.AppendInt(out, p.number+n*ids, 10)
			}
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
		out = out[:0]
	}
	_, err = w.Write([]byte("{}]}\n"))
	return err
}

// chromeParts takes an event apart. The last part has no number and ends with a comma.
func chromeParts(event []byte) []chromePart {
	places := chromeNumber.FindAllSubmatchIndex(event, -1)
	slices.SortFunc(places, func(a, b []int) int { return cmp.Compare(a[4], b[4]) })
	var parts []chromePart
	at := 0
	for _, m := range places {
		n, err := strconv.ParseInt(string(event[m[4]:m[5]]), 10, 64)
		if err != nil {
			continue
		}
		parts = append(parts, chromePart{event[at:m[4]], n, m[2] >= 0})
		at = m[5]
	}
	return append(parts, chromePart{text: append(slices.Clone(event[at:]), ",\n"...), number: -1})
}

// chromeEvent has what the reader of traces uses.
type chromeEvent struct {
	Name         string         `json:"name"`
	Category     string         `json:"cat"`
	Phase        string         `json:"ph"`
	Start        float64        `json:"ts"`
	Duration     float64        `json:"dur"`
	Process      any            `json:"pid"`
	Thread       any            `json:"tid"`
	ID           any            `json:"id"`
	BindingPoint string         `json:"bp"`
	Args         map[string]any `json:"args"`
}

// decodeChrome decodes each event and counts the spans, of which each is a task at least.
func decodeChrome(r io.Reader) (int, error) {
	d := jsontext.NewDecoder(r)
	spans := 0
	for {
		token, err := d.ReadToken()
		if err == io.EOF {
			return spans, nil
		}
		if err != nil {
			return spans, err
		}
		if d.StackDepth() != 1 || token.Kind() != '"' {
			continue
		}
		if token.String() != "traceEvents" {
			if err := d.SkipValue(); err != nil {
				return spans, err
			}
			continue
		}
		if _, err := d.ReadToken(); err != nil {
			return spans, err
		}
		for d.PeekKind() != ']' {
			var e chromeEvent
			if err := json.UnmarshalDecode(d, &e); err != nil {
				return spans, err
			}
			if e.Phase == "X" || e.Phase == "B" || e.Phase == "b" {
				spans++
			}
		}
	}
}
