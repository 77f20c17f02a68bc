package spark

import (
	"math"
	"strconv"
)

// scanner steps through the JSON of one line without copying it. It checks what it needs to step: that brackets and
// quotes pair, and that members are separated. Most of a line is passed over, so this is what reading costs.
//
// After each key one of object, number, text, truth or skip takes its value.
type scanner struct {
	line   []byte
	at     int
	broken bool // the line is no JSON; everything returns zero from then on
}

// object enters an object. If the value is something else, it passes over it and returns false.
func (s *scanner) object() bool {
	if s.peek() != '{' {
		s.skip()
		return false
	}
	s.at++
	return true
}

// key returns the next key of the object that was entered last, without its quotes and as it is spelled, or false at
// the end of the object.
func (s *scanner) key() ([]byte, bool) {
	c := s.peek()
	if c == ',' {
		s.at++
		c = s.peek()
	}
	if c == '}' {
		s.at++
		return nil, false
	}
	if c != '"' {
		s.broken = true
		return nil, false
	}
	begin := s.at + 1
	s.quoted()
	end := s.at - 1
	if s.peek() != ':' {
		s.broken = true
		return nil, false
	}
	s.at++
	return s.line[begin:end], !s.broken
}

// number takes an integer, or a number or text that stands for one. What is none, or does not fit, is math.MinInt64.
func (s *scanner) number() int64 {
	c := s.peek()
	negative := c == '-'
	if negative {
		s.at++
	}
	n, begin := int64(0), s.at
	for s.at < len(s.line) && s.line[s.at]-'0' < 10 && s.at-begin < 18 {
		n = 10*n + int64(s.line[s.at]-'0')
		s.at++
	}
	if end := s.peek(); s.at > begin && (end == ',' || end == '}') {
		if negative {
			n = -n
		}
		return n
	}
	if s.at = begin; negative {
		s.at--
	}
	raw := s.skip()
	if len(raw) > 1 && raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(f) > 1<<62 {
		return math.MinInt64
	}
	return int64(f)
}

// truth takes a truth value; whatever is not true is false.
func (s *scanner) truth() bool { return string(s.skip()) == "true" }

// skip takes any value and returns its bytes.
func (s *scanner) skip() []byte {
	c := s.peek()
	begin := s.at
	switch c {
	case '"':
		s.quoted()
	case '{', '[':
		s.nested()
	default:
		for s.at < len(s.line) && !ends[s.line[s.at]] {
			s.at++
		}
		s.broken = s.broken || s.at == begin
	}
	if s.broken {
		return nil
	}
	return s.line[begin:s.at]
}

// done reports whether the whole line was one value and nothing else.
func (s *scanner) done() bool { return s.peek() == 0 && s.at == len(s.line) && !s.broken }

// ends are the bytes that end a number or a word.
var ends = [256]bool{',': true, '}': true, ']': true, ' ': true, '\t': true, '\r': true, '\n': true, ':': true, '"': true}

// peek goes to what follows spaces and returns its first byte, 0 at the end of the line.
func (s *scanner) peek() byte {
	for s.at < len(s.line) {
		c := s.line[s.at]
		if c > ' ' || c == 0 {
			return c
		}
		s.at++
	}
	return 0
}

// quoted passes over a string, from its first quote to after its last.
func (s *scanner) quoted() {
	line := s.line
	for i := s.at + 1; i < len(line); i++ {
		switch line[i] {
		case '"':
			s.at = i + 1
			return
		case '\\':
			i++
		}
	}
	s.at, s.broken = len(line), true
}

// nested passes over an object or array.
func (s *scanner) nested() {
	line, depth := s.line, 0
	for i := s.at; i < len(line); i++ {
		switch step[line[i]] {
		case 0:
		case '"':
			s.at = i
			s.quoted()
			i = s.at - 1
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				s.at = i + 1
				return
			}
		}
	}
	s.at, s.broken = len(line), true
}

// step says what nested has to do at a byte.
var step = [256]byte{'"': '"', '{': '{', '[': '{', '}': '}', ']': '}'}
