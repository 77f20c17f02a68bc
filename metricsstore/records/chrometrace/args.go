package chrometrace

import (
	"bytes"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// args keeps what events say beyond what all of them do. Of their arguments many are the same from event to event, such
// as the shapes of tensors: these are kept once, and only the others for each event.
type args struct {
	blocks  [][]byte // members of each event, one after the other
	common  [][]byte // objects of members that events have in common, from number 1
	numbers map[string]int32
	own     []byte // reused
	shared  []byte
}

// argsAt is where the arguments of an event are.
type argsAt struct {
	block, from, size uint32
	common            int32 // number of an object, 0 for none
	whole             bool  // it is the event, not only its arguments
}

// maxCommon bounds the objects that events may have in common, and maxCommonSize each of them in bytes. What is beyond
// is kept for each event.
const (
	maxCommon     = 1 << 16
	maxCommonSize = 4 << 10
)

// keepEvent keeps all that an event says.
func (a *args) keepEvent(raw []byte) argsAt {
	at := a.add(raw)
	at.whole = true
	return at
}

// keep keeps an object of arguments.
func (a *args) keep(object []byte) argsAt {
	if !a.divide(object) {
		return a.add(object)
	}
	number, ok := a.numbers[string(a.shared)]
	if !ok {
		if len(a.common) == maxCommon || len(a.shared) > maxCommonSize {
			return a.add(object)
		}
		if a.numbers == nil {
			a.numbers, a.common = map[string]int32{}, [][]byte{nil}
		}
		number = int32(len(a.common))
		a.common = append(a.common, bytes.Clone(a.shared))
		a.numbers[string(a.shared)] = number
	}
	at := a.add(a.own)
	at.common = number
	return at
}

// divide makes two objects of one: of members that differ from event to event, and of the others. It reports whether
// there are others.
func (a *args) divide(object []byte) bool {
	a.own, a.shared = a.own[:0], a.shared[:0]
	s := scan.New(object)
	for key, ok := s.First(); ok; key, ok = s.Key() {
		value := s.Skip()
		if differs(value) {
			a.own = appendMember(a.own, key, value)
		} else {
			a.shared = appendMember(a.shared, key, value)
		}
	}
	if len(a.own) > 0 {
		a.own = append(a.own, '}')
	}
	if len(a.shared) > 0 {
		a.shared = append(a.shared, '}')
	}
	return s.Done() && len(a.shared) > 0
}

// differs reports whether a value is likely to be another one in the next event: a number or address of some length.
func differs(value []byte) bool {
	value = bytes.TrimPrefix(value, []byte{'"'})
	return len(value) >= 4 && value[0]-'0' < 10
}

// appendMember appends a member to an object that is not closed.
func appendMember(object, key, value []byte) []byte {
	if len(object) == 0 {
		object = append(object, '{')
	} else {
		object = append(object, ',')
	}
	object = append(append(object, '"'), key...)
	return append(append(object, '"', ':'), value...)
}

// add keeps text in a block.
func (a *args) add(text []byte) argsAt {
	text = text[:min(len(text), 4*records.MaxText)]
	last := len(a.blocks) - 1
	if last < 0 || cap(a.blocks[last])-len(a.blocks[last]) < len(text) {
		size := 64 << 10 << min(len(a.blocks), 5)
		a.blocks = append(a.blocks, make([]byte, 0, max(size, len(text))))
		last++
	}
	from := len(a.blocks[last])
	a.blocks[last] = append(a.blocks[last], text...)
	return argsAt{block: uint32(last), from: uint32(from), size: uint32(len(text))}
}

// ownOf is what is kept for the event alone, nil if nothing is.
func (a *args) ownOf(at argsAt) []byte {
	if at.size == 0 {
		return nil
	}
	return a.blocks[at.block][at.from : at.from+at.size]
}

// get is an argument, nil if the event does not have it.
func (a *args) get(at argsAt, key string) []byte {
	own := a.ownOf(at)
	if at.whole {
		return value(value(own, "args"), key)
	}
	if v := value(own, key); v != nil || at.common == 0 {
		return v
	}
	return value(a.common[at.common], key)
}

// appendOwn appends what is kept for the event alone, a line for each fact.
func (a *args) appendOwn(log []byte, at argsAt) []byte {
	own := a.ownOf(at)
	if !at.whole {
		return appendFacts(log, own)
	}
	members(own, func(key, value []byte) {
		switch {
		case string(key) == "args":
			log = appendFacts(log, value)
		case !known(key):
			log = appendFact(log, key, value)
		}
	})
	return log
}

// appendFacts appends a line for each member of an object.
func appendFacts(log, object []byte) []byte {
	members(object, func(key, value []byte) { log = appendFact(log, key, value) })
	return log
}

// appendFact appends a line, if the log is not full.
func appendFact(log, key, value []byte) []byte {
	if len(log) > records.MaxText {
		return log
	}
	if len(log) > 0 {
		log = append(log, '\n')
	}
	return appendText(append(append(log, key...), ' '), value)
}
