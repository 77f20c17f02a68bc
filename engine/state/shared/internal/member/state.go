package member

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// State is what one process does in one run: the nodes that its session has claimed or has become, the ends that are not
// reported, and the values in memory. What belongs to a lost session is dropped by Reset.
type State struct {
	Outputs
	view
	outbox
	policy   record.Policy
	unlogged bool
	lanes
	counted execution.Progress // committed ends of this process
	// Scratch of completion: ends whose edges are to be followed, and what the latest end has made ready.
	work       []*ending
	candidates []candidate
}

// lanes are the lanes of this process, and the nodes that wait for them.
type lanes struct {
	queue queue
	pace  pace
	width int // lanes to keep busy, see Want
	busy  int // lanes that have a node
}

// Vacate undoes Occupy.
func (l *lanes) Vacate() { l.busy-- }

// Busy is how many lanes have a node.
func (l *lanes) Busy() int { return l.busy }

// outbox is what the next commits report.
type outbox struct {
	ends      []*ending // in the order in which they ended
	returns   []*returnedClaim
	edgesLeft []*pendingEdges
	notes     []record.Step // steps without effect on the ledger
	announced []record.Step // of attempts under way
	urgent    bool          // another session may wait for what is not reported
	mark      uint32        // of the latest draft, see nodeState.mark
}

// Note appends a step that changes nothing.
func (o *outbox) Note(step record.Step) {
	step.Became = dag.NoNode
	o.notes = append(o.notes, step)
}

// repeatEdges sets all edges of a node again whose session was lost before it had set them.
func (o *outbox) repeatEdges(p Node, bad bool) {
	for _, t := range o.edgesLeft {
		if t.node == p {
			return
		}
	}
	p.state().claimed = true
	o.edgesLeft = append(o.edgesLeft, &pendingEdges{node: p, bad: bad})
	o.urgent = true
}

// returnedClaim is a claim to be released once needs are stored.
type returnedClaim struct {
	node  Node
	needs []*Value
}

// Config is what New needs. The limit is the weight of values that only this process may have.
type Config struct {
	Layout   *Layout
	Policy   record.Policy
	Rules    record.Rules
	Limit    int64
	Unlogged bool
}

// New is the state of a process that watches a run.
func New(cfg Config) *State {
	return &State{
		Outputs: Outputs{Nodes: newNodes(cfg.Layout), rules: cfg.Rules, limit: cfg.Limit, broken: map[dag.NodeID]error{}},
		view:    view{status: record.Running, others: 1, solo: dag.NoNode},
		policy:  cfg.Policy, unlogged: cfg.Unlogged,
	}
}

// Enter begins to take part, with a pool of that width. A process that drains already does not get nodes.
func (s *State) Enter(width int) {
	s.width = max(1, width)
	if s.membership == watching {
		s.membership = active
	}
}

// Reset forgets what belonged to a session that is over, except for values that the store has.
func (s *State) Reset() {
	s.queue.takeAll()
	s.clear()
	s.outbox = outbox{notes: s.notes, mark: s.mark}
	s.handovers, s.uploads, s.delayed, s.awaited = nil, nil, nil, false
	s.cache = cache{}
	for b := range s.blocks() {
		for i := range b.nodes {
			if o := b.nodes[i].out; o != nil {
				o.listed = false
				s.add(o)
			}
		}
	}
}

// Close forgets everything but the nodes, once the run's goroutines have ended.
func (s *State) Close() {
	s.Leave()
	s.Reset()
	s.clearOutputs()
}

// mayBecome reports whether the session may become nodes that its ends make ready.
func (s *State) mayBecome() bool {
	return !s.rules.NoBecome && s.stopping == "" && !s.status.Final() && s.takesNodes() && !s.Yields()
}

// Ready is how many nodes lanes could claim.
func (s *State) Ready() int {
	if !s.handsOut() {
		return 0
	}
	return s.queue.len()
}

// Claim hands a node to a lane.
func (s *State) Claim() (Node, bool) {
	if !s.handsOut() {
		return Node{}, false
	}
	id, ok := s.queue.pop()
	if !ok {
		return Node{}, false
	}
	p := s.Find(id)
	p.state().phase = running
	return p, true
}

// Occupy counts one more lane that has a node.
func (s *State) Occupy() {
	if s.busy++; s.busy == 1 {
		s.pace.last = s.now
	}
}

// Claim is what a lane gets when it is given the node.
func (p Node) Claim(token uint64) state.Claim {
	n := p.state()
	return state.Claim{Node: p.ID(), Epoch: n.epoch, Attempt: n.attempt, Token: token, Ready: n.ready}
}

// returnClaim has a claim released by the next commit that can.
func (s *State) returnClaim(p Node) {
	p.state().phase = ended
	s.returns = append(s.returns, &returnedClaim{node: p, needs: p.unstored()})
	s.urgent = true
}

// Release releases a node that no lane has. A stopping run does not grant a node that the ledger does not know as a claim,
// so that is forgotten.
func (s *State) Release(p Node) {
	n := p.state()
	if s.stopping != "" && !n.claimed {
		n.phase = away
		return
	}
	s.returnClaim(p)
}

// Wishes are how many of want nodes the session asks for, and of which classes, as far as the process has room for them:
// see state.Hooks.Room. While a node that takes resources waits for a lane, it is not known what there is for another.
func (s *State) Wishes(want int, room func() (functions []int, calls int)) (int, []ledger.Class) {
	isNeedy := func(id dag.NodeID) bool { return s.layout.isNeedy(s.Find(id).class()) }
	if len(s.layout.Plain) == len(s.layout.Own) || s.queue.any(isNeedy) {
		return want, s.layout.Plain
	}
	functions, calls := room()
	if len(functions) == 0 {
		return want, s.layout.Plain
	}
	classes := make([]ledger.Class, 0, len(s.layout.Own))
	for _, f := range functions {
		classes = append(classes, ledger.Class(f))
	}
	return min(want, calls), append(classes, s.layout.Plain...)
}

// releaseQueued releases all nodes that wait for a lane.
func (s *State) releaseQueued() {
	for _, id := range s.queue.takeAll() {
		s.Release(s.Find(id))
	}
}

// ReleaseStale releases up to n nodes that have waited for a lane for longer than after, in ns, except those whose input is
// too large to be moved.
func (s *State) ReleaseStale(n int, after int64) {
	for _, id := range s.queue.takeStale(n, s.now-after, s.isDrawn) {
		s.Release(s.Find(id))
	}
}

// OldestQueued is since when the first node has waited for a lane, false if none waits or lanes get none.
func (s *State) OldestQueued() (since int64, ok bool) {
	if !s.handsOut() {
		return 0, false
	}
	return s.queue.oldest()
}

// Ended forgets the nodes that wait for a lane, since the run is over. wasExecuting: lanes had nodes, whose attempts end
// with the status of the run.
func (s *State) Ended(wasExecuting bool) {
	s.queue.takeAll()
	if s.stopping == "" && s.status != record.Succeeded && wasExecuting {
		s.stopping = s.status
	}
}

// target is how many nodes should wait for lanes: as many as these execute in BatchTime.
func (s *State) target() int {
	ahead := s.pace.ahead(max(1, s.width), s.busy > 0, s.now)
	if s.rules.NoBecome {
		return min(ahead, 2*Pipelined) // one batch of commits is made while another is under way
	}
	return ahead
}

// Want is how many more nodes the session should claim, with that many lanes starving and a pool of that width.
func (s *State) Want(starving, width int) int {
	if !s.handsOut() {
		return 0
	}
	if s.Yields() {
		if s.busy == 0 && s.queue.len() == 0 && len(s.returns) == 0 { // all that it holds are ends, which the commit reports
			return 1
		}
		return 0
	}
	s.width = max(width, s.busy, 1)
	queue, target := s.queue.len(), s.target()
	demand := min(starving, max(s.width, 4*s.busy)) // many lanes may be idle, and their pool shrinks again
	if s.busy == 0 {
		demand = max(demand, s.width) // lanes may not have asked yet
	}
	if demand <= queue && 2*queue > target {
		return 0 // a few at a time would cost a commit each
	}
	return min(max(demand, target)-queue, maxQueued)
}

// Progress counts the ends of this process that are committed.
func (s *State) Progress() execution.Progress {
	p := s.counted
	p.Status, p.Tasks = s.status, s.numbering.Tasks()
	return p
}
