package metricsstore

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/dagscope/dagscope/engine"
)

// PeerScope says which runs a run is compared with.
type PeerScope string

// Scopes of peers. Of both, only runs take part that started before, succeeded, were never continued after an end, and
// are not damaged.
const (
	// SamePeers are runs of the same workflow with the same versions of functions and the same parameters; of files,
	// the size counts by its power of two. Of imported recordings, which have no parameters, the structure of the graph
	// counts.
	SamePeers PeerScope = "same"
	// WorkflowPeers are all runs of the same workflow.
	WorkflowPeers PeerScope = "workflow"
)

// Check gives ErrInvalid for an unknown scope.
func (s PeerScope) Check() error {
	if s != SamePeers && s != WorkflowPeers {
		return invalid("peers %q, expected same or workflow", s)
	}
	return nil
}

// MaxPeers is how many peers a run is compared with at most: the latest before it.
const MaxPeers = 100

func (h *Header) imported() bool { return h.Info.Imported() != nil }

// sizeClass is the number of bits of a size in bytes: sizes of one class differ by less than a factor of two.
func sizeClass(size int64) int { return bits.Len64(uint64(max(size, 0))) }

// PeerTerms says in words what the peers of a run have in common beside their workflow, such as "n=1000" and "input of
// 64 to 128 KiB"; in the order of the parameters' names.
func (h *Header) PeerTerms() []string {
	if h.imported() {
		return []string{"the same graph"}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(h.Info.Params)) {
		if size, isFile := h.Info.Inputs[name]; isFile {
			out = append(out, name+" of "+classText(sizeClass(size)))
			continue
		}
		out = append(out, name+"="+h.Info.Params[name])
	}
	return out
}

// classText is the range of sizes of a class, such as "64 to 128 KiB".
func classText(class int) string {
	if class == 0 {
		return "0 B"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	low := class - 1 // the power of two that the class begins with
	unit := low / 10
	return fmt.Sprintf("%d to %d %s", 1<<(low-10*unit), 2<<(low-10*unit), units[unit])
}

// Comparable reports whether a run can be a peer of others: it succeeded, was not continued after an end, whose pause
// would count as its own time, and can be read.
func (r *Run) Comparable() bool {
	return r.Status == engine.Succeeded && r.Info.Revision == 0 && len(r.Faults) == 0
}
