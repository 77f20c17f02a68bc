package scan

// Member is where a member of an object is: its key, without the quotes, and its value, in bytes from the beginning of
// the object.
type Member struct{ Key, KeyEnd, Value, End int32 }

// EndOfObject is End for an object that begins at text[i], and appends its members to those in to, if there is an end.
func EndOfObject(text []byte, i int, to []Member) (end int, members []Member) {
	n := len(to)
	end = wholeObject(text, i+1, maxLevels-1, &to)
	if end == 0 {
		return 0, to[:n]
	}
	for k := range to[n:] {
		m := &to[n+k]
		m.Key, m.KeyEnd, m.Value, m.End = m.Key-int32(i), m.KeyEnd-int32(i), m.Value-int32(i), m.End-int32(i)
	}
	return end, to
}

// Members appends the members of the object that text is, by a Scanner: it need be no JSON in all details. It reports
// whether text is an object.
func Members(text []byte, to []Member) ([]Member, bool) {
	n := len(to)
	s := New(text)
	if s.Peek() != '{' {
		return to, false
	}
	s.Object()
	for begin, end, ok := s.key(); ok; begin, end, ok = s.key() {
		size := len(s.Skip())
		to = append(to, Member{int32(begin), int32(end), int32(s.at - size), int32(s.at)})
	}
	if !s.Done() {
		return to[:n], false
	}
	return to, true
}
