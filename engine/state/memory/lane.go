package memory

import (
	"sync/atomic"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// Bounds of the allocations that the Readied lists of a lane's steps share: the first has room for leastReadied node
// numbers, each further one for twice as many, up to mostReadied.
const (
	leastReadied = 8
	mostReadied  = 1024
)

// tokenBits is how many low bits of a token count the claims of its lane.
const tokenBits = 40

// lane implements state.Lane. All fields but the atomic ones are owned by the goroutine that uses the lane.
type lane struct {
	r        *run
	slot     uint16
	queue    *queue        // the queue of its processor, shared with other lanes
	held     atomic.Uint64 // the token of the latest claim, doubled; odd while it is held
	other    atomic.Uint64 // claims that did not finish a task
	followed atomic.Uint64 // tasks finished in strands after their heads
	claim    state.Claim
	head     bool // the claim is of a node from a queue, not one that this lane became
	tokens   uint64

	ready   []dag.NodeID // space for Readied lists
	over    []at         // complete joins and skipped nodes whose children are not counted down yet
	dropped []at         // nodes whose inputs are not released yet
	stolen  []dag.NodeID // space for nodes of another queue
	_       [64]byte
}

// Lane implements state.Run.
func (r *run) Lane(slot int) state.Lane { return r.newLane(slot) }

func (r *run) newLane(slot int) *lane {
	l := &lane{r: r, slot: uint16(slot), queue: &r.queues[slot%len(r.queues)]}
	r.mu.Lock()
	defer r.mu.Unlock()
	lanes := append(*r.lanes.Load(), l)
	l.tokens = uint64(len(lanes)) << tokenBits // so that two lanes never use the same token
	r.lanes.Store(&lanes)
	return l
}

// Claim implements state.Lane.
func (l *lane) Claim() (state.Claim, bool) {
	r := l.r
	if r.phase.Load() != running {
		return state.Claim{}, false
	}
	for {
		id, ok := l.queue.pop()
		if !ok {
			if id, ok = l.steal(); !ok {
				return state.Claim{}, false
			}
		}
		if r.gates == nil || r.admit(id) {
			ok = l.take(id, true)
			return l.claim, ok
		}
	}
}

// steal takes half of the first queue that is not empty.
func (l *lane) steal() (dag.NodeID, bool) {
	queues := l.r.queues
	for i := 1; i < len(queues); i++ {
		l.stolen = queues[(int(l.slot)+i)%len(queues)].takeHalf(l.stolen[:0])
		if k := len(l.stolen); k > 0 {
			if k > 1 {
				l.queue.push(l.stolen[:k-1])
			}
			return l.stolen[k-1], true
		}
	}
	return 0, false
}

// take claims an admitted node, unless the run does not hand out claims any more.
func (l *lane) take(id dag.NodeID, head bool) bool {
	l.hold(id, head)
	if l.r.phase.Load() != running { // Stop reads held after it has set the phase, so one of the two sees the other
		l.putBack()
		return false
	}
	return true
}

// hold records the claim.
func (l *lane) hold(id dag.NodeID, head bool) {
	n := l.r.find(id).node()
	l.tokens++
	l.head = head
	l.claim = state.Claim{Node: id, Epoch: n.epoch, Attempt: n.attempt + 1, Token: l.tokens, Ready: n.ready}
	l.held.Store(l.tokens<<1 | 1)
}

// putBack makes the claimed node ready again.
func (l *lane) putBack() {
	l.other.Add(1)
	l.leave(l.r.find(l.claim.Node))
	l.queue.push([]dag.NodeID{l.claim.Node})
	l.drop()
}

// holds reports whether the claim has not been abandoned.
func (l *lane) holds() bool { return l.held.Load() == l.claim.Token<<1|1 }

// busy reports whether a claim is held. Any goroutine may call it.
func (l *lane) busy() bool { return l.held.Load()&1 != 0 }

// finished is the number of tasks that ended with OK on this lane. Any goroutine may call it. Deriving the number from
// the claims saves an atomic store for every task. Once the run is over, a claim that is still held belongs to a task
// that has ended.
func (l *lane) finished(over bool) int {
	other := l.other.Load() // loaded first: a claim is counted before it turns out not to be of a finished task
	held := l.held.Load()
	if held&1 != 0 && !over {
		other++
	}
	claims := held>>1&(1<<tokenBits-1) + l.followed.Load()
	return int(claims - min(claims, other))
}

// drop ends the claim and, if the run is stopping and this was the last one, the run.
func (l *lane) drop() {
	l.held.Store(l.tokens << 1)
	if l.r.phase.Load() == stopping {
		l.r.settle()
	}
}

// Release implements state.Lane.
func (l *lane) Release() {
	if !l.holds() {
		return
	}
	l.putBack()
	l.r.hooks.Ready(1)
}

// Announce implements state.Lane.
func (l *lane) Announce(e *state.End) {
	l.r.Note(record.Step{
		Kind: record.AttemptStarted, Node: e.Node, Epoch: e.Epoch, Attempt: e.Attempt, Slot: l.slot,
		Ready: l.r.find(e.Node).node().ready, Claimed: e.Claimed, Started: e.Started, Fetch: e.Fetch,
	})
}

// Abandon implements state.Lane. It uses a second lane, because the goroutine of this lane still uses this one; the
// second lane claims before this one releases, so that the node is claimed at every moment.
func (l *lane) Abandon(e *state.End) {
	held := l.held.Load()
	if held&1 == 0 {
		return
	}
	substitute := l.r.newLane(int(l.slot))
	substitute.hold(e.Node, l.head)
	if !l.held.CompareAndSwap(held, held&^1) {
		substitute.other.Add(1)
		substitute.drop()
		return
	}
	l.other.Add(1)
	substitute.Complete([]state.End{*e}, false)
}

// Complete implements state.Lane.
func (l *lane) Complete(strand []state.End, next bool) state.Reply {
	r := l.r
	if !l.holds() {
		return state.Reply{Stale: true}
	}
	next = next && r.phase.Load() == running
	became := dag.NoNode
	for i := range strand {
		follower := dag.NoNode
		if i+1 < len(strand) {
			follower = strand[i+1].Node
			l.followed.Add(1)
		}
		if r.gates != nil {
			l.leave(r.find(strand[i].Node))
		}
		became = l.apply(&strand[i], follower, next && i+1 == len(strand))
	}
	if became == dag.NoNode {
		l.drop()
		return state.Reply{}
	}
	if !l.take(became, false) {
		return state.Reply{}
	}
	return state.Reply{Next: l.claim, HasNext: true}
}
