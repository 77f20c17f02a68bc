package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// foundRows counts what is found of each run in the bytes of a file, a roll-up as much as all rows.
func foundRows(t *testing.T, data []byte, c *codec) (map[record.RunID]int, *saved) {
	t.Helper()
	s, err := findAll(&pageFile{r: bytes.NewReader(data), size: int64(len(data)), pageSize: -1}, c)
	require.NoError(t, err)
	n := map[record.RunID]int{}
	for run, kept := range s.runs {
		n[run] += len(kept.rows)
	}
	const rollup = 1 << 20
	for key, ref := range s.other[rollupsBucket] {
		if s.walk.isRollup(&element{key: []byte(key), at: ref.at, size: ref.size}) {
			k, _ := metricsstore.ParseRollupKey([]byte(key)) // isRollup has parsed it
			n[k.Run] += rollup
		}
	}
	return n, s
}

// sharedOrBranch lists the pages on which more than one row depends.
func sharedOrBranch(t *testing.T, data []byte, c *codec) map[uint64]int64 {
	t.Helper()
	_, s := foundRows(t, data, c)
	w := s.walk
	free, _, _, err := w.f.free(w.root)
	require.NoError(t, err)
	out := map[uint64]int64{}
	for id := uint64(2); id < w.root.pages; id++ {
		p, err := w.f.page(id, func([]byte) bool { return true })
		if err != nil || !w.seen[id] || len(p.elements) == 0 || p.isLeaf && fitsRun(p.elements[0].key) {
			continue
		}
		last := p.elements[len(p.elements)-1]
		out[id] = last.at + last.size - int64(id)*w.f.pageSize
	}
	for _, id := range free {
		delete(out, id)
	}
	return out
}

// lacking counts the runs of which fewer or other rows are found than exist, or of which some are reported lost, and
// names them with the reason.
func lacking(t *testing.T, data []byte, c *codec, whole map[record.RunID]int) (n int, why string) {
	t.Helper()
	found, s := foundRows(t, data, c)
	for run, rows := range whole {
		kept := s.runs[run]
		if kept == nil || found[run] != rows || len(kept.lost) > 0 {
			n++
			why += fmt.Sprintf("run %s: %d of %d rows\n", run, found[run], rows)
		}
	}
	return n, fmt.Sprintf("%s%v", why, errors.Join(s.walk.errors()...))
}

// TestFlippedBitCostsOneRun: whichever bit is flipped in a page that many rows depend on, at most one run lacks any.
func TestFlippedBitCostsOneRun(t *testing.T) {
	t.Parallel()
	data := trialStore(t)
	c, err := newCodec()
	require.NoError(t, err)
	defer c.close()
	whole, _ := foundRows(t, data, c)
	pages := sharedOrBranch(t, data, c)
	ids := slices.Sorted(maps.Keys(pages))
	n := 100
	if isLong() {
		n = 10_000
	}
	rng := rand.New(rand.NewPCG(4, seed()))
	for range n {
		page := ids[rng.IntN(len(ids))]
		bit := int64(page)*4096*8 + rng.Int64N(8*pages[page])
		data[bit/8] ^= 1 << (bit % 8)
		n, why := lacking(t, data, c, whole)
		require.LessOrEqual(t, n, 1, "bit %d of byte %d of page %d: %s", bit%8, bit/8%4096, page, why)
		data[bit/8] ^= 1 << (bit % 8)
	}
}

// TestFlippedPointerCostsNothing: whichever bit of whichever reference to a page is flipped, the page is found,
// whatever the other one holds: rows of another run under the same keys, an earlier state of the page, a page below
// it.
func TestFlippedPointerCostsNothing(t *testing.T) {
	t.Parallel()
	data := trialStore(t)
	c, err := newCodec()
	require.NoError(t, err)
	defer c.close()
	whole, s := foundRows(t, data, c)
	places := pointers(s.walk)
	rng := rand.New(rand.NewPCG(5, seed()))
	rng.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	if !isLong() {
		places = places[:5]
	}
	for _, at := range places {
		for bit := range int64(bits.Len64(s.walk.root.pages)) + 1 {
			data[at+bit/8] ^= 1 << (bit % 8)
			to := binary.NativeEndian.Uint64(data[at:])
			n, why := lacking(t, data, c, whole)
			require.Zero(t, n, "at %d of page %d, to %d: %s", at%4096, at/4096, to, why)
			data[at+bit/8] ^= 1 << (bit % 8)
		}
	}
}

// pointers lists where in a file references to pages are.
func pointers(w *walk) (places []int64) {
	for id := uint64(2); id < w.root.pages; id++ {
		p, err := w.f.page(id, func([]byte) bool { return true })
		if !w.seen[id] || err != nil {
			continue
		}
		for i := range p.elements {
			e := &p.elements[i]
			switch {
			case w.leadsTo(&p, e) == 0:
			case p.isLeaf:
				places = append(places, e.at)
			default:
				places = append(places, int64(id)*w.f.pageSize+pageHead+int64(i)*elementHead+8)
			}
		}
	}
	return places
}
