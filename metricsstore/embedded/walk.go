package embedded

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// site is a bucket of the file: the root, one of those in it, or that of a run.
type site struct {
	bucket string // empty for the root
	run    record.RunID
}

func (p site) String() string {
	switch {
	case p.run != "":
		return "run " + string(p.run)
	case p.bucket != "":
		return "bucket " + p.bucket
	}
	return "the buckets"
}

// fits reports whether the bucket may have a key.
func (p site) fits(key []byte) bool {
	var err error
	switch {
	case len(key) == 0:
		return false
	case p.run != "":
		return fitsRun(key)
	case p.bucket == runsBucket:
		_, err = metricsstore.ParsePosition(key)
	case p.bucket == rollupsBucket:
		var k metricsstore.RollupKey
		if k, err = metricsstore.ParseRollupKey(key); err == nil {
			_, err = record.ParseRunID(string(k.Run))
		}
	case p.bucket == dataBucket, p.bucket == leasesBucket, p.bucket == liveBucket:
		_, err = record.ParseRunID(string(key))
	case p.bucket == historyBucket:
		return bytes.IndexByte([]byte{builtRow, cellRow, dayRow, hourRow, looseRow, knownRow}, key[0]) >= 0
	}
	return err == nil
}

// fitsRun reports whether the bucket of a run may have a key.
func fitsRun(key []byte) bool {
	switch key[0] {
	case annotationRow, headerRow, totalsRow, faultsRow:
		return len(key) == 1
	case blockRow, workerRow:
		return len(key) == 9
	case detailRow:
		return len(key) == 1+metricsstore.DetailKeyLen
	case rollupRow:
		_, err := metricsstore.ParseRollupKey(key[1:])
		return err == nil
	case attachmentRow:
		return len(key) > 1
	}
	return false
}

// inside is the bucket of a name in this one; ok is false where none can be.
func (p site) inside(name []byte) (in site, ok bool) {
	switch {
	case p.bucket == "":
		return site{bucket: bucketName(name)}, true
	case p.bucket == dataBucket && p.run == "":
		return site{bucket: dataBucket, run: record.RunID(name)}, true
	}
	return site{}, false
}

// bucketName is the name of a bucket of the root, of which one bit may be flipped.
func bucketName(name []byte) string {
	for _, known := range allBuckets() {
		if isOneBitOff(known, string(name)) {
			return known
		}
	}
	return string(name)
}

// pageFault is something that is wrong with the pages of the file.
type pageFault struct {
	site
	err  error
	lost bool // a part of the site was not found where it should be
}

// walk visits the pages of a state. It is used by one goroutine.
type walk struct {
	f         *pageFile
	codec     *codec
	root      fileRoot
	version   uint64              // of the format, 0 for unknown
	free      map[uint64]bool     // pages, nil where the list of them cannot be used
	seen      []bool              // pages that belong to the tree, or to the list of free pages
	spare     []uint64            // pages that are allocated and not needed
	parents   map[uint64][]uint64 // which pages refer to a page; nil where that is not known
	faults    []pageFault
	leads     []claim              // that could not be followed
	each      func(site, *element) // called for every row
	waiting   []claim
	queue     []claim         // claims that a rule has to decide
	disputed  map[uint64]bool // pages that two claims fit
	searching bool            // among pages that nothing refers to
	shared    bool            // skip the pages that belong to one run
}

func newWalk(f *pageFile, c *codec, each func(site, *element)) (*walk, error) {
	root, damage, err := f.findRoot()
	if err != nil {
		return nil, err
	}
	// A length that was damaged must not cost memory that the file has no pages for.
	known := min(root.pages, uint64(f.size/f.pageSize)+1)
	w := &walk{f: f, codec: c, root: root, seen: make([]bool, known), each: each, disputed: map[uint64]bool{}}
	if damage != nil {
		w.fault(site{}, damage, false)
	}
	if int64(root.pages)*f.pageSize > f.size {
		w.fault(site{}, fmt.Errorf("the file is cut off at %d of %d bytes", f.size, int64(root.pages)*f.pageSize), false)
	}
	return w, nil
}

func (w *walk) fault(p site, err error, lost bool) {
	w.faults = append(w.faults, pageFault{p, err, lost})
}

// run visits all pages. Where some cannot be found, it looks for them among those that nothing refers to. A thorough
// walk knows from the start which pages refer to which, and so which of several references to one page is right.
func (w *walk) run(isThorough bool) {
	w.readFree()
	if isThorough && w.free != nil {
		w.findParents()
	}
	w.follow(claim{page: w.root.root})
	w.settle()
	if lost := w.checkUse(); lost || len(w.leads) > 0 {
		w.search()
	}
}

// through visits the elements of a page.
func (w *walk) through(c claim, p *page) {
	if p.damage != nil {
		w.fault(c.site, p.damage, true)
		w.leads = append(w.leads, c)
	}
	if p.within(c.low, c.high) < len(p.elements) || !p.inOrder() {
		w.fault(c.site, fmt.Errorf("page %d has keys out of order", p.id), true)
	}
	for i := range p.elements {
		e := &p.elements[i]
		switch {
		case p.isLeaf:
			w.row(c.site, e)
		case i+1 < len(p.elements):
			w.follow(claim{c.site, e.child, e.key, p.elements[i+1].key})
		default:
			w.follow(claim{c.site, e.child, e.key, c.high})
		}
	}
}

// row reports a row, or visits a bucket.
func (w *walk) row(at site, e *element) {
	if at.bucket == metaBucket {
		w.readVersion(e)
	}
	in, ok := at.inside(e.key)
	if ok != e.isBucket {
		w.fault(at, fmt.Errorf("%q is a bucket: %t", e.key, e.isBucket), false)
	}
	if !ok {
		w.each(at, e)
		return
	}
	if at.bucket == "" && in.bucket != string(e.key) {
		w.fault(at, fmt.Errorf("bucket %s is called %q", in.bucket, e.key), false)
	}
	w.bucket(in, e)
}

// bucket visits the bucket in a row.
func (w *walk) bucket(in site, e *element) {
	head, err := w.f.readAt(e.at, bucketHead)
	if err != nil || e.size < bucketHead {
		w.fault(in, fmt.Errorf("its bucket cannot be read"), true)
		w.leads = append(w.leads, claim{site: in})
		return
	}
	root := binary.NativeEndian.Uint64(head)
	if e.size == bucketHead {
		if p, err := w.f.page(root, in.fits); err == nil && len(w.parents[root]) == 1 {
			in = w.named(in, &p)
		}
		w.each(in, nil) // it exists, even where it is empty
		if !w.shared || in.run == "" {
			w.follow(claim{site: in, page: root})
		}
		return
	}
	if root != 0 {
		w.fault(in, fmt.Errorf("its bucket is in its row and in page %d", root), false)
	}
	p, err := w.f.inline(e, in.fits)
	if err == nil {
		in = w.named(in, &p)
	}
	w.each(in, nil)
	if err != nil {
		w.fault(in, err, true)
		w.leads = append(w.leads, claim{site: in})
		return
	}
	w.through(claim{site: in}, &p)
}

// readVersion reads the version of the format; a flipped bit in it is found by its seal.
func (w *walk) readVersion(e *element) {
	value, err := w.f.readAt(e.at, e.size)
	if err == nil && string(e.key) == versionKey {
		w.version, err = readVersion(value)
	}
	if string(e.key) != versionKey {
		err = fmt.Errorf("the format version is called %q", e.key)
	}
	if err == nil {
		return
	}
	w.fault(site{bucket: metaBucket}, err, false)
	for i := range 8 * len(value) {
		value[i/8] ^= 1 << (i % 8)
		if v, err := readVersion(value); err == nil && len(value) > sealLen {
			w.version = v
		}
		value[i/8] ^= 1 << (i % 8)
	}
}

// readFree reads the list of free pages.
func (w *walk) readFree() {
	list, span, hasSpare, err := w.f.free(w.root)
	if err != nil {
		w.fault(site{}, fmt.Errorf("the list of free pages: %w", err), false)
		return
	}
	w.own(w.root.freelist, span)
	if hasSpare {
		w.spare = append(w.spare, w.root.freelist+span)
	}
	w.free = make(map[uint64]bool, len(list))
	for _, id := range list {
		w.free[id] = true
	}
}

// checkUse compares the list of free pages with the pages in use. It reports whether some pages are neither.
func (w *walk) checkUse() (lost bool) {
	if w.free == nil {
		return false
	}
	for _, id := range w.spare {
		if id < uint64(len(w.seen)) && (w.seen[id] || w.free[id]) {
			w.fault(site{}, fmt.Errorf("page %d belongs to two", id), false)
		}
		w.own(id, 1)
	}
	for id := uint64(2); id < uint64(len(w.seen)); id++ {
		switch {
		case w.seen[id] && w.free[id]:
			w.fault(site{}, fmt.Errorf("page %d is in use and listed as free", id), false)
		case !w.seen[id] && !w.free[id] && !w.shared:
			if !lost {
				w.fault(site{}, fmt.Errorf("page %d is neither in use nor listed as free", id), false)
			}
			lost = true
		}
	}
	return lost
}
