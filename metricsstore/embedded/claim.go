package embedded

import (
	"bytes"
	"fmt"
	"slices"
)

// claim is a reference to a page, from a page above it or from the row of a bucket.
type claim struct {
	site
	page      uint64
	low, high []byte // its keys are from low to before high, nil for no bound
}

// follow visits a page and all pages below it. A page that may be the wrong one waits until all other claims are
// settled.
func (w *walk) follow(c claim) {
	if !w.takeSure(c) {
		w.waiting = append(w.waiting, c)
	}
}

// settle decides about the claims that wait, the surest first.
func (w *walk) settle() {
	rules := []func(claim) bool{w.takeSure, w.takeFitting, w.takeAdjacent, w.takeContested, w.takeAny}
	for len(w.waiting) > 0 {
		for _, rule := range rules {
			if w.apply(rule) { // the last rule always does
				break
			}
		}
	}
}

// apply applies a rule to all claims that wait, and reports whether it has decided any.
func (w *walk) apply(rule func(claim) bool) (decided bool) {
	w.queue, w.waiting = w.waiting, nil
	for len(w.queue) > 0 {
		c := w.queue[0]
		w.queue = w.queue[1:]
		if rule(c) {
			decided = true
		} else {
			w.waiting = append(w.waiting, c)
		}
	}
	return decided
}

// accept visits a page that belongs to a claim.
func (w *walk) accept(c claim, p *page) {
	w.own(p.id, p.span)
	if p.hasSpare {
		w.spare = append(w.spare, p.id+p.span)
	}
	w.through(c, p)
}

// own marks pages as belonging to a site.
func (w *walk) own(first, span uint64) {
	for id := first; id < min(first+span, uint64(len(w.seen))); id++ {
		w.seen[id] = true
	}
}

// takeSure takes a page that is exactly what its reference says, and that nothing else refers to.
func (w *walk) takeSure(c claim) bool {
	p, err := w.f.page(c.page, c.fits)
	if err != nil || len(w.parents[p.id]) > 1 || !w.isExact(c, &p) {
		return false
	}
	w.accept(c, &p)
	return true
}

// takeFitting takes a page that lacks its first key, as happens when that is deleted.
func (w *walk) takeFitting(c claim) bool {
	p, err := w.f.page(c.page, c.fits)
	if err != nil || len(w.parents[p.id]) > 1 || !w.isFitting(c, &p) {
		return false
	}
	w.accept(c, &p)
	return true
}

// takeAdjacent takes the intended page where one bit of its number was flipped: nothing refers to that page.
func (w *walk) takeAdjacent(c claim) bool {
	var found []page
	for bit := range 64 {
		p, err := w.f.page(c.page^1<<bit, c.fits)
		if err == nil && len(w.parents[p.id]) == 0 && w.isExact(c, &p) {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		return false
	}
	meant := &found[0]
	if p, err := w.f.page(c.page, c.fits); err == nil && w.isExact(c, &p) && !w.isBelow(p.id, meant.id) &&
		!w.otherWants(&p, func(o claim) bool { return !w.isExact(o, meant) }) {
		return false // they are equally good
	}
	w.fault(c.site, fmt.Errorf("page %d is called page %d", meant.id, c.page), false)
	w.accept(c, meant)
	return true
}

// takeContested takes a page that is exactly what its reference says, where no other reference to it fits.
func (w *walk) takeContested(c claim) bool {
	p, err := w.f.page(c.page, c.fits)
	if err != nil || w.disputed[p.id] || !w.isExact(c, &p) || w.otherWants(&p, func(claim) bool { return true }) {
		return false
	}
	w.accept(c, &p)
	return true
}

// takeAny takes a page unless it, or most of its keys, belong to something else. It always decides.
func (w *walk) takeAny(c claim) bool {
	p, err := w.f.page(c.page, c.fits)
	if err == nil && w.isExact(c, &p) && w.otherWants(&p, func(claim) bool { return true }) {
		w.disputed[p.id] = true
	}
	if err == nil {
		err = w.refusal(c, &p)
	}
	if err != nil {
		w.fault(c.site, err, true)
		w.leads = append(w.leads, c)
		return true
	}
	w.accept(c, &p)
	return true
}

// refusal says why a page cannot be what its reference says.
func (w *walk) refusal(c claim, p *page) error {
	n := len(p.elements)
	switch {
	case 2*p.within(c.low, c.high) < n, 2*p.fitting(c.site) < n:
		return fmt.Errorf("page %d has keys that do not belong here", p.id)
	case w.isSeen(p):
		return fmt.Errorf("page %d belongs to something else", p.id)
	case w.disputed[p.id]:
		return fmt.Errorf("page %d may belong to something else", p.id)
	case w.free[p.id] && w.whose(c.run, p, 0) == foreign:
		return fmt.Errorf("page %d is free", p.id)
	}
	return nil
}

// isExact reports whether a page is exactly what its reference says.
func (w *walk) isExact(c claim, p *page) bool {
	return (c.low == nil || len(p.elements) > 0 && bytes.Equal(p.elements[0].key, c.low)) && w.isFitting(c, p)
}

// isFitting reports whether a page may be what its reference says: nothing is wrong with it or its keys.
func (w *walk) isFitting(c claim, p *page) bool {
	n := len(p.elements)
	return p.damage == nil && !w.free[p.id] && !w.isSeen(p) && p.within(c.low, c.high) == n && p.fitting(c.site) == n &&
		w.whose(c.run, p, 0) != foreign
}

// isSeen reports whether a part of a page belongs to something else.
func (w *walk) isSeen(p *page) bool {
	first := min(p.id, uint64(len(w.seen)))
	return slices.Contains(w.seen[first:min(p.id+p.span, uint64(len(w.seen)))], true)
}

// otherWants reports whether another waiting claim is for exactly this page, and satisfies the condition.
func (w *walk) otherWants(p *page, is func(claim) bool) bool {
	wants := func(o claim) bool { return o.page == p.id && w.isExact(o, p) && is(o) }
	return slices.ContainsFunc(w.waiting, wants) || slices.ContainsFunc(w.queue, wants)
}

// isBelow reports whether a page is reachable from another one.
func (w *walk) isBelow(id, above uint64) bool {
	const deepest = 16
	for level, depth := []uint64{id}, 0; len(level) > 0 && depth < deepest; depth++ {
		var next []uint64
		for _, id := range level {
			next = append(next, w.parents[id]...)
		}
		if slices.Contains(next, above) {
			return true
		}
		slices.Sort(next)
		level = slices.Compact(next)
	}
	return false
}

// findParents notes which pages refer to which.
func (w *walk) findParents() {
	w.parents = map[uint64][]uint64{}
	for id := uint64(2); id < uint64(len(w.seen)); id++ {
		if w.free[id] {
			continue
		}
		p, err := w.f.page(id, func([]byte) bool { return true })
		if err != nil || p.damage != nil {
			continue
		}
		for i := range p.elements {
			if child := w.leadsTo(&p, &p.elements[i]); child != 0 {
				w.parents[child] = append(w.parents[child], id)
			}
		}
	}
}

// fitting counts the elements that a bucket may have.
func (p *page) fitting(at site) (n int) {
	for i := range p.elements {
		e := &p.elements[i]
		_, isBucket := at.inside(e.key)
		if at.fits(e.key) && (!p.isLeaf || e.isBucket == isBucket) {
			n++
		}
	}
	return n
}

// within counts the keys from low to before high.
func (p *page) within(low, high []byte) (n int) {
	for i := range p.elements {
		if key := p.elements[i].key; bytes.Compare(key, low) >= 0 && (high == nil || bytes.Compare(key, high) < 0) {
			n++
		}
	}
	return n
}

// inOrder reports whether each key is greater than the one before.
func (p *page) inOrder() bool {
	for i := 1; i < len(p.elements); i++ {
		if bytes.Compare(p.elements[i-1].key, p.elements[i].key) >= 0 {
			return false
		}
	}
	return true
}
