package otlp

import (
	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// maxNested is how deep lists are written out, as each level takes stack. What is deeper is written as it is.
const maxNested = 16

// appendValue appends a value of an attribute as people write it.
func appendValue(to []byte, s *scan.Scanner, level int) []byte {
	if s.Peek() != '{' {
		return append(to, scan.Plain(s.Skip())...)
	}
	from := len(to)
	for key, ok := s.First(); ok; key, ok = s.Key() {
		to = to[:from] // there is one; of several, the last counts
		switch string(key) {
		case "arrayValue", "array_value":
			to = appendList(to, s, level, false)
		case "kvlistValue", "kvlist_value":
			to = appendList(to, s, level, true)
		default:
			to = append(to, scan.Plain(s.Skip())...)
		}
	}
	return to
}

// appendList appends an object with a list of values, or of pairs.
func appendList(to []byte, s *scan.Scanner, level int, ofPairs bool) []byte {
	if level == maxNested {
		return append(to, s.Skip()...)
	}
	to = append(to, '[')
	isFirst := true
	for key, ok := s.First(); ok; key, ok = s.Key() {
		if string(key) != "values" {
			s.Skip()
			continue
		}
		for in := s.List(); in && s.More(); {
			if !isFirst {
				to = append(to, ", "...)
			}
			isFirst = false
			if ofPairs {
				to = appendPair(to, s, level+1)
			} else {
				to = appendValue(to, s, level+1)
			}
		}
	}
	return append(to, ']')
}

// appendPair appends a name and its value.
func appendPair(to []byte, s *scan.Scanner, level int) []byte {
	var name, value []byte
	for key, ok := s.First(); ok; key, ok = s.Key() {
		switch string(key) {
		case "key":
			name = scan.Plain(s.Skip())
		case "value":
			value = s.Skip()
		default:
			s.Skip()
		}
	}
	of := scan.New(value)
	return appendValue(append(append(to, name...), '='), &of, level)
}
