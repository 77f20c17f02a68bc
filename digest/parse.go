package digest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// encoded is an encoded sketch whose bytes have been checked.
type encoded struct {
	kind              Kind
	shift             uint8
	full              bool
	n                 uint64
	rejected, clamped uint64
	zeros             uint64
	moments           moments
	first, pages      int

	unpacked [16][page]uint64 // the first pages, usually all of them, unpacked while they are checked
	before   uint64           // the last counter of those, if more pages follow
	body     []byte           // deltas of raw values, or the pages that follow
}

// maxPages is more than the octaves of all positive float64.
const maxPages = 1 << 12

// parse checks every byte, so that later code need not. It allocates nothing apart from e.
func (e *encoded) parse(data []byte) error {
	switch {
	case len(data) == 0:
		return fmt.Errorf("%w: there are none", ErrCorrupt)
	case data[0] != formatVersion:
		return fmt.Errorf("%w: it is %d, not %d", ErrVersion, data[0], formatVersion)
	case len(data) < 2:
		return fmt.Errorf("%w: they end early", ErrCorrupt)
	}
	traits := data[1]
	scale := traits & traitScale
	if traits&^(traitScale|traitFloat|traitFull) != 0 || scale > finest {
		return fmt.Errorf("%w: the traits are %#x", ErrVersion, traits)
	}
	if scale == 0 {
		return fmt.Errorf("%w: the scale is 0", ErrCorrupt)
	}
	e.shift = finest - scale
	e.full = traits&traitFull != 0
	if traits&traitFloat != 0 {
		e.kind = Float
	}
	if !e.parseRest(&reader{src: data[2:]}) {
		return fmt.Errorf("%w: they end early or contradict themselves", ErrCorrupt)
	}
	return nil
}

func (e *encoded) parseRest(r *reader) bool {
	e.n, e.rejected, e.clamped = r.uvarint(), r.uvarint(), r.uvarint()
	if r.bad || e.full != (e.n > ExactLimit) || e.n > maxCount || e.kind == Float && e.clamped > 0 {
		return false
	}
	if !e.full {
		return e.checkRaw(r)
	}
	e.zeros = r.uvarint()
	e.parseMoments(r)
	first, pages := r.varint(), r.uvarint()
	if r.bad || !e.soundMoments() || pages > maxPages || first < -maxPages || first > maxPages {
		return false
	}
	e.first, e.pages = (int(first)+1023>>e.shift)*page, int(pages)
	e.body = r.src
	return e.checkPages()
}

func (e *encoded) parseMoments(r *reader) {
	m := &e.moments
	low, width := r.uvarint(), r.uvarint()
	if low > math.MaxInt64 || width > math.MaxInt64-low {
		r.bad = true
		return
	}
	m.low, m.high = int64(low), int64(low+width)
	if e.kind == Integer {
		m.sum = wide{r.uvarint(), r.uvarint()}
		m.squares = wide{r.uvarint(), r.uvarint()}
		return
	}
	m.total, m.mean, m.deviations = r.float(), r.float(), r.float()
}

// soundMoments reports whether e.n values can have these moments.
func (e *encoded) soundMoments() bool {
	m := &e.moments
	if e.zeros > e.n || e.clamped > e.zeros || (e.zeros > 0) != (m.low == 0) || (e.zeros == e.n) != (m.high == 0) {
		return false
	}
	if e.kind == Integer {
		least, most := times(e.n, m.low), times(e.n, m.high)
		return !m.sum.less(least) && !most.less(m.sum)
	}
	low, high := math.Float64frombits(uint64(m.low)), math.Float64frombits(uint64(m.high))
	return high <= math.MaxFloat64 && low <= m.mean && m.mean <= high &&
		m.total >= 0 && m.total <= math.MaxFloat64 && m.deviations >= 0 && m.deviations <= math.MaxFloat64
}

func times(n uint64, v int64) wide {
	hi, lo := bits.Mul64(n, uint64(v))
	return wide{hi, lo}
}

func (a wide) less(b wide) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

// checkRaw reports whether the rest is e.n ascending keys.
func (e *encoded) checkRaw(r *reader) bool {
	e.body = r.src
	key, zeros := uint64(0), uint64(0)
	for range e.n {
		delta := r.uvarint()
		if r.bad || delta > math.MaxInt64-key {
			return false
		}
		if key += delta; key == 0 {
			zeros++
		}
	}
	valid := e.kind == Integer || key <= math.Float64bits(math.MaxFloat64)
	return valid && len(r.src) == 0 && e.clamped <= zeros
}

// checkPages reports whether the pages contain e.n-e.zeros values, from the bucket of the smallest to that of the
// largest.
func (e *encoded) checkPages() bool {
	var spare [page]uint64
	left, before, rest, ok := e.n-e.zeros, uint64(0), e.body, true
	for at := range e.pages {
		counts := &spare
		if at < len(e.unpacked) {
			counts = &e.unpacked[at]
		}
		if rest, ok = readPage(rest, counts, before); !ok {
			return false
		}
		before = counts[page-1]
		if at == len(e.unpacked)-1 {
			e.body, e.before = rest, before
		}
		total, ok := totalOf(counts)
		if !ok || total > left {
			return false
		}
		left -= total
		start := e.first + at*page
		if at == 0 && !e.soundLow(counts, start) || at == e.pages-1 && !e.soundHigh(counts, start) {
			return false
		}
	}
	return left == 0 && len(rest) == 0
}

// totalOf returns the sum of the counters of a page, unless that reaches 2^63.
func totalOf(counts *[page]uint64) (total uint64, ok bool) {
	union := uint64(0)
	for _, c := range counts {
		union |= c
		total += c
	}
	if union < 1<<63/page {
		return total, true
	}
	total = 0
	for _, c := range counts {
		if c > maxCount-total {
			return 0, false
		}
		total += c
	}
	return total, true
}

// soundLow reports whether the lowest bucket of the first page that is not empty can be the lowest of all.
func (e *encoded) soundLow(counts *[page]uint64, start int) bool {
	for i, c := range counts {
		if c == 0 {
			continue
		}
		if e.zeros == 0 {
			return start+i == e.bucket(e.moments.low)
		}
		return start+i >= e.bucket(1) // the smallest key of either kind
	}
	return false
}

// soundHigh reports whether the highest bucket of the last page that is not empty contains the largest value.
func (e *encoded) soundHigh(counts *[page]uint64, start int) bool {
	for i := page - 1; i >= 0; i-- {
		if counts[i] != 0 {
			return start+i == e.bucket(e.moments.high)
		}
	}
	return false
}

// bucket is the index of a positive key on the grid of the encoding.
func (e *encoded) bucket(key int64) int { return bucketOfKey(e.kind, key) >> e.shift }

// reader reads numbers from bytes, and reports at the end whether one was missing or malformed.
type reader struct {
	src []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, size := binary.Uvarint(r.src)
	if size <= 0 {
		r.bad = true
		return 0
	}
	r.src = r.src[size:]
	return v
}

func (r *reader) varint() int64 { return unzigzag(r.uvarint()) }

func (r *reader) float() float64 {
	if len(r.src) < 8 {
		r.bad = true
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(r.src))
	r.src = r.src[8:]
	return v
}
