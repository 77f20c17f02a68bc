package analysis

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/dagscope/dagscope/engine/record"
)

// Occupancy is how many slots worked over the makespan, and what the others waited for. Times are nanoseconds.
type Occupancy struct {
	// StarvedSlots is the time of slots that existed and were idle because nothing was ready, added up; Starved is the time
	// in which that was so for any slot.
	StarvedSlots, Starved float64
	// StarvedBy are the rows that held a slot meanwhile, and for how long of it, the longest first; at most 3.
	StarvedBy []RowTime
	// Solo is the time in which exactly one of several slots worked and nothing was ready, SoloRows the same by the row
	// that held the slot, the longest first.
	Solo     float64
	SoloRows []RowTime

	full, absent curve
}

// RowTime is a time of one row of the run's table.
type RowTime struct {
	Row int
	NS  float64
}

// curve is a time that grows steadily between the moments at which it is known.
type curve struct{ at, value []float64 }

// growth is how much a curve grows between two moments.
func (c *curve) growth(from, to float64) float64 {
	if !(to > from) {
		return 0
	}
	return c.valueAt(to) - c.valueAt(from)
}

func (c *curve) valueAt(at float64) float64 {
	next := sort.Search(len(c.at), func(i int) bool { return c.at[i] > at })
	if next == 0 {
		return 0
	}
	before := c.value[next-1]
	if next == len(c.at) {
		return before
	}
	share := (at - c.at[next-1]) / (c.at[next] - c.at[next-1])
	return before + float64(share*(c.value[next]-before)) // no fused operation: the page has none
}

// namedRows is how many rows are named as those that others waited for.
const namedRows = 3

// change is what a moment changes in the counts of a sweep.
type change struct {
	at                               float64
	ready, busy, tiny, slots, stalls int8
	row                              int32
}

// sweep passes over the changes of a run in the order of time.
type sweep struct {
	ready, busy, tiny, slots, stalls int
	rows                             int // sum of the rows that hold a slot: of exactly one, the row itself
	at, until                        float64
	full, absent                     float64
	solo                             map[int]float64
	starved                          []float64 // of each row that is still held, minus what was starved before it
	out                              Occupancy
}

// occupancy sweeps over the moments at which attempts became ready, were claimed and were over, and slots came and went.
func (r *Run) occupancy(slots []slot, gaps []float64, from, until float64) Occupancy {
	s := sweep{at: from, until: until, solo: map[int]float64{}, starved: make([]float64, len(gaps))}
	s.point()
	for _, c := range r.changes(slots, gaps) {
		if c.at > until {
			break
		}
		s.pass(c.at)
		s.change(&c)
	}
	s.pass(until)
	for row, ns := range s.solo {
		s.out.SoloRows = append(s.out.SoloRows, RowTime{row, ns})
	}
	slices.SortFunc(s.out.SoloRows, longestFirst)
	s.out.StarvedBy = r.starvedBy(&s)
	return s.out
}

func longestFirst(x, y RowTime) int {
	return cmp.Or(cmp.Compare(y.NS, x.NS), cmp.Compare(x.Row, y.Row))
}

// pass lets time pass up to a moment.
func (s *sweep) pass(to float64) {
	to = min(to, s.until)
	ns := to - s.at
	if !(ns > 0) {
		return
	}
	idle := s.slots - s.busy
	switch {
	case s.stalls > 0:
	case s.slots == 0:
		s.absent += ns
	case idle <= 0 || s.tiny > 0 && s.ready > 0: // no other slot is woken for tiny tasks
		s.full += ns
	case s.ready == 0:
		s.out.Starved += ns
		s.out.StarvedSlots += float64(float64(idle) * ns)
		if s.busy == 1 {
			s.out.Solo += ns
			s.solo[s.rows] += ns
		}
	}
	s.at = to
	s.point()
}

func (s *sweep) point() {
	s.out.full.at, s.out.full.value = append(s.out.full.at, s.at), append(s.out.full.value, s.full)
	s.out.absent.at, s.out.absent.value = s.out.full.at, append(s.out.absent.value, s.absent)
}

func (s *sweep) change(c *change) {
	s.ready += int(c.ready)
	s.slots += int(c.slots)
	s.stalls += int(c.stalls)
	s.tiny += int(c.tiny)
	if c.busy != 0 {
		s.busy += int(c.busy)
		s.rows += int(c.busy) * int(c.row)
		s.starved[c.row] -= float64(c.busy) * s.out.Starved
	}
}

// starvedBy lists the rows with most starved time while they were held.
func (r *Run) starvedBy(s *sweep) []RowTime {
	var found []RowTime
	a := &r.attempts
	for row, ns := range s.starved {
		if !(a.claimed[row] <= s.until) {
			continue
		}
		over := a.updated[row]
		if math.IsNaN(over) {
			over = r.endNS
		}
		if max(over, a.claimed[row]) > s.until {
			ns += s.out.Starved
		}
		if ns <= 0 || len(found) == namedRows && ns <= found[namedRows-1].NS {
			continue
		}
		found = append(found, RowTime{row, ns})
		slices.SortFunc(found, longestFirst)
		found = found[:min(len(found), namedRows)]
	}
	return found
}

// changes lists what changes the counts of a sweep, ascending. At equal moments slots come first, those that leave before
// those that join, then standstills, then attempts in the order of the table.
func (r *Run) changes(slots []slot, gaps []float64) []change {
	all := slotChanges(slots)
	for _, s := range r.standstills {
		all = append(all, change{at: s.From, stalls: 1}, change{at: s.To, stalls: -1})
	}
	for row := range gaps {
		all = r.appendAttempt(all, row, gaps[row])
	}
	all = slices.DeleteFunc(all, func(c change) bool { return math.IsNaN(c.at) || math.IsInf(c.at, 1) })
	slices.SortStableFunc(all, func(x, y change) int { return cmp.Compare(x.at, y.at) })
	return all
}

func slotChanges(slots []slot) []change {
	var all []change
	for _, s := range slots {
		if !math.IsInf(s.from, 1) {
			all = append(all, change{at: s.from, slots: 1}, change{at: s.to, slots: -1})
		}
	}
	slices.SortStableFunc(all, func(x, y change) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.slots, y.slots))
	})
	return all
}

// appendAttempt appends the changes by an attempt. A slot is at work from the moment at which the engine begins to claim.
func (r *Run) appendAttempt(to []change, row int, gap float64) []change {
	a := &r.attempts
	if a.outcome[row] == record.OutcomeSkipped {
		return to
	}
	at := int32(row)
	ready, over := a.ready[row], a.updated[row]
	if math.IsNaN(a.claimed[row]) { // as far as is known
		to = append(to, change{at: ready, ready: 1, row: at})
		if !math.IsNaN(ready) {
			to = append(to, change{at: over, ready: -1, row: at})
		}
		return to
	}
	claimed, tiny := a.claimed[row]-gap, int8(0)
	if a.isTiny(row, gap) {
		tiny = 1
	}
	if !(ready <= claimed) {
		ready = claimed
	}
	if math.IsNaN(over) {
		over = r.endNS
	}
	return append(to, change{at: ready, ready: 1, row: at},
		change{at: claimed, ready: -1, busy: 1, tiny: tiny, row: at}, change{at: max(claimed, over), busy: -1, tiny: -tiny, row: at})
}
