package findings

import (
	"slices"

	"github.com/dagscope/dagscope/metricsstore/analysis"
)

// Rules by which the reason is chosen.
const (
	// That the run was at a standstill comes first from this share of the makespan on: the workflow did not cause it.
	standstillFirst = 0.2
	// A chain that is so near to work ÷ slots says more: slots would not have helped.
	asNear = 0.95
	// All work in lengths of the chain: up to here, what is not on it does not count.
	oneChain = 1.05
	// Share of the chain that a straggler alone has to hold up.
	heldUp = 0.5
)

// reason is why a run took as long as it did, and how much of its makespan that explains, in nanoseconds.
type reason struct {
	kind Kind
	ns   float64
}

// reasonsOf is the bound that is nearest to the makespan; if that is a standstill, the reason of the rest follows.
func reasonsOf(b *analysis.Bounds) []reason {
	stood := []reason{{Paused, b.PathTime.Paused}, {Continued, b.PathTime.Over}}
	for _, s := range stood {
		if s.ns/b.Makespan() >= standstillFirst {
			return []reason{s, nearest(b, nil)}
		}
	}
	reasons := []reason{nearest(b, stood)}
	if kind := reasons[0].kind; kind == Paused || kind == Continued {
		reasons = append(reasons, nearest(b, nil))
	}
	return reasons
}

// nearest is the reason with the greatest bound, of standstills only those that are given.
func nearest(b *analysis.Bounds, stood []reason) reason {
	p := &b.PathTime
	best, bound := slotsOrChain(b)
	for _, r := range slices.Concat([]reason{
		{Moving, p.Moving},
		{Engine, p.Engine},
		{Again, p.Again},
		{Backoff, p.Backoff},
		{Waiting, p.Free},
		{Absent, p.Absent},
		{Blocked, p.Blocked},
		{Unready, p.Unready},
	}, stood) {
		if r.ns > bound {
			best, bound = r, r.ns
		}
	}
	return best
}

// slotsOrChain is what keeps slots at work, with its bound, which binds if all slots are at work or if tasks wait for each
// other.
func slotsOrChain(b *analysis.Bounds) (reason, float64) {
	// If one slot executed tiny tasks alone, the path waited for that, however many slots there were.
	bound, work, kind := max(b.WorkNS, b.PathTime.Full), &b.Work, Full
	if held := float64(b.HeldChain.Length); held >= asNear*bound {
		bound, work, kind = held, &b.ChainWork, chainKind(b)
	}
	most := max(work.Execute, work.Moving, work.Engine, work.Again)
	share := 1.0
	if total := work.Total(); total > 0 {
		share = most / total
	}
	switch most {
	case work.Execute:
		return reason{kind, bound}, bound
	case work.Moving:
		return reason{Moving, bound * share}, bound
	case work.Engine:
		return reason{Engine, bound * share}, bound
	}
	return reason{Again, bound * share}, bound
}

func chainKind(b *analysis.Bounds) Kind {
	held := float64(b.HeldChain.Length)
	if s := b.Straggler; s != nil && slices.Contains(b.HeldChain.Nodes, s.Node) && s.Late >= heldUp*held {
		return Straggler
	}
	if b.Work.Total() <= oneChain*held {
		return Serial
	}
	return Chain
}
