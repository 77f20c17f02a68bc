package chrometrace

import (
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// naming makes IDs of the names of spans: the first of a name has it as ID, further ones have it with a number.
type naming struct {
	bases []int32         // the text number of what each ID begins with
	known map[int32]int32 // that of each name of events
	likes map[string]bool // names that look like those of further ones
	times map[int32]int   // how often each was used
}

// longID is where names are cut off for IDs.
const longID = 100

func newNaming(spans int) *naming {
	return &naming{
		bases: make([]int32, 0, spans), known: map[int32]int32{}, likes: map[string]bool{}, times: map[int32]int{},
	}
}

// add takes the next span, whose event has that name.
func (n *naming) add(t *trace, name int32, s *records.Span) {
	base := s.ID
	if base == "" {
		base = s.Name
	}
	if base != t.texts.all[name] {
		n.bases = append(n.bases, n.number(t, base))
		return
	}
	number, ok := n.known[name]
	if !ok {
		number = n.number(t, base)
		n.known[name] = number
	}
	n.bases = append(n.bases, number)
}

func (n *naming) number(t *trace, base string) int32 {
	base = clip(base, longID)
	if strings.HasSuffix(base, ")") {
		n.likes[base] = true
	}
	return t.texts.number(base)
}

// give gives the spans that were added, in that order, their IDs.
func (n *naming) give(t *trace, spans []records.Span) {
	var id []byte
	for i, base := range n.bases {
		text := t.texts.all[base]
		for {
			n.times[base]++
			if n.times[base] == 1 {
				spans[i].ID = text
				break
			}
			id = append(strconv.AppendInt(append(append(id[:0], text...), " ("...), int64(n.times[base]), 10), ')')
			if len(n.likes) == 0 || !n.likes[string(id)] {
				spans[i].ID = t.texts.pool.text(id)
				break
			}
		}
	}
}
