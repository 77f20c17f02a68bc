package chrometrace

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// fields are the members of an event as bytes of the file, empty if it does not have them.
type fields struct {
	name, cat, pid, tid, id, id2, bind, args []byte
	at, duration                             []byte
	phase                                    byte
	flow                                     flowMark
	more                                     bool // it has others
}

// flowMark is what an event says about flows.
type flowMark uint8

const (
	bindEnclosing flowMark = 1 << iota // a flow ends in the span that is there, not in the next one
	flowIn                             // a span at which a flow arrives
	flowOut                            // a span at which a flow begins
)

// take takes a member of an event.
func (f *fields) take(key, value []byte) {
	switch string(key) {
	case "name":
		f.name = value
	case "cat":
		f.cat = value
	case "ph":
		if len(value) == 3 && value[0] == '"' {
			f.phase = value[1]
		}
	case "ts":
		f.at = value
	case "dur":
		f.duration = value
	case "pid":
		f.pid = value
	case "tid":
		f.tid = value
	case "args":
		f.args = value
	case "id":
		f.id = value
	case "id2":
		f.id2 = value
	case "bind_id":
		f.bind = value
	case "flow_in":
		f.mark(flowIn, value, "true")
	case "flow_out":
		f.mark(flowOut, value, "true")
	case "bp":
		f.mark(bindEnclosing, value, `"e"`)
	default:
		f.more = f.more || !known(key)
	}
}

func (f *fields) mark(m flowMark, value []byte, wanted string) {
	if string(value) == wanted {
		f.flow |= m
	}
}

// identity is the ID of an asynchronous event or flow. A local one is unique in its process only.
func (f *fields) identity() []byte {
	switch {
	case len(f.id) > 0:
		return f.id
	case len(f.bind) > 0:
		return f.bind
	case len(f.id2) == 0:
		return nil
	}
	if global := value(f.id2, "global"); len(global) > 0 {
		return global
	}
	return slicesJoin(f.pid, value(f.id2, "local"))
}

func slicesJoin(a, b []byte) []byte { return append(append(bytes.Clone(a), '/'), b...) }

// known reports whether a member of an event is displayed elsewhere or concerns only how the event is painted.
func known(key []byte) bool {
	switch string(key) {
	case "name", "cat", "ph", "ts", "dur", "pid", "tid", "args", "id", "id2", "bind_id", "flow_in", "flow_out", "bp",
		"cname", "sf", "esf", "s", "scope", "tts":
		return true
	}
	return false
}

// value is the value of a member of an object, nil if there is none.
func value(object []byte, name string) []byte {
	s := scan.New(object)
	for key, ok := s.First(); ok; key, ok = s.Key() {
		if value := taken(&s); string(key) == name {
			return value
		}
	}
	return nil
}

// members calls visit for each member of an object.
func members(object []byte, visit func(key, value []byte)) {
	s := scan.New(object)
	for key, ok := s.First(); ok; key, ok = s.Key() {
		if value := taken(&s); len(value) > 0 {
			visit(key, value)
		}
	}
}

// taken takes a value; of one that is cut off with the text, as details are, what there is.
func taken(s *scan.Scanner) []byte {
	s.Peek()
	rest := s.Rest()
	if value := s.Skip(); value != nil {
		return value
	}
	return rest
}

// text is a value as text: strings without their quotes, everything else as it is in the file.
func text(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		if string(raw) == "null" {
			return ""
		}
		return valid(raw)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return valid(raw[1 : len(raw)-1])
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return valid(raw[1 : len(raw)-1])
	}
	return s
}

// appendText appends a value as text in one line, if it is no text of several.
func appendText(to, raw []byte) []byte {
	switch {
	case len(raw) > 1 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0:
		return append(to, raw[1:len(raw)-1]...)
	case len(raw) > 0 && (raw[0] == '{' || raw[0] == '['):
		return appendCompact(to, raw)
	default:
		return append(to, text(raw)...)
	}
}

// appendCompact appends an array or object without the white space between its parts.
func appendCompact(to, raw []byte) []byte {
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\\' && quoted && i+1 < len(raw):
			to = append(to, c)
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\r' || c == '\t'):
			continue
		}
		to = append(to, raw[i])
	}
	return to
}

// textList is a list of texts, empty if the value is none.
func textList(raw []byte) (list []string) {
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

func valid(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}

// clip shortens a text to at most size bytes.
func clip(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size]
}

// Moments between these are not those of a clock that counts from when a machine or program started.
const (
	year2000 = 946_684_800_000_000_000
	year2100 = 4_102_444_800_000_000_000
)

// maxMicros bounds moments and durations to half of what 64 bits of nanoseconds hold, so that they can be added.
const maxMicros = 4_600_000_000_000_000

// nanoseconds reads microseconds, as a number or a number in quotes, with nothing lost down to a nanosecond.
func nanoseconds(raw []byte) (int64, bool) {
	if len(raw) > 2 && raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	digits := raw
	negative := len(raw) > 0 && raw[0] == '-'
	if negative {
		digits = raw[1:]
	}
	if len(digits) == 0 {
		return 0, false
	}
	n, places := int64(0), -1 // places after the point
	for _, c := range digits {
		switch {
		case c == '.' && places < 0:
			places = 0
		case c < '0' || c > '9':
			return scientific(raw)
		case places < 0:
			if n = n*10 + int64(c-'0'); n > maxMicros {
				return 0, false
			}
		case places < 3:
			n = n*10 + int64(c-'0')
			places++
		case places == 3:
			if c >= '5' {
				n++ // the fourth place rounds the third
			}
			places++
		}
	}
	for places = max(places, 0); places < 3; places++ {
		n *= 10
	}
	if negative {
		n = -n
	}
	return n, true
}

// scientific reads microseconds with an exponent.
func scientific(raw []byte) (int64, bool) {
	us, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(us) > maxMicros {
		return 0, false
	}
	return int64(math.Round(us * 1000)), true
}

// texts numbers texts, so that equal ones are kept once. Number 0 is the empty one.
type texts struct {
	all     []string
	numbers map[string]int32
	written map[string]writtenText // by how they are written in the file
	recent  [256]writtenText
	pool    pool
}

// writtenText is the number of a text by how it is written.
type writtenText struct {
	raw    string
	number int32
}

// decoded numbers a value of the file.
func (t *texts) decoded(raw []byte) int32 {
	if len(raw) == 0 {
		return 0
	}
	r := &t.recent[(len(raw)+int(raw[len(raw)/2])*31+int(raw[max(0, len(raw)-2)])*7)%len(t.recent)]
	if r.raw == string(raw) {
		return r.number
	}
	w, ok := t.written[string(raw)]
	if !ok {
		w = writtenText{string(raw), t.number(text(raw))}
		if t.written == nil {
			t.written = map[string]writtenText{}
		}
		t.written[w.raw] = w
	}
	*r = w
	return w.number
}

// id is a number for the ID of a flow or asynchronous event, which is an integer mostly.
func (t *texts) id(raw []byte) int64 {
	if len(raw) < 18 {
		n := int64(0)
		for _, c := range raw {
			if c < '0' || c > '9' {
				return -1 - int64(t.decoded(raw))
			}
			n = n*10 + int64(c-'0')
		}
		return n
	}
	return -1 - int64(t.decoded(raw))
}

// number numbers a text.
func (t *texts) number(s string) int32 {
	n, ok := t.numbers[s]
	if !ok {
		if t.numbers == nil {
			t.numbers = map[string]int32{}
		}
		n = int32(len(t.all))
		t.all = append(t.all, s)
		t.numbers[s] = n
	}
	return n
}
