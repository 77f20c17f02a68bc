package records

import (
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// alignClocks moves all spans of a worker by the same time, by the least that lets no span start before its parent.
// Compile could not do it: periods touch what is between them, so each of its corrections would contradict another.
// Nothing is moved if no such times exist, or if fewer spans were within their parents then: a start that was entered
// by hand is no clock.
func (f *forest) alignClocks() {
	lacks, workers := f.lacks()
	if lacks == nil {
		return
	}
	shift := make([]Moment, workers)
	for round, changed := 0, true; changed; round++ {
		changed = false
		for pair, lack := range lacks {
			if moved := shift[pair[0]] + lack; moved > shift[pair[1]] {
				shift[pair[1]], changed = moved, true
			}
		}
		if round > workers {
			return // clocks that drift
		}
	}
	before := f.contained()
	f.move(shift, 1)
	if f.contained() < before {
		f.move(shift, -1)
		return
	}
	moved := slices.DeleteFunc(slices.Clone(shift), func(d Moment) bool { return d == 0 })
	f.notes.Add(record.NoteRepaired, int64(len(moved)), fmt.Sprintf(
		"workers have spans that start before their parents on others, by clocks that differ, so all their spans were moved, by up to %s",
		time.Duration(slices.Max(moved))))
}

// lacks returns, for each pair of workers, by how much the second one's clock must at least be ahead of the first one's
// so that no span on the second starts before its parent on the first; nil if none does. workers is their number.
func (f *forest) lacks() (lacks map[[2]int32]Moment, workers int) {
	lacks = map[[2]int32]Moment{}
	violated := false
	for i := range f.spans {
		s := &f.spans[i]
		workers = max(workers, int(s.Worker)+1)
		if s.Parent == None || !s.Start.Known() {
			continue
		}
		p := &f.spans[s.Parent]
		if !p.Start.Known() || p.Worker == s.Worker || p.Worker < 0 || s.Worker < 0 {
			continue
		}
		lack := p.Start - s.Start
		violated = violated || lack > f.slack(int32(i), s.Parent)
		pair := [2]int32{p.Worker, s.Worker}
		if old, known := lacks[pair]; !known || lack > old {
			lacks[pair] = lack
		}
	}
	if !violated {
		return nil, workers
	}
	return lacks, workers
}

// contained is the number of spans that lie within their parents.
func (f *forest) contained() int {
	n := 0
	for i := range f.spans {
		if p := f.spans[i].Parent; p != None && f.relate(int32(i), p) == contained {
			n++
		}
	}
	return n
}

// move moves the spans of each worker.
func (f *forest) move(shift []Moment, sign Moment) {
	for i := range f.spans {
		s := &f.spans[i]
		if s.Worker < 0 {
			continue
		}
		for _, m := range [...]*Moment{&s.Ready, &s.Start, &s.End} {
			if m.Known() {
				*m += sign * shift[s.Worker]
			}
		}
	}
}
