package ledger

import (
	"encoding/binary"

	"github.com/dagscope/dagscope/engine/dag"
)

// AppendKey appends the key without the numbers of commits.
func (s *State) AppendKey(b []byte) []byte { return s.appendKey(b, false) }

// Key is equal for two states of one Config if and only if they answer every sequence of operations in the same way,
// apart from moments and the numbers of steps and sessions.
func (s *State) Key() string { return string(s.appendKey(nil, true)) }

// appendKey appends the key, with the numbers of the sessions' last commits only if numbers is set.
func (s *State) appendKey(b []byte, numbers bool) []byte {
	k := key{b}
	k.text(string(s.Status))
	k.text(string(s.Stopping))
	k.number(s.Counts.Open, s.Counts.Retries, len(s.Nodes))
	for _, x := range s.Blocks {
		k.number(int(x.Expansion), int(x.Width))
	}
	for i := range s.Bits {
		k.b = binary.AppendUvarint(k.b, s.Bits[i])
	}
	for i := range s.Nodes {
		k.node(&s.Nodes[i])
	}
	for i := range s.Queues {
		q := &s.Queues[i]
		if len(q.Ready)+len(q.Solo) > 0 {
			k.number(int(q.Class))
			k.list(q.Ready)
			k.list(q.Solo)
		}
	}
	k.list(s.Retries)
	for i := range s.Sessions {
		ses := &s.Sessions[i]
		k.text(string(ses.ID))
		k.flags(ses.Over, ses.Suspect)
		if numbers {
			k.number(int(ses.Last))
		}
		k.list(ses.Ready)
		for _, e := range ses.Owed {
			k.number(int(e.Offset))
		}
	}
	return k.b
}

// key is a key that grows.
type key struct{ b []byte }

func (k *key) text(s string) { k.b = append(append(k.b, s...), 0) }

func (k *key) number(v ...int) {
	for _, n := range v {
		k.b = binary.AppendUvarint(k.b, uint64(n))
	}
}

func (k *key) list(ids []dag.NodeID) {
	k.number(len(ids))
	for _, id := range ids {
		k.number(int(id))
	}
}

func (k *key) flags(f ...bool) {
	bits := byte(0)
	for i, on := range f {
		if on {
			bits |= 1 << i
		}
	}
	k.b = append(k.b, bits)
}

// node appends the fields that have a meaning in the node's status.
func (k *key) node(n *Node) {
	k.b = append(k.b, byte(n.Status)<<4|byte(n.PendingEdges))
	k.number(int(n.Epoch))
	if n.Status == Claimed || n.PendingEdges == EdgesClaimed {
		k.text(string(n.Session))
	}
	if n.Status.Terminal() {
		return
	}
	k.flags(n.Bad, n.Poison, n.Started && n.Status == Claimed)
	k.number(int(n.Awaits))
	k.list(n.Awaited)
	if n.Status == Blocked && n.Awaits == 0 {
		k.number(int(n.Arrived))
	} else {
		k.number(int(n.Class), int(n.Attempts), int(n.Errors), int(n.Losses), int(n.Solo))
	}
	if n.Status == Blocked || n.Status == Ready {
		k.text(string(n.Reserved.Session))
		k.number(int(n.Reserved.Size), int(n.Reserved.Parent))
		for _, h := range n.Reserved.Held {
			k.number(int(h.Offset))
		}
	}
}
