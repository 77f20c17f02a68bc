package memory

import (
	"github.com/dagscope/dagscope/engine/dag"
)

// releaseInputs releases the inputs of the ended task at p. An output that nothing needs any more is dropped.
func (l *lane) releaseInputs(p at) {
	for _, parent := range p.b.scope.Parents(p.local) {
		l.release(p.sibling(parent))
	}
	if p.is(dag.ReadsOuter) {
		l.release(p.b.up)
	}
}

// release counts down the readers of p. After the last one it drops the output and, of a join or an expansion, releases
// its inputs in turn.
func (l *lane) release(p at) {
	n := p.node()
	if p.kind() == dag.TaskNode {
		if p.is(dag.SoleReader) || n.released() {
			n.out = nil
		}
		return
	}
	if n.released() {
		l.dropOutput(p)
	}
}

// dropOutput drops the output of the node at p. It uses a list instead of recursion: any number of fan-outs may follow
// each other.
func (l *lane) dropOutput(p at) {
	l.dropped = append(l.dropped[:0], p)
	for len(l.dropped) > 0 {
		p := l.dropped[len(l.dropped)-1]
		l.dropped = l.dropped[:len(l.dropped)-1]
		switch p.kind() {
		case dag.TaskNode:
			p.node().out = nil
		case dag.ExpandNode:
			p.node().out = nil
			for _, parent := range p.b.scope.Parents(p.local) {
				l.countDown(p.sibling(parent))
			}
			if p.is(dag.ReadsOuter) {
				l.countDown(p.b.up)
			}
		case dag.JoinNode:
			l.dropJoin(p)
		}
	}
}

// dropJoin releases the inputs of a join. It has none if its expansion was skipped or has failed.
func (l *lane) dropJoin(p at) {
	s := p.b.scope
	expansion := p.sibling(s.JoinExpansion(p.local))
	b := l.r.expanded(expansion)
	if b == nil {
		return
	}
	for i := range b.Instances {
		for _, w := range s.JoinWaits(p.local) {
			l.countDown(at{b, i * b.Size, w})
		}
	}
	if s.JoinReadsOuter(p.local) {
		l.countDown(expansion)
	}
}

func (l *lane) countDown(p at) {
	if p.node().released() {
		l.dropped = append(l.dropped, p)
	}
}
