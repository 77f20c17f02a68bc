package enginetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// CheckSteps replays the whole log of an ended run of g, of one revision or several, and reports the first thing in it
// that could not have happened: a gap in the numbers, an attempt of a task that nothing made ready, a task that was OK
// twice in one epoch, that ended before a node it waits for or started before that node had ended, moments out of order,
// two bodies at a time on one slot, or, where the run succeeded, a node that never ended.
//
// It costs well below 1 µs for each step and edge, and memory for every node.
func CheckSteps(g *dag.Graph, steps []record.Step) error {
	l := &laws{graph: g, numbering: dag.NewNumbering(g), lives: map[dag.NodeID]*life{}, bodies: map[slot][]body{}}
	if len(steps) < 2 || steps[0].Kind != record.RunStarted || steps[len(steps)-1].Kind != record.RunFinished {
		return fmt.Errorf("the log has %d steps, expected it to begin and to end", len(steps))
	}
	for i := range steps {
		if err := l.step(uint64(i+1), &steps[i]); err != nil {
			return fmt.Errorf("step %d (%+v): %w", i+1, steps[i], err)
		}
	}
	if steps[len(steps)-1].Outcome == record.OutcomeOK {
		if err := l.complete(); err != nil {
			return err
		}
	}
	return l.apart()
}

// laws is what the steps so far say.
type laws struct {
	graph     *dag.Graph
	numbering *dag.Numbering
	lives     map[dag.NodeID]*life
	bodies    map[slot][]body
	over      bool // the run has ended, and may continue with its next revision
}

// life is what the steps so far say about one node.
type life struct {
	readied bool // a step made it ready, in this revision
	ok      bool // it was OK, last in epoch okIn
	okIn    uint16
	epoch   uint16 // of its latest end
	attempt uint16
	ended   int64 // when it was OK first
}

// slot is one lane of one worker.
type slot struct{ worker, lane uint16 }

// body is when the body of an attempt ran.
type body struct {
	node     dag.NodeID
	from, to int64
}

func (l *laws) life(id dag.NodeID) *life {
	n := l.lives[id]
	if n == nil {
		n = &life{}
		l.lives[id] = n
	}
	return n
}

func (l *laws) step(number uint64, s *record.Step) error {
	if s.Seq != number {
		return fmt.Errorf("its number is %d", s.Seq)
	}
	if l.over && s.Kind != record.RunStarted && s.Kind != record.WorkerStopped {
		return errors.New("the run had ended")
	}
	var err error
	switch s.Kind {
	case record.RunStarted:
		err = l.revision(number)
	case record.RunFinished:
		l.over = true
	case record.AttemptStarted:
		err = l.known(s)
	case record.AttemptEnded, record.FanOutExpanded:
		err = l.end(s)
	}
	if err != nil {
		return err
	}
	for _, id := range s.Readied {
		if !l.numbering.Contains(id) {
			return fmt.Errorf("there is no node %d to be ready", id)
		}
		n := l.life(id)
		if isLost := s.Kind == record.RunStarted && n.ok; n.readied && !isLost { // a revision computes lost nodes again
			return fmt.Errorf("node %d is made ready twice", id)
		}
		n.readied = true
	}
	return nil
}

// revision begins the next one: nodes that have not succeeded are made ready once more.
func (l *laws) revision(number uint64) error {
	if l.over != (number > 1) {
		return errors.New("a run starts at the beginning, and again when it has ended")
	}
	l.over = false
	for _, n := range l.lives {
		n.readied = n.readied && n.ok
	}
	return nil
}

// known reports an error where no earlier step made the node of an attempt ready.
func (l *laws) known(s *record.Step) error {
	if !l.numbering.Contains(s.Node) {
		return errors.New("there is no such node")
	}
	if !l.life(s.Node).readied {
		return errors.New("no step before it says that the node is ready")
	}
	return nil
}

// end checks the end of an attempt.
func (l *laws) end(s *record.Step) error {
	if err := l.known(s); err != nil {
		return err
	}
	inOrder := s.Ready <= s.Claimed && s.Claimed+s.Fetch <= s.Started && s.Started <= s.Ended && s.Ended <= s.Updated
	if !inOrder && s.Outcome != record.OutcomeLost {
		return errors.New("its moments are out of order")
	}
	n := l.life(s.Node)
	if before := [2]uint16{n.epoch, n.attempt}; slices.Compare(before[:], []uint16{s.Epoch, s.Attempt}) >= 0 && n.attempt > 0 {
		return fmt.Errorf("it comes after attempt %d of epoch %d", n.attempt, n.epoch)
	}
	if n.ok && s.Outcome == record.OutcomeOK && n.okIn == s.Epoch {
		return errors.New("it was OK before in this epoch")
	}
	n.epoch, n.attempt = s.Epoch, s.Attempt
	if l.numbering.IsTask(s.Node) && s.Outcome != record.OutcomeLost && s.Outcome != record.OutcomeSkipped {
		at := slot{s.Worker, s.Slot}
		l.bodies[at] = append(l.bodies[at], body{s.Node, s.Started, s.Ended})
	}
	if s.Outcome != record.OutcomeOK {
		return nil
	}
	if !n.ok {
		n.ok, n.ended = true, s.Ended
	}
	n.okIn = s.Epoch
	return l.waited(s)
}

// waited compares a node that is OK with those that it waits for, and expands it if it is an expansion.
func (l *laws) waited(s *record.Step) error {
	p := l.numbering.Locate(s.Node)
	if err := l.follows(s, p); err != nil || s.Kind != record.FanOutExpanded {
		return err
	}
	_, err := l.numbering.Expand(s.Node, int(s.Width), wide)
	return err
}

// follows compares a step with the parents of a node.
func (l *laws) follows(s *record.Step, p dag.Place) error {
	for _, parent := range l.graph.Scope(p.Block.Scope).Parents(p.Local) {
		if err := l.after(s, dag.Place{Block: p.Block, Instance: p.Instance, Local: parent}); err != nil {
			return err
		}
	}
	return nil
}

// after compares a step with one node that has to be over before it: instead of a join, which not every store logs, with
// all nodes that it joins.
func (l *laws) after(s *record.Step, p dag.Place) error {
	scope := l.graph.Scope(p.Block.Scope)
	if scope.Kind(p.Local) != dag.JoinNode {
		before := l.life(p.ID())
		switch {
		case !before.ok:
			return fmt.Errorf("it ends before node %d, for which it waits", p.ID())
		case s.Started < before.ended:
			return fmt.Errorf("it starts at %d, before node %d ends at %d", s.Started, p.ID(), before.ended)
		}
		return nil
	}
	if err := l.follows(s, p); err != nil {
		return err
	}
	expansion := dag.Place{Block: p.Block, Instance: p.Instance, Local: scope.JoinExpansion(p.Local)}.ID()
	block := l.numbering.Expanded(expansion)
	if block == nil {
		return fmt.Errorf("it ends before node %d is expanded, for which it waits", expansion)
	}
	for i := range block.Instances {
		for _, local := range scope.JoinWaits(p.Local) {
			if err := l.after(s, dag.Place{Block: block, Instance: i, Local: local}); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete reports a task that has not ended although the run succeeded.
func (l *laws) complete() error {
	for i := range l.numbering.Nodes() {
		id := dag.NodeID(i)
		if l.numbering.IsTask(id) && !l.life(id).ok {
			return fmt.Errorf("the run succeeded, and node %d never ended well", id)
		}
	}
	return nil
}

// skew is by how much bodies of one slot may seem to overlap, in ns: where a worker's clock is ahead of the store's, by half
// a round trip at most, moments are clamped to the store's clock at each commit, each time anew.
const skew = int64(20 * time.Millisecond)

// apart reports a slot that ran two bodies at a time.
func (l *laws) apart() error {
	for at, bodies := range l.bodies {
		slices.SortFunc(bodies, func(a, b body) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
		for i := 1; i < len(bodies); i++ {
			if a, b := bodies[i-1], bodies[i]; b.from < a.to-skew {
				return fmt.Errorf("slot %d of worker %d ran node %d from %d to %d, and node %d from %d", at.lane, at.worker, a.node, a.from, a.to, b.node, b.from)
			}
		}
	}
	return nil
}
