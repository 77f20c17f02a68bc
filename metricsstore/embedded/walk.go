package embedded

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// site is a bucket of the file: the root, one of those in it, or that of a run.
type site struct {
	bucket string // empty for the root
	run    engine.RunID
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

// fits reports whether a key can stand in the bucket.
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
		_, err = metricsstore.ParseRollupKey(key)
	case p.bucket == dataBucket, p.bucket == leasesBucket, p.bucket == liveBucket:
		_, err = engine.ParseRunID(string(key))
	}
	return err == nil
}

// fitsRun reports whether a key can stand in the bucket of a run.
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

// inside is the bucket of a name in this one, ok where there can be one.
func (p site) inside(name []byte) (in site, ok bool) {
	switch {
	case p.bucket == "":
		return site{bucket: bucketName(name)}, true
	case p.bucket == dataBucket && p.run == "":
		return site{bucket: dataBucket, run: engine.RunID(name)}, true
	}
	return site{}, false
}

// bucketName is the name of a bucket of the root, of which one bit may be flipped.
func bucketName(name []byte) string {
	for _, known := range allBuckets() {
		flipped := 0
		for i := 0; i < len(known) && len(known) == len(name); i++ {
			flipped += bits.OnesCount8(known[i] ^ name[i])
		}
		if len(known) == len(name) && flipped <= 1 {
			return known
		}
	}
	return string(name)
}

// pageFault is something that is wrong with the pages of the file.
type pageFault struct {
	site
	err  error
	lost bool // something of the site is not found where it should be
}

// lead is a reference to a page that could not be followed. What it led to may be found among the pages that nothing
// else leads to.
type lead struct {
	site
	low, high []byte // its keys are from low and before high, nil for no bound
}

// walk goes through the pages of a state.
type walk struct {
	f         *pageFile
	codec     *codec
	root      fileRoot
	seen      []bool // pages that belong to the tree, or to its list of free pages
	faults    []pageFault
	leads     []lead
	each      func(site, *element) // is given every row
	waiting   []func()             // pages that do not begin as they should
	late      bool                 // they are followed by now
	searching bool                 // among pages that nothing leads to
	shared    bool                 // leave out the pages that are those of one run
}

func newWalk(f *pageFile, c *codec, each func(site, *element)) (*walk, error) {
	root, damage, err := f.findRoot()
	if err != nil {
		return nil, err
	}
	// A length that was damaged must not cost memory that the file has no pages for.
	known := min(root.pages, uint64(f.size/f.pageSize)+1)
	w := &walk{f: f, codec: c, root: root, seen: make([]bool, known), each: each}
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

// run goes through everything. Where pages cannot be found, it looks for them among those that nothing leads to.
func (w *walk) run() {
	w.follow(w.root.root, site{}, nil, nil)
	w.finishWaiting()
	free := w.checkFree()
	if len(w.leads) > 0 {
		w.search(free)
	}
}

// finishWaiting follows what waits.
func (w *walk) finishWaiting() {
	w.late = true
	for len(w.waiting) > 0 {
		next := w.waiting[0]
		w.waiting = w.waiting[1:]
		next()
	}
}

// follow goes through a page and all below it, whose keys have to be from low and before high. A page that does not
// begin as it should waits until all others have what is theirs.
func (w *walk) follow(id uint64, at site, low, high []byte) {
	p, err := w.f.page(id, at.fits)
	if err == nil && low != nil && !w.late && !p.begins(low, high) {
		w.waiting = append(w.waiting, func() { w.follow(id, at, low, high) })
		return
	}
	if err == nil {
		err = w.take(&p, at, low, high)
	}
	if err == nil && at.run != "" && low == nil && high == nil {
		err = w.checkOwner(&p, at.run)
	}
	if err != nil {
		w.fault(at, err, true)
		w.leads = append(w.leads, lead{at, low, high})
		return
	}
	w.own(&p)
	w.through(&p, at, low, high)
}

// begins reports whether the keys of a page are just those that what leads to it says.
func (p *page) begins(low, high []byte) bool {
	return len(p.elements) > 0 && bytes.Equal(p.elements[0].key, low) && p.within(low, high) == len(p.elements)
}

// take refuses a page that belongs to something else, or most of whose keys do.
func (w *walk) take(p *page, at site, low, high []byte) error {
	if n := len(p.elements); 2*p.within(low, high) < n || p.isLeaf && 2*p.fitting(at) < n {
		return fmt.Errorf("page %d has keys that do not belong here", p.id)
	}
	for id := p.id; id < p.id+p.span; id++ {
		if id < uint64(len(w.seen)) && w.seen[id] {
			return fmt.Errorf("page %d belongs to something else", id)
		}
	}
	return nil
}

// own notes that a page belongs to something.
func (w *walk) own(p *page) {
	for id := p.id; id < min(p.id+p.span, uint64(len(w.seen))); id++ {
		w.seen[id] = true
	}
}

// fitting counts the keys that can stand in a bucket.
func (p *page) fitting(at site) (n int) {
	for i := range p.elements {
		if at.fits(p.elements[i].key) {
			n++
		}
	}
	return n
}

// within counts the keys from low and before high.
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

// checkOwner refuses the first page of another run.
func (w *walk) checkOwner(p *page, run engine.RunID) error {
	if owner := w.owner(p); owner != "" && owner != run {
		return fmt.Errorf("page %d is that of run %s", p.id, owner)
	}
	return nil
}

// through goes through what a page holds.
func (w *walk) through(p *page, at site, low, high []byte) {
	if p.damage != nil {
		w.fault(at, p.damage, true)
		w.leads = append(w.leads, lead{at, low, high})
	}
	if p.within(low, high) < len(p.elements) || !p.inOrder() {
		w.fault(at, fmt.Errorf("page %d has keys out of order", p.id), true)
	}
	for i := range p.elements {
		e := &p.elements[i]
		switch {
		case p.isLeaf:
			w.row(at, e)
		case i+1 < len(p.elements):
			w.follow(e.child, at, e.key, p.elements[i+1].key)
		default:
			w.follow(e.child, at, e.key, high)
		}
	}
}

// row gives a row, or goes through a bucket.
func (w *walk) row(at site, e *element) {
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
	head, err := w.f.readAt(e.at, bucketHead)
	if err != nil || e.size < bucketHead {
		w.fault(in, fmt.Errorf("its bucket cannot be read"), true)
		w.leads = append(w.leads, lead{site: in})
		return
	}
	w.each(in, nil) // it is there, though it may be empty
	if root := binary.NativeEndian.Uint64(head); root != 0 {
		if w.shared && in.run != "" {
			return
		}
		w.follow(root, in, nil, nil)
		return
	}
	p, err := w.f.inline(e, in.fits)
	if err != nil {
		w.fault(in, err, true)
		w.leads = append(w.leads, lead{site: in})
		return
	}
	w.through(&p, in, nil, nil)
}

// owner is the run whose rows are in a page or below it, as far as its header tells.
func (w *walk) owner(p *page) engine.RunID {
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
	if err == nil {
		value, err = w.codec.unpack(value)
	}
	if err == nil {
		err = parse("JSON", value, &h)
	}
	return h, err
}

// checkFree checks the list of free pages, and returns it as far as it can be used.
func (w *walk) checkFree() map[uint64]bool {
	list, err := w.f.free(w.root)
	if err != nil {
		w.fault(site{}, fmt.Errorf("the list of free pages: %w", err), false)
		return nil
	}
	free := make(map[uint64]bool, len(list))
	for _, id := range list {
		free[id] = true
		if id < uint64(len(w.seen)) && w.seen[id] {
			w.fault(site{}, fmt.Errorf("page %d is in use and listed as free", id), false)
		}
	}
	return free
}
