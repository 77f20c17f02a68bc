package shared

import (
	"context"
	"slices"

	"github.com/dagscope/dagscope/engine/state/ledger"
)

// maxHints is how many sleepers one commit wakes.
const maxHints = 64

// hint lets a hint leave with commits that certainly make more ready than this session takes: what waits for one end only,
// and the roots of a fan-out. Of the rest the answer tells. The lock is held.
func (r *run) hint(drafts []*draft, want int) {
	if r.share.outside == 0 {
		return // nobody is known who could sleep; the answer is soon enough
	}
	certain := map[ledger.Class]int{}
	for _, d := range drafts {
		c := &d.call.Commit
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
	for _, own := range r.layout.own {
		if n := certain[own]; n > 0 {
			certain[own] = max(0, n-want)
			want = max(0, want-n)
		}
	}
	h := &drafts[len(drafts)-1].call.Wake
	for c, n := range certain {
		if n > 0 {
			h.Functions = append(h.Functions, r.layout.className(c))
			h.N = min(max(h.N, n), maxHints)
		}
	}
	slices.Sort(h.Functions)
}

// wake tells others of nodes that nobody has got, except where hinted functions run them.
func (r *run) wake(readied map[ledger.Class]int, hinted []string) {
	if len(readied) == 0 {
		return
	}
	names := make([]string, 0, len(readied))
	byName := make(map[string]int, len(readied))
	most := 0
	for c, n := range readied {
		name := r.layout.className(c)
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
			_ = r.backend.Wake(ctx, r.id, names, min(most, maxHints)) // a hint: whoever misses it looks by himself
		})
	}
}
