package dag

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine/internal/wire"
)

// MaxName bounds the name of a node in bytes, MaxNames those of all nodes of a run together. So a shape of some
// megabytes cannot take gigabytes of memory, although names of it share their beginnings.
const (
	MaxName  = 200
	MaxNames = 32 << 20
)

// names are what a recording calls the nodes of its run, one after the other in a single text: a run can have a million.
type names struct {
	text string
	ends []uint32 // of the name of each node in text; later nodes have none
}

// WithNames returns the same graph with the names by which the tool that has executed it knows its tasks. They are by
// node, also of the instances of fan-outs, as a recording knows in which order those expanded; a task without a name of
// its own has an empty one. It fails with ErrInvalidGraph if they exceed MaxName or MaxNames.
//
// Names are no part of the structure: they change neither Hash nor what identifies a task in other runs. AppendShape
// writes them; AppendGraph does not, because what was recorded is not executed.
func (g *Graph) WithNames(of []string) (*Graph, error) {
	for len(of) > 0 && of[len(of)-1] == "" {
		of = of[:len(of)-1]
	}
	out := *g
	out.names = nil
	if len(of) == 0 {
		return &out, nil
	}
	all := 0
	for node, name := range of {
		if all += len(name); len(name) > MaxName || all > MaxNames {
			return nil, fmt.Errorf("%w: the name of node %d has %d bytes and those so far %d, at most %d and %d are allowed",
				ErrInvalidGraph, node, len(name), all, MaxName, MaxNames)
		}
	}
	n := &names{text: strings.Join(of, ""), ends: make([]uint32, len(of))}
	for end, i := 0, 0; i < len(of); i++ {
		end += len(of[i])
		n.ends[i] = uint32(end)
	}
	out.names = n
	return &out, nil
}

// Named is the number of nodes from the first to the last one that has a name, 0 if none has.
func (g *Graph) Named() int {
	if g.names == nil {
		return 0
	}
	return len(g.names.ends)
}

// Name is what a recording calls a node, empty if it has no name of its own.
func (g *Graph) Name(id NodeID) string {
	n := g.names
	if n == nil || uint64(id) >= uint64(len(n.ends)) {
		return ""
	}
	from := uint32(0)
	if id > 0 {
		from = n.ends[id-1]
	}
	return n.text[from:n.ends[id]]
}

// appendNames writes the names, each without what it has in common with the beginning of the one before.
func (g *Graph) appendNames(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(g.Named()))
	before := ""
	for i := range g.Named() {
		name := g.Name(NodeID(i))
		same := 0
		for same < min(len(name), len(before)) && name[same] == before[same] {
			same++
		}
		dst = binary.AppendUvarint(dst, uint64(same))
		dst = wire.AppendText(dst, name[same:])
		before = name
	}
	return dst
}

// names reads what appendNames wrote.
func (d *shapeDecoder) names() {
	count := d.Number("the number of names", uint64(len(d.Rest)/2)) // a name takes at least 2 bytes
	n := &names{ends: make([]uint32, count)}
	var all []byte
	before := 0
	for i := range n.ends {
		from := len(all)
		same := int(d.Number("what a name has in common with the one before", uint64(from-before)))
		rest := d.Bytes(d.Count("the length of a name"))
		if length := same + len(rest); length > MaxName || from+length > MaxNames {
			d.Fail("the name of node %d has %d bytes and those before it %d, at most %d and %d are possible", i, length, from, MaxName, MaxNames)
		}
		if d.Err != nil {
			return
		}
		all = append(append(all, all[before:before+same]...), rest...)
		n.ends[i], before = uint32(len(all)), from
	}
	if count == 0 || d.Err != nil {
		return
	}
	n.text = string(all)
	d.g.names = n
}
