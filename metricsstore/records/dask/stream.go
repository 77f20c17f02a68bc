package dask

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// entry is one task of a task stream.
type entry struct {
	Key       keyText  `json:"key"`
	Worker    string   `json:"worker"`
	Thread    any      `json:"thread"`
	Periods   []period `json:"startstops"`
	Status    string   `json:"status"`
	Bytes     *int64   `json:"nbytes"`
	Typename  string   `json:"typename"`
	Exception string   `json:"exception_text"`
	Traceback string   `json:"traceback_text"`
}

// thread is the identifier of the thread as text.
func (e *entry) thread() string {
	switch v := e.Thread.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// period is what a worker did for a task: transfer, compute, disk-read, disk-write, deserialize.
type period struct {
	action   string
	from, to records.Moment
	source   string
}

// UnmarshalJSON implements json.Unmarshaler. Before distributed 2.2, a period was a list.
func (p *period) UnmarshalJSON(text []byte) error {
	var fields struct {
		Action string   `json:"action"`
		Start  *float64 `json:"start"`
		Stop   *float64 `json:"stop"`
		Source string   `json:"source"`
	}
	if text[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return err
		}
		for i, into := range []any{&fields.Action, &fields.Start, &fields.Stop, &fields.Source} {
			if i < len(list) {
				if err := json.Unmarshal(list[i], into); err != nil {
					return err
				}
			}
		}
	} else if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	*p = period{fields.Action, moment(fields.Start), moment(fields.Stop), fields.Source}
	return nil
}

// moment is that of seconds since 1970, rounded to what a float of that size can tell apart: 0.24 µs.
func moment(seconds *float64) records.Moment {
	if seconds == nil || !(*seconds > 0 && *seconds < 9e9) {
		return records.Unknown
	}
	whole, rest := math.Modf(*seconds)
	return records.Moment(whole)*1e9 + records.Moment(math.Round(rest*1e9))
}

// keyText is a key as Python prints it: newer versions write tuples as lists.
type keyText string

// UnmarshalJSON implements json.Unmarshaler.
func (k *keyText) UnmarshalJSON(text []byte) error {
	var word string
	if json.Unmarshal(text, &word) == nil {
		*k = keyText(word)
		return nil
	}
	*k = keyText(python(text))
	return nil
}

// python prints a JSON value as Python would.
func python(text json.RawMessage) string {
	var list []json.RawMessage
	var word string
	switch {
	case json.Unmarshal(text, &word) == nil && string(text) != "null":
		return "'" + word + "'"
	case len(text) > 0 && text[0] == '[' && len(text) < 4096 && json.Unmarshal(text, &list) == nil:
		parts := make([]string, len(list))
		for i := range list {
			parts[i] = python(list[i])
		}
		if len(parts) == 1 {
			return "(" + parts[0] + ",)"
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	return string(text)
}

// function is what the keys of one operation have in common: "sum" of "sum-3f2a…" and of "('sum-3f2a…', 0, 1)".
func function(key string) string {
	name := key
	if rest, found := strings.CutPrefix(name, "("); found {
		name, _, _ = strings.Cut(strings.TrimLeft(rest, "('\""), "'")
	}
	words := strings.Split(name, "-")
	kept := words[:1]
	for _, w := range words[1:] {
		if !isWord(w) {
			break
		}
		kept = append(kept, w)
	}
	short := strings.Trim(strings.Join(kept, "-"), " ,.'\"")
	if short == "" || len(short) == 32 && isHex(short) {
		return "data" // a key that is only a hash
	}
	return short
}

// isWord reports whether a part of a key belongs to the name of the operation rather than to its hash.
func isWord(w string) bool {
	if w == "" || len(w) == 8 && isHex(w) {
		return false
	}
	return strings.IndexFunc(w, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' }) < 0
}

func isHex(w string) bool {
	return strings.IndexFunc(w, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }) < 0
}
