package chrometrace

import (
	"cmp"
	"slices"
	"sync"
)

// timePlace is where an event is in the order of time.
type timePlace struct {
	at     int64
	number int32 // of the event in the order of the file, of which maxEvents are not too many
}

func (p timePlace) compare(q timePlace) int {
	return cmp.Or(cmp.Compare(p.at, q.at), cmp.Compare(p.number, q.number))
}

// sort puts the events into the order of time.
func (t *trace) sort() {
	places := make([]timePlace, 0, t.count)
	for _, block := range t.blocks {
		for i := range block {
			places = append(places, timePlace{block[i].at, int32(len(places))})
		}
	}
	places = sorted(places)
	t.events = make([]event, len(places))
	for i, p := range places {
		t.events[i] = t.blocks[p.number/eventBlock][p.number%eventBlock]
	}
	t.blocks = nil
}

// sorted sorts both halves of places at once, and merges them.
func sorted(places []timePlace) []timePlace {
	if slices.IsSortedFunc(places, timePlace.compare) {
		return places
	}
	a, b := places[:len(places)/2], places[len(places)/2:]
	var sorting sync.WaitGroup
	sorting.Go(func() { slices.SortFunc(a, timePlace.compare) })
	slices.SortFunc(b, timePlace.compare)
	sorting.Wait()
	merged := make([]timePlace, 0, len(places))
	for len(a) > 0 && len(b) > 0 {
		if a[0].compare(b[0]) < 0 {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...)
}
