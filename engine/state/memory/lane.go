package memory

import (
	"sync/atomic"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
)

// readiedChunk is how many node numbers one allocation of a lane holds for the Readied lists of its steps.
const readiedChunk = 1024

// lane implements state.Lane.
type lane struct {
	r        *run
	slot     uint16
	queue    *queue
	held     atomic.Uint64 // token of the claim, 0 without one
	finished atomic.Uint64 // tasks that ended well here
	claim    state.Claim
	head     bool // the claim is of a node from a queue, not one that this lane became
	tokens   uint64

	ready   []engine.NodeID // room for Readied lists
	over    []at            // joins that are complete and skipped nodes: what waits for them is to be told
	dropped []at            // nodes whose readers are about to be counted down
	stolen  []engine.NodeID
	_       [64]byte
}

// Lane implements state.Run.
func (r *run) Lane(slot int) state.Lane { return r.newLane(slot) }

func (r *run) newLane(slot int) *lane {
	l := &lane{r: r, slot: uint16(slot), queue: &r.queues[slot%len(r.queues)]}
	r.mu.Lock()
	defer r.mu.Unlock()
	lanes := append(*r.lanes.Load(), l)
	l.tokens = uint64(len(lanes)) << 40 // tokens of two lanes never meet
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

// steal takes half of the first queue that has something.
func (l *lane) steal() (engine.NodeID, bool) {
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

// take claims an admitted node, unless the run has stopped handing out claims.
func (l *lane) take(id engine.NodeID, head bool) bool {
	l.hold(id, head)
	if l.r.phase.Load() != running { // Stop looks at held after it has set the phase, so one of us sees the other
		l.putBack()
		return false
	}
	return true
}

// hold notes the claim.
func (l *lane) hold(id engine.NodeID, head bool) {
	n := l.r.find(id).node()
	l.tokens++
	l.head = head
	l.claim = state.Claim{Node: id, Epoch: n.epoch, Attempt: n.attempt + 1, Token: l.tokens, Ready: n.ready}
	l.held.Store(l.tokens)
}

// putBack makes the claimed node ready again.
func (l *lane) putBack() {
	l.leave(l.r.find(l.claim.Node))
	l.queue.push([]engine.NodeID{l.claim.Node})
	l.drop()
}

// drop gives up the claim and, where the run is stopping, ends it if this was the last one.
func (l *lane) drop() {
	l.held.Store(0)
	if l.r.phase.Load() == stopping {
		l.r.settle()
	}
}

// Release implements state.Lane.
func (l *lane) Release() {
	if l.held.Load() != l.claim.Token {
		return
	}
	l.putBack()
	l.r.hooks.Ready(1)
}

// Announce implements state.Lane.
func (l *lane) Announce(e *state.End) {
	l.r.Note(engine.Step{
		Kind: engine.AttemptStarted, Node: e.Node, Epoch: e.Epoch, Attempt: e.Attempt, Slot: l.slot,
		Ready: l.r.find(e.Node).node().ready, Claimed: e.Claimed, Started: e.Started, Fetch: e.Fetch,
	})
}

// Abandon implements state.Lane. It works through a lane of its own, because the lane's goroutine still uses this
// one; that claims first, so that at no moment the node is held by nobody.
func (l *lane) Abandon(e *state.End) {
	token := l.held.Load()
	if token == 0 {
		return
	}
	substitute := l.r.newLane(int(l.slot))
	substitute.hold(e.Node, l.head)
	if !l.held.CompareAndSwap(token, 0) {
		substitute.drop()
		return
	}
	substitute.Complete([]state.End{*e}, false)
}

// Complete implements state.Lane.
func (l *lane) Complete(strand []state.End, next bool) state.Reply {
	r := l.r
	if held := l.held.Load(); held == 0 || held != l.claim.Token {
		return state.Reply{Stale: true}
	}
	next = next && r.phase.Load() == running
	became := engine.NoNode
	for i := range strand {
		follower := engine.NoNode
		if i+1 < len(strand) {
			follower = strand[i+1].Node
		}
		if r.gates != nil {
			l.leave(r.find(strand[i].Node))
		}
		became = l.apply(&strand[i], follower, next && i+1 == len(strand))
	}
	if became == engine.NoNode {
		l.drop()
		return state.Reply{}
	}
	if !l.take(became, false) {
		return state.Reply{}
	}
	return state.Reply{Next: l.claim, HasNext: true}
}
