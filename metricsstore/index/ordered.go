package index

import (
	"iter"
	"slices"
	"sort"
	"time"

	"github.com/dagscope/dagscope/metricsstore"
)

// ordered lists items by their start, the earliest first, so that new ones come last.
type ordered []*item

// at is the index of a position, or where it would be inserted.
func (o ordered) at(p metricsstore.Position) (at int, found bool) {
	return slices.BinarySearchFunc(o, p, func(it *item, p metricsstore.Position) int { return p.Compare(it.Position()) })
}

func (o *ordered) insert(it *item) {
	at, _ := o.at(it.Position())
	*o = slices.Insert(*o, at, it)
}

func (o *ordered) remove(it *item) {
	if at, found := o.at(it.Position()); found {
		*o = slices.Delete(*o, at, at+1)
	}
}

// before are the items that started before a run, and of those with an equal start the ones that are listed after it.
func (o ordered) before(p metricsstore.Position) ordered {
	at, _ := o.at(p)
	return o[:at]
}

// between are the items that started in a period, whose end is not included; zero is no bound.
func (o ordered) between(from, to time.Time) ordered {
	started := func(t time.Time) int {
		return sort.Search(len(o), func(i int) bool { return !time.Unix(0, o[i].StartedNS).Before(t) })
	}
	low, high := 0, len(o)
	if !from.IsZero() {
		low = started(from)
	}
	if !to.IsZero() {
		high = started(to)
	}
	return o[low:max(low, high)]
}

// forward iterates over the entries, the earliest first.
func (o ordered) forward() iter.Seq[*metricsstore.Entry] {
	return func(yield func(*metricsstore.Entry) bool) {
		for _, it := range o {
			if !yield(&it.Entry) {
				return
			}
		}
	}
}

// backward iterates over the entries, the latest first.
func (o ordered) backward() iter.Seq[*metricsstore.Entry] {
	return func(yield func(*metricsstore.Entry) bool) {
		for _, it := range slices.Backward(o) {
			if !yield(&it.Entry) {
				return
			}
		}
	}
}
