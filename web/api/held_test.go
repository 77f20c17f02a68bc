package api

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// spooled is a drop with a table of some bytes, as a request brings it.
func spooled(t *testing.T, h *heldDrops, bytes int) *heldDrop {
	t.Helper()
	drop := &importer.Drop{}
	table := "name,start,end\na,2026-01-01T10:00:00Z,2026-01-01T10:00:02Z\n"
	require.NoError(t, drop.AddStream("x.csv", strings.NewReader(table+strings.Repeat("\n", bytes-len(table)))))
	require.EqualValues(t, bytes, drop.Spooled())
	return h.own(drop)
}

// isOpen reports whether the files of a drop can be read.
func isOpen(t *testing.T, d *heldDrop) bool {
	t.Helper()
	with, err := importer.New(importer.Config{Store: memory.New()})
	require.NoError(t, err)
	results, err := with.Preview(t.Context(), d.drop)
	require.NoError(t, err)
	require.Len(t, results, 1)
	return results[0].Err == nil
}

// TestHeldDropsEnd: a drop is held for its time, and longer for a request that reads it.
func TestHeldDropsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heldDrops{maxBytes: 1 << 20}
		d := spooled(t, h, 100)
		files := h.hold(d)
		require.Equal(t, time.Now().Add(heldFor).UTC(), files.Until)
		h.release(d)
		require.True(t, isOpen(t, d))
		require.Same(t, d, h.borrow(files.ID))
		time.Sleep(heldFor)
		synctest.Wait()
		require.Nil(t, h.borrow(files.ID))
		require.True(t, isOpen(t, d), "a request reads it")
		h.release(d)
		require.False(t, isOpen(t, d))
	})
}

// TestHeldDropsBounds: the oldest drops make room, and one that is too large is not held.
func TestHeldDropsBounds(t *testing.T) {
	h := &heldDrops{maxBytes: 1000}
	hold := func(bytes int) (*heldDrop, string) {
		d := spooled(t, h, bytes)
		defer h.release(d)
		if files := h.hold(d); files != nil {
			return d, files.ID
		}
		return d, ""
	}
	large, id := hold(1001)
	require.Empty(t, id)
	require.False(t, isOpen(t, large))
	first, _ := hold(400)
	second, _ := hold(400)
	third, id := hold(300)
	require.Equal(t, []bool{false, true, true}, []bool{isOpen(t, first), isOpen(t, second), isOpen(t, third)})
	require.True(t, h.discard(id))
	require.False(t, h.discard(id))
	require.False(t, isOpen(t, third))
	h.maxBytes = 1 << 20
	for range maxHeld {
		require.True(t, isOpen(t, second))
		hold(100)
	}
	require.False(t, isOpen(t, second))
	h.close()
	require.Empty(t, h.drops)
	_, id = hold(100)
	require.Empty(t, id, "it is closed")
}
