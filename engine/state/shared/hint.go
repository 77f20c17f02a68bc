package shared

import (
	"context"
	"slices"

	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// maxHints is how many idle workers one commit wakes at most.
const maxHints = 64

// hint is for commits that certainly make more nodes ready than this session takes: nodes with a single parent and
// the roots of a fan-out. For other nodes the hint is sent after the answer. The lock is held.
func (r *run) hint(drafts []*member.Draft, want int) Hint {
	if r.state.Others() == 0 {
		return Hint{} // no other session is known; after the answer is soon enough
	}
	certain := map[ledger.Class]int{}
	for _, d := range drafts {
		c := &d.Commit
		for i := range c.Edges {
			if e := &c.Edges[i]; e.Waits == 1 && e.Hold == 0 && !e.Bad {
				certain[e.Class]++
			}
		}
		for i := range c.Ends {
			if x := c.Ends[i].Expand; x != nil {
				for _, root := range x.Roots {
					certain[root.Class] += int(x.Width)
				}
			}
		}
	}
	for _, own := range r.layout.Own {
		if n := certain[own]; n > 0 {
			certain[own] = max(0, n-want)
			want = max(0, want-n)
		}
	}
	var h Hint
	for c, n := range certain {
		if n > 0 {
			h.Functions = append(h.Functions, r.layout.ClassName(c))
			h.N = min(max(h.N, n), maxHints)
		}
	}
	slices.Sort(h.Functions)
	return h
}

// wake hints to other processes that nodes are ready and unclaimed, except for functions that were hinted already.
func (r *run) wake(readied map[ledger.Class]int, hinted []string) {
	if len(readied) == 0 {
		return
	}
	names := make([]string, 0, len(readied))
	byName := make(map[string]int, len(readied))
	most := 0
	for c, n := range readied {
		name := r.layout.ClassName(c)
		byName[name] = n
		if !slices.Contains(hinted, name) {
			names = append(names, name)
			most = max(most, n)
		}
	}
	slices.Sort(names)
	r.store.cfg.Invoke(r.id, byName, r.rules.Invokers)
	if most > 0 {
		r.spawn(func(ctx context.Context) {
			_ = r.backend.Wake(ctx, r.id, names, min(most, maxHints)) // a hint: a worker that misses it polls
		})
	}
}
