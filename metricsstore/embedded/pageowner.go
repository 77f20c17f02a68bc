package embedded

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// ownership says whether a page is that of a given run.
type ownership uint8

const (
	unknown ownership = iota
	own
	foreign
)

// samples is how many children or rows of a page are examined: one of them may be damaged.
const samples = 3

// whose decides from headers and seals in a page, or below it, whether it belongs to a run; for no run it is unknown.
func (w *walk) whose(run record.RunID, p *page, depth int) (found ownership) {
	const deepest = 6 // more than 10^9 rows have
	if run == "" || depth > deepest {
		return unknown
	}
	if p.isLeaf {
		return w.whoseRows(run, p)
	}
	for i := range p.elements[:min(samples, len(p.elements))] {
		child, err := w.f.page(p.elements[i].child, site{bucket: dataBucket, run: run}.fits)
		if err != nil {
			continue
		}
		switch w.whose(run, &child, depth+1) {
		case own:
			return own
		case foreign:
			found = foreign
		}
	}
	return found
}

// whoseRows is whose for a leaf. It examines small rows first, which are quick to read.
func (w *walk) whoseRows(run record.RunID, p *page) (found ownership) {
	asked := 0
	for _, small := range []bool{true, false} {
		for i := range p.elements {
			e := &p.elements[i]
			if small != (e.size < w.f.pageSize) {
				continue
			}
			value, err := w.f.readAt(e.at, e.size)
			if err != nil {
				continue
			}
			switch w.codec.whose(run, e.key, value) {
			case own:
				return own
			case foreign:
				found = foreign
				if asked++; asked == samples {
					return foreign
				}
			}
		}
	}
	return found
}

// whose decides from its seal whether a row belongs to a run, and from a header also where that has no seal. For no
// run it decides whether a row outside the buckets of runs is where it belongs.
func (c *codec) whose(run record.RunID, key, value []byte) ownership {
	packed, kind := value, byte(0)
	if run != "" {
		kind = key[0]
	}
	switch kind {
	case headerRow:
		h, err := c.unpackHeader(value)
		switch {
		case err != nil:
			return unknown
		case h.Info.ID == run:
			return own
		}
		return foreign
	case blockRow:
		b, err := blockHead(key, value)
		if err != nil {
			return unknown
		}
		packed = b.Data
	case workerRow:
		var err error
		if _, packed, err = workerHead(value); err != nil {
			return unknown
		}
	case rollupRow, totalsRow:
		return unknown
	}
	if !isSealed(packed) {
		return unknown
	}
	if _, err := locationOf(run, key).opened(value); err != nil {
		return foreign
	}
	return own
}

// owner is the run whose rows are in a page or below it, according to its header; empty where that is not found.
func (w *walk) owner(p *page) record.RunID {
	for depth := 0; !p.isLeaf && depth < 64; depth++ {
		i, found := slices.BinarySearchFunc(p.elements, []byte{headerRow}, func(e element, key []byte) int { return bytes.Compare(e.key, key) })
		if !found {
			i--
		}
		if i < 0 {
			return ""
		}
		child, err := w.f.page(p.elements[i].child, site{run: "any"}.fits)
		if err != nil {
			return ""
		}
		p = &child
	}
	for i := range p.elements {
		if e := &p.elements[i]; e.key[0] == headerRow && len(e.key) == 1 {
			h, err := w.header(e)
			if err != nil {
				return ""
			}
			return h.Info.ID
		}
	}
	return ""
}

// header reads the header in a row.
func (w *walk) header(e *element) (h metricsstore.Header, err error) {
	value, err := w.f.readAt(e.at, e.size)
	if err != nil {
		return h, err
	}
	return w.codec.unpackHeader(value)
}

// named corrects the name of the bucket of a run to that in its header, where one bit of the name was flipped.
func (w *walk) named(in site, p *page) site {
	if w.parents == nil || in.run == "" || w.whose(in.run, p, 0) == own {
		return in
	}
	owner := w.owner(p)
	if owner == "" || !isOneBitOff(string(owner), string(in.run)) {
		return in
	}
	w.fault(site{bucket: in.bucket, run: owner}, fmt.Errorf("its bucket is called %q", in.run), false)
	in.run = owner
	return in
}

// isOneBitOff reports whether two names differ in one bit.
func isOneBitOff(a, b string) bool {
	flipped := 0
	for i := 0; i < len(a) && len(a) == len(b); i++ {
		flipped += bits.OnesCount8(a[i] ^ b[i])
	}
	return flipped == 1
}
