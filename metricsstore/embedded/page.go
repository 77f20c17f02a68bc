package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// element is what a page holds under a key: a value, a bucket, or another page.
type element struct {
	key      []byte
	isBucket bool
	child    uint64 // of a branch
	at       int64  // where the value begins in the file
	size     int64  // of the value
}

// page is a page that was read, or the page in the value of a small bucket.
type page struct {
	id       uint64
	isLeaf   bool
	span     uint64 // number of pages that it takes
	hasSpare bool   // it has one more that it does not need
	elements []element
	// damage says that something did not fit and was reconstructed from the rest, or left out.
	damage error
}

// pageReader reads one page. The heads of its elements come first and say where keys and values are, which follow
// each other without gaps: what one flipped bit destroys of that can be computed from the rest.
type pageReader struct {
	f      *pageFile
	base   int64 // where the page begins in the file
	limit  int64 // bytes that it can have
	said   int64 // bytes that it claims to have
	head   []byte
	heads  []byte // of the elements
	isLeaf bool
	fits   func(key []byte) bool // reports whether the page may have a key
	damage []error
}

func (r *pageReader) damaged(format string, args ...any) {
	r.damage = append(r.damage, fmt.Errorf(format, args...))
}

// page reads a page of the file.
func (f *pageFile) page(id uint64, fits func(key []byte) bool) (page, error) {
	base := int64(id) * f.pageSize
	if id < 2 || id > uint64(f.size/f.pageSize) || base+pageHead > f.size {
		return page{}, fmt.Errorf("page %d is beyond the end of the file", id)
	}
	head, err := f.readAt(base, min(f.size-base, f.pageSize))
	if err != nil {
		return page{}, fmt.Errorf("page %d cannot be read: %w", id, err)
	}
	said := int64(binary.NativeEndian.Uint32(head[12:])) + 1 // number of pages that it claims to take
	r := pageReader{f: f, base: base, limit: f.size - base, said: min(f.size-base, said*f.pageSize), fits: fits, head: head}
	p, end, err := r.parse(id)
	if err != nil {
		return p, fmt.Errorf("page %d: %w", id, err)
	}
	// Where the last page is full, bbolt before 1.5 took one more than it needed. Of two lengths that differ, the
	// smaller one takes no page from others.
	content := (end + f.pageSize - 1) / f.pageSize
	p.span = uint64(min(content, said))
	p.hasSpare = end%f.pageSize == 0 && said == content+1
	if said != content && !p.hasSpare {
		p.damage = errors.Join(p.damage, errors.New("its length is not that of its content"))
	}
	if p.damage != nil {
		p.damage = fmt.Errorf("page %d: %w", id, p.damage)
	}
	return p, nil
}

// inline reads the page in the value of a small bucket.
func (f *pageFile) inline(e *element, fits func(key []byte) bool) (page, error) {
	limit := e.size - bucketHead
	head, err := f.readAt(e.at+bucketHead, min(limit, f.pageSize))
	if err == nil && limit < pageHead {
		err = errors.New("it is cut off")
	}
	if err != nil {
		return page{}, fmt.Errorf("a small bucket cannot be read: %w", err)
	}
	r := pageReader{f: f, base: e.at + bucketHead, limit: limit, said: limit, fits: fits, head: head}
	p, end, err := r.parse(0)
	if err != nil {
		return p, err
	}
	if end != e.size-bucketHead {
		p.damage = errors.Join(p.damage, errors.New("its length is not that of its content"))
	}
	if !p.isLeaf {
		return p, errors.New("a small bucket is no leaf")
	}
	return p, nil
}

// parse reads the elements of a page, and where it ends. The error means that nothing can be read.
func (r *pageReader) parse(id uint64) (p page, end int64, err error) {
	if at := binary.NativeEndian.Uint64(r.head); at != id {
		r.damaged("it calls itself page %d", at)
	}
	flags, count := binary.NativeEndian.Uint16(r.head[8:]), int64(binary.NativeEndian.Uint16(r.head[10:]))
	n, err := r.shape(flags, count)
	if err != nil {
		return p, 0, err
	}
	p = page{id: id, isLeaf: r.isLeaf}
	end = r.elements(&p, n)
	p.damage = errors.Join(r.damage...)
	return p, end, nil
}

// shape finds out how many elements the page has and of which kind.
func (r *pageReader) shape(flags uint16, count int64) (int64, error) {
	r.isLeaf = flags == leafPage
	if count == 0 && flags == leafPage && r.isEmpty() {
		return 0, nil
	}
	if count > 0 && (flags == leafPage || flags == branchPage) {
		if n, ok := r.starts(count); ok {
			return n, nil
		}
	}
	r.damaged("its head says %d elements of kind %d", count, flags)
	if count > 0 {
		for _, isLeaf := range []bool{true, false} {
			r.isLeaf = isLeaf
			if n, ok := r.starts(count); ok && n > 0 && r.chained(n) {
				return n, nil
			}
		}
	}
	for _, isLeaf := range []bool{true, false} { // the number that the first element implies
		r.isLeaf = isLeaf
		if first, err := r.bytes(pageHead, elementHead); err == nil {
			pos := int64(binary.NativeEndian.Uint32(first[r.posAt():]))
			if n, ok := r.starts(pos / elementHead); ok && n > 0 && pos%elementHead == 0 && r.chained(n) {
				return n, nil
			}
		}
	}
	return 0, errors.New("it is no page with content")
}

// isEmpty reports whether nothing follows the head, where the first element would be.
func (r *pageReader) isEmpty() bool {
	first, err := r.bytes(pageHead, elementHead)
	return err != nil || !slices.ContainsFunc(first, func(b byte) bool { return b != 0 })
}

// posAt is the offset, within an element, of the position of its key.
func (r *pageReader) posAt() int {
	if r.isLeaf {
		return 4
	}
	return 0
}

// starts reads the heads of n elements, and reports whether the first or the second one implies that number.
func (r *pageReader) starts(n int64) (int64, bool) {
	heads, err := r.bytes(pageHead, n*elementHead)
	if err != nil {
		return 0, false
	}
	r.heads = heads
	if n == 0 {
		return 0, false
	}
	if r.start(0) == pageHead+n*elementHead {
		return n, true
	}
	return n, n > 1 && r.start(1) == pageHead+n*elementHead+r.length(0)
}

// chained reports whether most elements follow each other.
func (r *pageReader) chained(n int64) bool {
	good := int64(0)
	for i := range n - 1 {
		if r.start(i)+r.length(i) == r.start(i+1) {
			good++
		}
	}
	return 2*good >= n-1
}

// start is where an element claims that its key is, from the beginning of the page.
func (r *pageReader) start(i int64) int64 {
	at := i * elementHead
	return pageHead + at + int64(binary.NativeEndian.Uint32(r.heads[at+int64(r.posAt()):]))
}

// length is the length of key and value of an element.
func (r *pageReader) length(i int64) int64 {
	k, v := r.sizes(i)
	return k + v
}

func (r *pageReader) sizes(i int64) (key, value int64) {
	head := r.heads[i*elementHead:]
	if r.isLeaf {
		return int64(binary.NativeEndian.Uint32(head[8:])), int64(binary.NativeEndian.Uint32(head[12:]))
	}
	return int64(binary.NativeEndian.Uint32(head[4:])), 0
}

// elements reads all elements and returns where the last one ends.
func (r *pageReader) elements(p *page, n int64) int64 {
	at := pageHead + n*elementHead
	p.elements = make([]element, 0, n) // the number of heads that were read
	for i := range n {
		k, v := r.sizes(i)
		next := at + k + v
		if i+1 < n && next != r.start(i+1) {
			if r.holds(i+1, n, at, next) { // so this one's length is wrong
				next = r.start(i + 1)
				k, v = r.split(at, next-at, k, v)
			}
			r.damaged("element %d of %d does not reach the next one", i, n)
		} else if r.start(i) != at {
			r.damaged("element %d of %d stands elsewhere", i, n)
		}
		if e, ok := r.element(i, at, k, v); ok {
			p.elements = append(p.elements, e)
		}
		at = next
	}
	return at
}

// holds decides whether the place that an element claims is right, where the previous one, which begins at a known
// place, would overlap it. It is right if the next element follows it; for the last element, if only that place has a
// valid key, or else if no single flipped bit explains the place, or one explains the length.
func (r *pageReader) holds(i, n, before, reached int64) bool {
	start := r.start(i)
	end := start + r.length(i)
	if start <= before || end > r.limit {
		return false
	}
	if i+1 < n {
		return end == r.start(i+1)
	}
	if reached > r.said {
		return true
	}
	k, _ := r.sizes(i)
	if here, there := r.isKey(start, k), r.isKey(reached, k); here != there {
		return here
	}
	base := pageHead + i*elementHead
	return bits.OnesCount64(uint64(start-base)^uint64(reached-base)) != 1
}

// isKey reports whether a key of that length may be at a place.
func (r *pageReader) isKey(at, n int64) bool {
	key, err := r.bytes(at, min(n, bolt.MaxKeySize))
	return err == nil && n > 0 && n <= bolt.MaxKeySize && r.fits(key)
}

// split decides which of two lengths is wrong, given their sum.
func (r *pageReader) split(at, sum, k, v int64) (key, value int64) {
	if !r.isLeaf {
		return sum, 0
	}
	if other := sum - v; other > 0 && other <= bolt.MaxKeySize {
		if b, err := r.bytes(at, other); err == nil && r.fits(b) {
			if kept, err := r.bytes(at, min(k, bolt.MaxKeySize)); err != nil || k > sum || !r.fits(kept) {
				return other, v
			}
		}
	}
	return k, sum - k
}

func (r *pageReader) element(i, at, k, v int64) (element, bool) {
	key, err := r.bytes(at, min(k, bolt.MaxKeySize))
	if err != nil || k > bolt.MaxKeySize || k == 0 || at+k+v > r.limit {
		r.damaged("element %d has no key or value", i)
		if r.isLeaf {
			return element{}, false
		}
		key = nil // its child can be read nevertheless
	}
	e := element{key: key, at: r.base + at + k, size: v}
	head := r.heads[i*elementHead:]
	if r.isLeaf {
		flags := binary.NativeEndian.Uint32(head)
		e.isBucket = flags&bucketElement != 0
		if flags > bucketElement {
			r.damaged("element %d is of kind %d", i, flags)
		}
	} else {
		e.child = binary.NativeEndian.Uint64(head[8:])
	}
	return e, true
}

// bytes returns a part of the page, read from the file where it is not in its first page.
func (r *pageReader) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at+n > r.limit {
		return nil, errors.New("beyond the end of the page")
	}
	if at+n <= int64(len(r.head)) {
		return r.head[at : at+n : at+n], nil
	}
	return r.f.readAt(r.base+at, n)
}
