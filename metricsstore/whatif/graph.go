package whatif

import "github.com/dagscope/dagscope/engine/plan/simulate"

// inOrder lists the nodes so that each comes after those that it waits for.
func inOrder(rows *simulate.Rows) []uint32 {
	nodes := len(rows.First) - 1
	waits := make([]int32, nodes)
	for _, c := range rows.Nodes {
		waits[c]++
	}
	order := make([]uint32, 0, nodes)
	for n, w := range waits {
		if w == 0 {
			order = append(order, uint32(n))
		}
	}
	for i := 0; i < len(order); i++ {
		for _, c := range rows.Of(order[i]) {
			if waits[c]--; waits[c] == 0 {
				order = append(order, c)
			}
		}
	}
	return order
}
