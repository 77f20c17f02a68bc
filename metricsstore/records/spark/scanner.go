package spark

import (
	"bytes"
	"math"
	"strconv"
)

// scanner steps through the JSON of one line without copying it. It checks what it needs to step: that brackets and
// quotes pair, and that members are separated. Most of a line is passed over, so this is what reading costs.
//
// After each key one of object, list, number, truth or skip takes its value.
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

// first enters the object that the line is and returns its first key.
func (s *scanner) first() ([]byte, bool) {
	if !s.object() {
		return nil, false
	}
	return s.key()
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

// leave passes over the rest of the object that was entered last, up to after its end.
func (s *scanner) leave() {
	for s.at < len(s.line) && !s.broken {
		switch step[s.line[s.at]] {
		case 0:
			s.at++
		case '"':
			s.quoted()
		case '{':
			s.nested()
		case '}':
			s.at++
			return
		}
	}
	s.broken = true
}

// list enters a list. If the value is something else, it passes over it and returns false.
func (s *scanner) list() bool {
	if s.peek() != '[' {
		s.skip()
		return false
	}
	s.at++
	return true
}

// more reports whether the list that was entered last has a further value, which is to be taken next.
func (s *scanner) more() bool {
	c := s.peek()
	if c == ',' {
		s.at++
		c = s.peek()
	}
	if c == ']' {
		s.at++
		return false
	}
	s.broken = s.broken || c == 0
	return !s.broken
}

// jump passes over a value up to where a text follows that begins with what closes the value, if it does follow.
func (s *scanner) jump(text []byte, closes int) bool {
	i := bytes.Index(s.line[s.at:], text)
	if i < 0 {
		return false
	}
	s.at += i + closes
	return true
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
	if end := s.peek(); s.at > begin && (end == ',' || end == '}' || end == ']') {
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

// quoted passes over a string, from its first quote to after its last. Most are short.
func (s *scanner) quoted() {
	line := s.line
	begin := s.at + 1
	for i := begin; i < min(begin+shortText, len(line)); i++ {
		switch line[i] {
		case '"':
			s.at = i + 1
			return
		case '\\':
			i++
		}
	}
	s.longQuoted(begin)
}

const shortText = 24

// longQuoted passes over a string that begins at begin, looking for quotes that no backslash escapes.
func (s *scanner) longQuoted(begin int) {
	for i := begin; ; i++ {
		next := bytes.IndexByte(s.line[i:], '"')
		if next < 0 {
			s.at, s.broken = len(s.line), true
			return
		}
		i += next
		escapes := 0
		for s.line[i-1-escapes] == '\\' { // ends at the first quote
			escapes++
		}
		if escapes%2 == 0 {
			s.at = i + 1
			return
		}
	}
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
