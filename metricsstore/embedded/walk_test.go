package embedded

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// foundRows counts what is found of each run in the bytes of a file, a roll-up as much as all rows.
func foundRows(t *testing.T, data []byte, c *codec) (map[engine.RunID]int, *saved) {
	t.Helper()
	s, err := findAll(&pageFile{r: bytes.NewReader(data), size: int64(len(data)), pageSize: -1}, c)
	require.NoError(t, err)
	n := map[engine.RunID]int{}
	for run, kept := range s.runs {
		n[run] += len(kept.rows)
	}
	const rollup = 1 << 20
	for key := range s.other[rollupsBucket] {
		if k, err := metricsstore.ParseRollupKey([]byte(key)); err == nil {
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
	free, err := w.f.free(w.root)
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

// TestFlippedBitCostsOneRun: whichever bit is flipped in a page that many rows depend on, at most one run lacks any. Two
// do where it makes of a pointer one to a page of another run that begins with the very key: nobody can tell whose it is.
func TestFlippedBitCostsOneRun(t *testing.T) {
	data := trialStore(t)
	c, err := newCodec()
	require.NoError(t, err)
	defer c.close()
	whole, _ := foundRows(t, data, c)
	pages := sharedOrBranch(t, data, c)
	n := 300
	if os.Getenv("DAGSCOPE_LONG") != "" {
		n = 10_000
	}
	rng, two := rand.New(rand.NewPCG(4, uint64(n))), 0
	for range n {
		for page, size := range pages { // any, and another one each time
			bit := int64(page)*4096*8 + rng.Int64N(8*size)
			data[bit/8] ^= 1 << (bit % 8)
			found, s := foundRows(t, data, c)
			var lacking []engine.RunID
			for run, rows := range whole {
				if found[run] < rows || len(s.runs[run].lost) > 0 {
					lacking = append(lacking, run)
				}
			}
			if len(lacking) == 2 {
				two++
			}
			require.LessOrEqual(t, len(lacking), 2, "bit %d of byte %d of page %d: %v", bit%8, bit/8%4096, page, lacking)
			data[bit/8] ^= 1 << (bit % 8)
			break
		}
	}
	require.LessOrEqual(t, two, 1+n/1000)
}
