package shared

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

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
	var published []record.RunID
	for i := range 100 {
		published = append(published, record.RunID(fmt.Sprintf("run%02d", i)))
		s.publish(published[i])
		s.publish(published[i/2])
	}
	<-news.some
	assert.Equal(t, published, news.take())
	assert.Empty(t, news.take())
	s.publish("another")
	<-news.some
	assert.Equal(t, []record.RunID{"another"}, news.take())
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

func TestEntriesAreDecoded(t *testing.T) {
	g := engine.NewBuilder()
	next := engine.Func1("next", func(_ context.Context, n int) (int, error) { return n, nil })
	list := engine.FanOut(g, engine.Const(g, []int{1, 2}), func(e engine.Ref[int]) engine.Ref[int] { return next.Call(e) })
	graph, err := g.Compile(list)
	require.NoError(t, err)
	expansion, join := dag.NodeID(0), dag.NodeID(1)
	d := newEntryDecoder(graph)
	pack := func(steps ...record.Step) []byte { return record.AppendSteps(nil, steps) }
	all, err := d.decode(nil, &Entry{First: 1, Plain: []record.Step{{Kind: record.RunStarted, Readied: []dag.NodeID{expansion}, Became: dag.NoNode}}})
	require.NoError(t, err)
	all, err = d.decode(all, &Entry{ // made ready by an edge of an earlier step: in the next step's Readied
		First: 2, Readied: []ReadiedBy{{Step: -1, Node: join}},
	})
	require.NoError(t, err)
	all, err = d.decode(all, &Entry{
		First: 2, Now: 100, Worker: 3, Steps: 1, Block: &ledger.Block{Expansion: expansion, Width: 2, First: 2},
		Packed: pack(record.Step{Seq: 1, Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: expansion, Width: 2, Ended: 900, Updated: 900, Became: dag.NoNode}),
	})
	require.NoError(t, err)
	all, err = d.decode(all, &Entry{
		First: 3, Now: 200, Worker: 1, Steps: 1,
		Packed: pack(record.Step{Seq: 1, Kind: record.AttemptStarted, Node: 2, Attempt: 1, Slot: 4, Ready: 100, Claimed: 110, Started: 120, Became: dag.NoNode}),
		Plain:  []record.Step{{Kind: record.AttemptEnded, Outcome: record.OutcomeLost, Node: 2, Attempt: 1, Worker: 1, Ended: 200, Updated: 200}},
	})
	require.NoError(t, err)
	require.Len(t, all, 4)
	for i := range all {
		assert.Equal(t, uint64(i+1), all[i].Seq)
	}
	assert.Equal(t, []dag.NodeID{2, 3, join}, all[1].Readied)
	assert.Equal(t, uint16(3), all[1].Worker)
	assert.Equal(t, int64(100), all[1].Ended, "no moment is later than the entry")
	lost := all[3]
	assert.Equal(t, []int64{4, 100, 110, 120, 200}, []int64{int64(lost.Slot), lost.Ready, lost.Claimed, lost.Started, lost.Ended})
	assert.True(t, lost.Announced)
	_, err = d.decode(all, &Entry{First: 9, Plain: []record.Step{{Kind: record.RunFinished}}})
	assert.ErrorContains(t, err, "begins with step 9, expected 5")
	_, err = d.decode(all, &Entry{First: 5, Steps: 2, Packed: pack(record.Step{Seq: 1})})
	assert.ErrorContains(t, err, "1 steps, expected 2")
}
