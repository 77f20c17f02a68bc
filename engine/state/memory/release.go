package memory

import "github.com/dagscope/dagscope/engine"

// releaseInputs lets go of what the ended task at p has read. An output that nothing needs any more is dropped.
func (l *lane) releaseInputs(p at) {
	for _, parent := range p.b.scope.Parents(p.local) {
		l.release(p.sibling(parent))
	}
	if p.is(engine.ReadsOuter) {
		l.release(p.b.up)
	}
}

// release counts down the readers of p and, when the last is gone, drops the output and releases in turn what a join
// or an expansion was holding.
func (l *lane) release(p at) {
	n := p.node()
	if p.kind() == engine.TaskNode {
		if p.is(engine.SoleReader) || n.released() {
			n.out = nil
		}
		return
	}
	if n.released() {
		l.dropOutput(p)
	}
}

// dropOutput drops what the node at p holds. It works off a list: fan-outs may follow each other endlessly.
func (l *lane) dropOutput(p at) {
	l.dropped = append(l.dropped[:0], p)
	for len(l.dropped) > 0 {
		p := l.dropped[len(l.dropped)-1]
		l.dropped = l.dropped[:len(l.dropped)-1]
		switch p.kind() {
		case engine.TaskNode:
			p.node().out = nil
		case engine.ExpandNode:
			p.node().out = nil
			for _, parent := range p.b.scope.Parents(p.local) {
				l.countDown(p.sibling(parent))
			}
			if p.is(engine.ReadsOuter) {
				l.countDown(p.b.up)
			}
		case engine.JoinNode:
			l.dropJoin(p)
		}
	}
}

// dropJoin lets go of what a join has read. Where its expansion was skipped or has failed there is nothing to let go.
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
