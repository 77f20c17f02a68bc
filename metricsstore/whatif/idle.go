package whatif

import (
	"math"
	"slices"
	"sort"

	"github.com/dagscope/dagscope/engine/dag"
)

const maxTime = math.MaxInt64

func nodeID(n int) dag.NodeID { return dag.NodeID(n) }

// idleTimes says at which moments any lane was idle.
type idleTimes struct{ begins, ends []int64 }

// add adds the time of one lane from, including, one moment to another.
func (t *idleTimes) add(from, to int64) {
	if from < to {
		t.begins, t.ends = append(t.begins, from), append(t.ends, to)
	}
}

func (t *idleTimes) sort() {
	slices.Sort(t.begins)
	slices.Sort(t.ends)
}

// lastBefore is the latest moment up to at, just before which any lane was idle; the least number if there is none.
func (t *idleTimes) lastBefore(at int64) int64 {
	begun := sort.Search(len(t.begins), func(i int) bool { return t.begins[i] >= at })
	over := sort.Search(len(t.ends), func(i int) bool { return t.ends[i] >= at })
	switch {
	case begun > over:
		return at
	case over > 0:
		return t.ends[over-1]
	}
	return math.MinInt64
}
