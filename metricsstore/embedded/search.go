package embedded

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// lacks reports whether a page of a run could not be followed.
func (w *walk) lacks(run record.RunID) bool {
	return slices.ContainsFunc(w.leads, func(c claim) bool { return c.run == run })
}

// search looks for lost pages among those that are neither referred to nor free. Where the list of free pages is
// damaged too, outdated pages are among them, so pages that were found earlier take precedence.
func (w *walk) search() {
	w.searching = true
	lost := map[uint64]bool{}
	below := map[uint64]bool{} // another one that is lost
	for id := uint64(2); id < uint64(len(w.seen)); id++ {
		if w.seen[id] || w.free[id] {
			continue
		}
		p, err := w.f.page(id, func([]byte) bool { return true })
		if err != nil || p.damage != nil || len(p.elements) == 0 {
			continue
		}
		lost[id] = true
		for i := range p.elements {
			below[w.leadsTo(&p, &p.elements[i])] = true
		}
	}
	// Pages that others refer to come with those, unless they are outdated and were refused.
	for _, led := range []bool{false, true} {
		for id := uint64(2); id < uint64(len(w.seen)); id++ {
			if lost[id] && below[id] == led && !w.seen[id] {
				if at, ok := w.guess(id); ok {
					w.takeFound(claim{site: at, page: id})
				}
			}
		}
	}
}

// takeFound takes a page that nothing refers to.
func (w *walk) takeFound(c claim) {
	p, err := w.f.page(c.page, c.fits)
	if err == nil && w.refusal(c, &p) == nil {
		w.accept(c, &p)
		w.settle()
	}
}

// leadsTo is the page that an element of a page refers to, 0 for none.
func (w *walk) leadsTo(p *page, e *element) uint64 {
	if !p.isLeaf {
		return e.child
	}
	head, err := w.f.readAt(e.at, bucketHead)
	if err != nil || !e.isBucket {
		return 0
	}
	return binary.NativeEndian.Uint64(head)
}

// guess decides from its keys where a page belongs: the candidate that most of them fit.
func (w *walk) guess(id uint64) (at site, ok bool) {
	root, err := w.f.page(id, func([]byte) bool { return true })
	if err != nil {
		return at, false
	}
	leaf := root
	for depth := 0; !leaf.isLeaf && depth < 64; depth++ {
		if leaf, err = w.f.page(leaf.elements[0].child, func([]byte) bool { return true }); err != nil || len(leaf.elements) == 0 {
			return at, false
		}
	}
	data, rollups := site{bucket: dataBucket}, site{bucket: rollupsBucket}
	var runs, rows, sums int
	for i := range leaf.elements {
		switch e := &leaf.elements[i]; {
		case e.isBucket && data.fits(e.key):
			runs++
		case e.isBucket:
		case fitsRun(e.key):
			rows++
		case rollups.fits(e.key) && w.isRollup(e): // keys of other buckets may look the same, their values do not
			sums++
		}
	}
	switch most := max(runs, rows, sums); {
	case most == 0:
		return at, false
	case most == runs:
		return data, true
	case most == sums:
		return rollups, true
	}
	run := w.owner(&root)
	if run == "" {
		run = w.sealer(&root)
	}
	if run == "" {
		run = w.loser(leaf.elements[0].key)
	}
	return site{bucket: dataBucket, run: run}, run != ""
}

func (w *walk) isRollup(e *element) bool {
	r, err := metricsstore.ParseRollupKey(e.key)
	if err != nil {
		return false
	}
	value, err := w.f.readAt(e.at, e.size)
	if err == nil {
		value, err = w.codec.unpack(locationOf("", e.key), value)
	}
	_, unread := (&metricsstore.Rollup{RollupKey: r, Data: value}).Unpack()
	return err == nil && unread == nil
}

// sealer is the run that lacks pages and whose seals are in a page.
func (w *walk) sealer(p *page) record.RunID {
	for _, c := range w.leads {
		if w.whose(c.run, p, 0) == own {
			return c.run
		}
	}
	return ""
}

// loser is the only run that lacks a page with a key, or any page.
func (w *walk) loser(key []byte) record.RunID {
	var lacking, losing []record.RunID
	for _, l := range w.leads {
		if l.run == "" {
			continue
		}
		if bytes.Compare(key, l.low) >= 0 && (l.high == nil || bytes.Compare(key, l.high) < 0) {
			lacking = append(lacking, l.run)
		}
		losing = append(losing, l.run)
	}
	for _, runs := range [][]record.RunID{lacking, losing} {
		if runs = slices.Compact(runs); len(runs) == 1 {
			return runs[0]
		}
	}
	return ""
}

// rowRef is where in the file the value of a row is.
type rowRef struct{ at, size int64 }

// savedRun is what was found of a run.
type savedRun struct {
	rows    map[string]rowRef
	lost    []error // why pages of the run cannot be read
	isFound bool    // among pages that nothing refers to
}

// saved is what was found in a file.
type saved struct {
	walk   *walk
	runs   map[record.RunID]*savedRun
	listed map[record.RunID]metricsstore.Position
	other  map[string]map[string]rowRef // of the roll-ups, leases and logs, by bucket
}

// findAll finds all rows in a file. The error is errNoRoot.
func findAll(f *pageFile, c *codec) (*saved, error) {
	s := &saved{
		runs: map[record.RunID]*savedRun{}, listed: map[record.RunID]metricsstore.Position{},
		other: map[string]map[string]rowRef{rollupsBucket: {}, leasesBucket: {}, adoptedBucket: {}},
	}
	var err error
	if s.walk, err = newWalk(f, c, s.add); err != nil {
		return nil, err
	}
	s.walk.run(true)
	for _, fault := range s.walk.faults {
		if r := s.runs[fault.run]; r != nil && fault.lost {
			r.lost = append(r.lost, fault.err)
		}
	}
	return s, nil
}

// add adds a row; of two with one key, the one with a valid seal, or else the first, which is in the tree where the
// other was only found. Outdated pages that were found add nothing to a run that is complete.
func (s *saved) add(at site, e *element) {
	switch {
	case at.run != "":
		r := s.runs[at.run]
		if r == nil {
			r = &savedRun{rows: map[string]rowRef{}, isFound: s.walk.searching}
			s.runs[at.run] = r
		}
		if e != nil && (!s.walk.searching || r.isFound || s.walk.lacks(at.run)) {
			s.note(r.rows, e, at.run)
		}
	case e == nil:
	case at.bucket == runsBucket:
		if p, err := metricsstore.ParsePosition(e.key); err == nil {
			s.listed[p.Run] = p
		}
	case s.other[at.bucket] != nil:
		s.note(s.other[at.bucket], e, "")
	}
}

// note adds a row, replacing one whose seal says that it belongs elsewhere.
func (s *saved) note(rows map[string]rowRef, e *element, run record.RunID) {
	if before, ok := rows[string(e.key)]; ok {
		value, err := s.walk.f.readAt(before.at, before.size)
		if err == nil && s.walk.codec.whose(run, e.key, value) != foreign {
			return
		}
	}
	rows[string(e.key)] = rowRef{e.at, e.size}
}
