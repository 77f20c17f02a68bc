package member

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

func TestTheQueueTakesWhatWasMadeHereFirst(t *testing.T) {
	var q queue
	for id := range dag.NodeID(3) {
		q.add(id, int64(id)*10)
	}
	q.push(8, 60)
	q.push(9, 70)
	assert.Equal(t, 5, q.len())
	var got []dag.NodeID
	for range 3 {
		id, ok := q.pop()
		require.True(t, ok)
		got = append(got, id)
	}
	assert.Equal(t, []dag.NodeID{9, 8, 0}, got)
	oldest, ok := q.oldest()
	assert.True(t, ok)
	assert.Equal(t, int64(10), oldest)
	none := func(dag.NodeID) bool { return false }
	assert.Empty(t, q.takeStale(5, 5, none))
	assert.Equal(t, []dag.NodeID{2}, q.takeStale(1, 100, none))
	q.push(7, 80)
	assert.Equal(t, []dag.NodeID{7, 1}, q.takeAll())
	_, ok = q.pop()
	assert.False(t, ok)
}

// What waits for too long is given away, the node that would be run last first, but for what has to stay.
func TestTheQueueGivesAwayWhatIsStale(t *testing.T) {
	var q queue
	for id := range dag.NodeID(4) {
		q.add(id, int64(id))
		q.push(10+id, int64(id))
	}
	stays := func(id dag.NodeID) bool { return id == 2 || id == 11 }
	assert.Equal(t, []dag.NodeID{1, 0, 10, 12}, q.takeStale(5, 3, stays))
	since, ok := q.oldest()
	assert.True(t, ok)
	assert.Equal(t, int64(1), since)
	assert.Equal(t, []dag.NodeID{11, 13, 2, 3}, q.takeAll())
}

// A queue that was filled while tasks were short is given away when they are long.
func TestThePaceNoticesThatTasksGotLonger(t *testing.T) {
	p := pace{mean: 1000}
	ms := int64(time.Millisecond)
	assert.Equal(t, 128, p.ahead(2, true, 4*ms))
	assert.Equal(t, 1, p.ahead(2, true, 40*ms))
	assert.Equal(t, 0, p.ahead(2, true, 400*ms))
	assert.Equal(t, 128, p.ahead(2, false, 400*ms), "nothing runs")
}

func TestThePaceKeepsAFewMillisecondsOfWork(t *testing.T) {
	for _, c := range []struct {
		mean  time.Duration
		lanes int
		want  int
	}{
		{0, 4, 4}, // nothing is known
		{time.Microsecond, 2, 128},
		{time.Microsecond, 16, 256},
		{time.Millisecond, 2, 10},
		{20 * time.Millisecond, 2, 1},
		{time.Second, 2, 0},
	} {
		p := pace{mean: float64(c.mean)}
		assert.Equal(t, c.want, p.ahead(c.lanes, false, 0), "%s on %d lanes", c.mean, c.lanes)
	}
	var p pace
	for range 200 {
		p.add(1000, 0)
	}
	p.add(3000, 0)
	assert.InDelta(t, 1100, p.mean, 1)
}

// Every edge has a bit of its own, and a node waits for as many as lead to it.
func TestBitsAreDistinct(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 2))
		g := enginetest.RandomGraph(rng, 30)
		terr := newNodes(NewLayout(g))
		grown := terr.static.bits.bits
		for id := 0; id < terr.numbering.Nodes() && id < 3000; id++ {
			p := terr.Find(dag.NodeID(id))
			if p.kind() != dag.ExpandNode {
				continue
			}
			width := uint32(rng.IntN(4))
			require.NoError(t, terr.grow(ledger.Block{
				Expansion: p.ID(), Width: width, First: dag.NodeID(terr.numbering.Nodes()), FirstEdge: grown,
			}))
			grown += width * terr.dynamic[len(terr.dynamic)-1].bits.bits
		}
		seen := map[uint32]bool{}
		waits := map[dag.NodeID]uint32{}
		for id := range terr.numbering.Nodes() {
			p := terr.Find(dag.NodeID(id))
			require.Equal(t, dag.NodeID(id), p.ID())
			for i := range p.degree() {
				offset := p.offset(i)
				require.False(t, seen[offset] || offset >= grown, "seed %d: bit %d", seed, offset)
				seen[offset] = true
				waits[p.child(i).ID()]++
				require.Equal(t, offset, p.offsetTo(p.child(i)))
			}
		}
		for id := range terr.numbering.Nodes() {
			p := terr.Find(dag.NodeID(id))
			require.Equal(t, waits[p.ID()], terr.waits(p), "seed %d: node %d", seed, id)
			require.Len(t, terr.sources(p), int(waits[p.ID()]))
		}
	}
}

// Outputs that the store has are evicted in the order of their last use, and the counts are always right.
func TestCachedOutputsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c cache
		var outs []*Value
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				o := &Value{Bytes: rapid.Int64Range(0, 100).Draw(t, "bytes"), stage: stage(rapid.SampledFrom([]int{int(held), int(stored)}).Draw(t, "stage"))}
				c.add(o)
				outs = append(outs, o)
			},
			"drop": func(t *rapid.T) {
				if len(outs) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(outs)-1).Draw(t, "i")
				c.remove(outs[i])
				outs = append(outs[:i], outs[i+1:]...)
			},
			"keep": func(t *rapid.T) {
				for _, o := range outs {
					if o.stage == held {
						weight := o.weight()
						o.stage = stored
						c.markStored(o, weight)
						return
					}
				}
			},
			"touch": func(t *rapid.T) {
				if len(outs) > 0 {
					c.touch(outs[rapid.IntRange(0, len(outs)-1).Draw(t, "i")])
				}
			},
			"": func(t *rapid.T) {
				var used, only int64
				listed := 0
				for _, o := range outs {
					used += o.weight()
					if o.stage == held {
						only += o.weight()
					} else {
						listed++
					}
				}
				n := 0
				for o := c.oldest; o != nil; o = o.newer {
					n++
				}
				if c.used != used || c.only != only || n != listed {
					t.Fatalf("%d, %d, %d in the list, expected %d, %d, %d", c.used, c.only, n, used, only, listed)
				}
			},
		})
	})
}
