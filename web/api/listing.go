package api

import (
	"iter"
	"sort"

	"github.com/dagscope/dagscope/metricsstore"
)

// listing lists runs by Position, the latest first. Neither it nor what it points to is ever changed.
type listing []*metricsstore.Candidate

// runs gives the runs of a listing in order.
func (l listing) runs() iter.Seq[*metricsstore.Run] {
	return func(yield func(*metricsstore.Run) bool) {
		for _, c := range l {
			if !yield(&c.Run) {
				return
			}
		}
	}
}

// find gives the place of a position, or where it would be.
func (l listing) find(p metricsstore.Position) (at int, found bool) {
	at = sort.Search(len(l), func(i int) bool { return !l[i].Position().Before(p) })
	return at, at < len(l) && l[at].Position() == p
}

// after gives what stands behind a run, which need not be listed.
func (l listing) after(p metricsstore.Position) listing {
	at, found := l.find(p)
	if found {
		at++
	}
	return l[at:]
}
