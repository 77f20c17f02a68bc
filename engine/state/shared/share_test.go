package shared

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/internal/testkit/statetest"
)

func TestTheQueueTakesWhatWasMadeHereFirst(t *testing.T) {
	var q queue
	for id := range engine.NodeID(3) {
		q.add(id, int64(id)*10)
	}
	q.push(8, 60)
	q.push(9, 70)
	assert.Equal(t, 5, q.len())
	var got []engine.NodeID
	for range 3 {
		id, ok := q.pop()
		require.True(t, ok)
		got = append(got, id)
	}
	assert.Equal(t, []engine.NodeID{9, 8, 0}, got)
	oldest, ok := q.oldest()
	assert.True(t, ok)
	assert.Equal(t, int64(10), oldest)
	none := func(engine.NodeID) bool { return false }
	assert.Empty(t, q.takeStale(5, 5, none))
	assert.Equal(t, []engine.NodeID{2}, q.takeStale(1, 100, none))
	q.push(7, 80)
	assert.Equal(t, []engine.NodeID{7, 1}, q.takeAll())
	_, ok = q.pop()
	assert.False(t, ok)
}

// What waits for too long is given away, the node that would be run last first, but for what has to stay.
func TestTheQueueGivesAwayWhatIsStale(t *testing.T) {
	var q queue
	for id := range engine.NodeID(4) {
		q.add(id, int64(id))
		q.push(10+id, int64(id))
	}
	stays := func(id engine.NodeID) bool { return id == 2 || id == 11 }
	assert.Equal(t, []engine.NodeID{1, 0, 10, 12}, q.takeStale(5, 3, stays))
	since, ok := q.oldest()
	assert.True(t, ok)
	assert.Equal(t, int64(1), since)
	assert.Equal(t, []engine.NodeID{11, 13, 2, 3}, q.takeAll())
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

func TestTheClockPrefersShortRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock(time.Now().Add(-time.Minute))
		assert.Equal(t, int64(time.Minute), c.now())
		sent := time.Now()
		time.Sleep(100 * time.Millisecond)
		c.learn(sent, time.Now(), int64(time.Hour)) // the store read its clock somewhere between
		assert.Equal(t, int64(time.Hour+50*time.Millisecond), c.now())
		sent = time.Now()
		time.Sleep(10 * time.Millisecond)
		c.learn(sent, time.Now(), int64(2*time.Hour))
		assert.Equal(t, int64(2*time.Hour+5*time.Millisecond), c.now())
		sent = time.Now()
		time.Sleep(time.Second)
		c.learn(sent, time.Now(), 0)
		assert.Equal(t, int64(2*time.Hour+1005*time.Millisecond), c.now(), "a longer round trip adds nothing")
		time.Sleep(time.Minute)
		sent = time.Now()
		time.Sleep(time.Second)
		c.learn(sent, time.Now(), 0)
		assert.Equal(t, int64(500*time.Millisecond), c.now(), "unless the shorter one is old")
	})
}

// However much news comes before it is taken, each run is in it once.
func TestNoNewsIsLost(t *testing.T) {
	news := newNewsQueue()
	s := &Store{subscribers: map[*newsQueue]struct{}{news: {}}}
	var published []engine.RunID
	for i := range 100 {
		published = append(published, engine.RunID(fmt.Sprintf("run%02d", i)))
		s.publish(published[i])
		s.publish(published[i/2])
	}
	<-news.some
	assert.Equal(t, published, news.take())
	assert.Empty(t, news.take())
	s.publish("another")
	<-news.some
	assert.Equal(t, []engine.RunID{"another"}, news.take())
}

// The clock slows down after an estimate that was ahead, and jumps forward after one that was late.
func TestTheClockDoesNotGoBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock(time.Now())
		learn := func(trip time.Duration, moment time.Duration) {
			sent := time.Now()
			time.Sleep(trip)
			c.learn(sent, time.Now(), int64(moment))
		}
		learn(20*time.Millisecond, time.Minute)
		assert.Equal(t, int64(time.Minute+10*time.Millisecond), c.now(), "the first is taken as it is")
		learn(2*time.Millisecond, time.Minute+5*time.Millisecond)
		assert.Equal(t, int64(time.Minute+12*time.Millisecond), c.now(), "6 ms less than it was")
		time.Sleep(4 * time.Millisecond)
		assert.Equal(t, int64(time.Minute+14*time.Millisecond), c.now(), "half as fast")
		time.Sleep(8 * time.Millisecond)
		assert.Equal(t, int64(time.Minute+18*time.Millisecond), c.now(), "right again")
		time.Sleep(time.Millisecond)
		assert.Equal(t, int64(time.Minute+19*time.Millisecond), c.now())
		learn(time.Millisecond, time.Minute+30*time.Millisecond)
		assert.Equal(t, int64(time.Minute+30*time.Millisecond+500*time.Microsecond), c.now(), "forward at once")
	})
}

// Every edge has a bit of its own, and a node waits for as many as lead to it.
func TestBitsAreDistinct(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 2))
		g := statetest.RandomGraph(rng, 30)
		terr := newNodeTable(newLayout(g))
		grown := terr.static.bits.bits
		for id := 0; id < terr.numbering.Nodes() && id < 3000; id++ {
			p := terr.find(engine.NodeID(id))
			if p.kind() != engine.ExpandNode {
				continue
			}
			width := uint32(rng.IntN(4))
			require.NoError(t, terr.grow(ledger.Block{
				Expansion: p.id(), Width: width, First: engine.NodeID(terr.numbering.Nodes()), FirstEdge: grown,
			}))
			grown += width * terr.dynamic[len(terr.dynamic)-1].bits.bits
		}
		seen := map[uint32]bool{}
		waits := map[engine.NodeID]uint32{}
		for id := range terr.numbering.Nodes() {
			p := terr.find(engine.NodeID(id))
			require.Equal(t, engine.NodeID(id), p.id())
			for i := range p.degree() {
				offset := p.offset(i)
				require.False(t, seen[offset] || offset >= grown, "seed %d: bit %d", seed, offset)
				seen[offset] = true
				waits[p.child(i).id()]++
				require.Equal(t, offset, p.offsetTo(p.child(i)))
			}
		}
		for id := range terr.numbering.Nodes() {
			p := terr.find(engine.NodeID(id))
			require.Equal(t, waits[p.id()], terr.waits(p), "seed %d: node %d", seed, id)
			require.Len(t, terr.sources(p), int(waits[p.id()]))
		}
	}
}

// Outputs that the store has are evicted in the order of their last use, and the counts are always right.
func TestCachedOutputsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h outputCache
		var outs []*output
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				o := &output{bytes: rapid.Int64Range(0, 100).Draw(t, "bytes"), stage: stage(rapid.SampledFrom([]int{int(held), int(stored)}).Draw(t, "stage"))}
				h.add(o)
				outs = append(outs, o)
			},
			"drop": func(t *rapid.T) {
				if len(outs) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(outs)-1).Draw(t, "i")
				h.remove(outs[i])
				outs = append(outs[:i], outs[i+1:]...)
			},
			"keep": func(t *rapid.T) {
				for _, o := range outs {
					if o.stage == held {
						weight := o.weight()
						o.stage = stored
						h.markStored(o, weight)
						return
					}
				}
			},
			"touch": func(t *rapid.T) {
				if len(outs) > 0 {
					h.touch(outs[rapid.IntRange(0, len(outs)-1).Draw(t, "i")])
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
				for o := h.oldest; o != nil; o = o.newer {
					n++
				}
				if h.used != used || h.only != only || n != listed {
					t.Fatalf("%d, %d, %d in the list, expected %d, %d, %d", h.used, h.only, n, used, only, listed)
				}
			},
		})
	})
}

func TestEntriesAreDecoded(t *testing.T) {
	g := engine.NewBuilder()
	next := engine.Func1("next", func(_ context.Context, n int) (int, error) { return n, nil })
	list := engine.FanOut(g, engine.Const(g, []int{1, 2}), func(e engine.Ref[int]) engine.Ref[int] { return next.Call(e) })
	graph, err := g.Compile(list)
	require.NoError(t, err)
	expansion, join := engine.NodeID(0), engine.NodeID(1)
	d := newEntryDecoder(graph)
	pack := func(steps ...engine.Step) []byte { return engine.AppendSteps(nil, steps) }
	all, err := d.decode(nil, &Entry{First: 1, Plain: []engine.Step{{Kind: engine.RunStarted, Readied: []engine.NodeID{expansion}, Became: engine.NoNode}}})
	require.NoError(t, err)
	all, err = d.decode(all, &Entry{ // made ready by an edge of an earlier step: in the next step's Readied
		First: 2, Readied: []ReadiedBy{{Step: -1, Node: join}},
	})
	require.NoError(t, err)
	all, err = d.decode(all, &Entry{
		First: 2, Now: 100, Worker: 3, Steps: 1, Block: &ledger.Block{Expansion: expansion, Width: 2, First: 2},
		Packed: pack(engine.Step{Seq: 1, Kind: engine.FanOutExpanded, Outcome: engine.OutcomeOK, Node: expansion, Width: 2, Ended: 900, Updated: 900, Became: engine.NoNode}),
	})
	require.NoError(t, err)
	all, err = d.decode(all, &Entry{
		First: 3, Now: 200, Worker: 1, Steps: 1,
		Packed: pack(engine.Step{Seq: 1, Kind: engine.AttemptStarted, Node: 2, Attempt: 1, Slot: 4, Ready: 100, Claimed: 110, Started: 120, Became: engine.NoNode}),
		Plain:  []engine.Step{{Kind: engine.AttemptEnded, Outcome: engine.OutcomeLost, Node: 2, Attempt: 1, Worker: 1, Ended: 200, Updated: 200}},
	})
	require.NoError(t, err)
	require.Len(t, all, 4)
	for i := range all {
		assert.Equal(t, uint64(i+1), all[i].Seq)
	}
	assert.Equal(t, []engine.NodeID{2, 3, join}, all[1].Readied)
	assert.Equal(t, uint16(3), all[1].Worker)
	assert.Equal(t, int64(100), all[1].Ended, "no moment is later than the entry")
	lost := all[3]
	assert.Equal(t, []int64{4, 100, 110, 120, 200}, []int64{int64(lost.Slot), lost.Ready, lost.Claimed, lost.Started, lost.Ended})
	assert.True(t, lost.Announced)
	_, err = d.decode(all, &Entry{First: 9, Plain: []engine.Step{{Kind: engine.RunFinished}}})
	assert.ErrorContains(t, err, "begins with step 9, expected 5")
	_, err = d.decode(all, &Entry{First: 5, Steps: 2, Packed: pack(engine.Step{Seq: 1})})
	assert.ErrorContains(t, err, "1 steps, expected 2")
}
