package analysis

import (
	"cmp"
	"math"
	"slices"

	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// lane is one slot of a worker with the attempts it ran, in the order of their claims.
type lane struct {
	worker, slot uint16
	rows         []int32
	// start is when each was claimed, end when each was over, and reach the latest end up to each: ends may overlap where
	// clocks disagree.
	start, end, reach []float64
}

// lanesOf lists the lanes that worked, by worker and slot. What has no end lasts until the end of the run.
func (a *attempts) lanesOf(runEnd float64) []lane {
	byKey := map[[2]uint16][]int32{}
	for row := range a.node {
		if a.worker[row] != runtable.NoWorker && !math.IsNaN(a.claimed[row]) {
			key := [2]uint16{a.worker[row], a.slot[row]}
			byKey[key] = append(byKey[key], int32(row))
		}
	}
	lanes := make([]lane, 0, len(byKey))
	for key, rows := range byKey {
		slices.SortStableFunc(rows, func(x, y int32) int { return cmp.Compare(a.claimed[x], a.claimed[y]) })
		l := lane{worker: key[0], slot: key[1], rows: rows}
		reach := -infinity
		for _, row := range rows {
			end := a.updated[row]
			if math.IsNaN(end) {
				end = runEnd
			}
			reach = max(reach, end)
			l.start, l.end, l.reach = append(l.start, a.claimed[row]), append(l.end, end), append(l.reach, reach)
		}
		lanes = append(lanes, l)
	}
	slices.SortFunc(lanes, func(x, y lane) int {
		return cmp.Or(cmp.Compare(x.worker, y.worker), cmp.Compare(x.slot, y.slot))
	})
	return lanes
}
