package record

import (
	"fmt"
	"math"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
)

// MaxNodes bounds how many nodes the fan-outs of a log may make, because a large width takes few bytes. A recorded
// run was within the limits that applied when it ran; this bound only keeps numbers from overflowing.
const MaxNodes = 1 << 26

// Walker follows the log of one run and does what every reader of a log has to do: it verifies that each step fits the
// graph and the steps before it, and numbers the nodes that fan-outs make. It is not safe for concurrent use.
//
// A step costs a few nanoseconds, and allocates only if it expands a fan-out.
type Walker struct {
	numbering *dag.Numbering
	nodes     dag.NodeID // how many exist
	seq       uint64     // of the last step
	grown     *dag.Block // what the last expansion has appended

	// The block of the node that Function was called for last: successive steps are mostly in the same block.
	first        dag.NodeID
	length, size uint32 // nodes of the block, and of one instance
	scope        *dag.Scope
}

// NewWalker returns a walker for the log of a run of g, which need not be Executable.
func NewWalker(g *dag.Graph) Walker {
	w := Walker{numbering: dag.NewNumbering(g)}
	w.nodes = dag.NodeID(w.numbering.Nodes())
	w.enter(w.numbering.Block(0))
	return w
}

// Numbering numbers the nodes of all steps so far. It grows with them.
func (w *Walker) Numbering() *dag.Numbering { return w.numbering }

// Seq is the number of the last step, 0 before the first.
func (w *Walker) Seq() uint64 { return w.seq }

// Next advances to a step, which must come in the order of Seq. A step that was given before is not new and changes
// nothing. The error is ErrMalformed if the step does not fit; it then counts as given and has no other effect.
func (w *Walker) Next(s *Step) (isNew bool, err error) {
	if s.Seq <= w.seq {
		return false, nil
	}
	w.seq = s.Seq
	return true, w.apply(s)
}

// apply is Next without the check that the step is new.
func (w *Walker) apply(s *Step) error {
	fits := true
	switch {
	case s.Kind == AttemptEnded: // nearly all steps
		fits = s.Node < w.nodes && s.Became+1 <= w.nodes // NoNode + 1 is 0
	case s.Kind == FanOutExpanded:
		if err := w.expanded(s); err != nil {
			return err
		}
	case s.Kind == AttemptStarted || s.Kind == TaskSkipped:
		fits = s.Node < w.nodes
	}
	for _, id := range s.Readied {
		fits = fits && id < w.nodes
	}
	if !fits {
		return w.misfit(s)
	}
	return nil
}

// misfit says which node of a step does not exist.
func (w *Walker) misfit(s *Step) error {
	id := s.Node
	for _, next := range append(s.Readied[:len(s.Readied):len(s.Readied)], s.Became) {
		if id < w.nodes {
			id = next
		}
	}
	return fmt.Errorf("%w: steps: step %d names node %d, there are %d", codec.ErrMalformed, s.Seq, id, w.nodes)
}

func (w *Walker) expanded(s *Step) error {
	w.grown = nil
	if s.Node >= w.nodes {
		return w.misfit(s)
	}
	if n := w.numbering; s.Outcome == OutcomeOK && n.Expanded(s.Node) == nil {
		if err := w.grow(s, n.Locate(s.Node)); err != nil {
			return err
		}
	}
	if s.Became+1 > w.nodes {
		return w.misfit(s)
	}
	return nil
}

func (w *Walker) grow(s *Step, p dag.Place) (err error) {
	scope := w.numbering.Graph().Scope(p.Block.Scope)
	if scope.Kind(p.Local) != dag.ExpandNode {
		return fmt.Errorf("%w: steps: step %d expands node %d, which is no expansion", codec.ErrMalformed, s.Seq, s.Node)
	}
	body := w.numbering.Graph().Scope(scope.Region(p.Local))
	if nodes := uint64(w.nodes) + uint64(s.Width)*uint64(max(body.Len(), 1)); nodes > MaxNodes {
		return fmt.Errorf("%w: steps: step %d makes %d nodes, at most %d are decoded", codec.ErrMalformed, s.Seq, nodes, MaxNodes)
	}
	w.grown, err = w.numbering.Expand(s.Node, int(s.Width), dag.Limits{Tasks: MaxNodes, Edges: math.MaxInt})
	if err != nil {
		return fmt.Errorf("%w: steps: step %d: %w", codec.ErrMalformed, s.Seq, err)
	}
	w.nodes = dag.NodeID(w.numbering.Nodes())
	return nil
}

// Grown is what the last step, a FanOutExpanded, appended to the numbering; nil if it appended nothing.
func (w *Walker) Grown() *dag.Block { return w.grown }

// Function is the number, in Graph.Functions, of the function that a task calls; isTask is false for a node that does
// not exist or is no task.
func (w *Walker) Function(id dag.NodeID) (number uint16, isTask bool) {
	if uint32(id-w.first) >= w.length && !w.seek(id) {
		return 0, false
	}
	n := uint32(id - w.first)
	if n >= w.size {
		n %= w.size
	}
	if n >= w.scope.Tasks() {
		return 0, false
	}
	return w.scope.Function(n), true
}

// seek enters the block of a node; false if the node does not exist.
func (w *Walker) seek(id dag.NodeID) bool {
	if id >= w.nodes {
		return false
	}
	w.enter(w.numbering.Locate(id).Block)
	return true
}

func (w *Walker) enter(b *dag.Block) {
	w.first, w.length, w.size, w.scope = b.First, b.Len(), b.Size, w.numbering.Graph().Scope(b.Scope)
}
