package metricsstore

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
)

// PeerScope says which runs a run is compared with.
type PeerScope string

// Scopes of peers. Either way, peers are only runs that started before, succeeded, were never continued after an end,
// and are not damaged.
const (
	// SamePeers are runs of the same workflow with the same versions of functions and the same parameters; a file
	// parameter counts by its size, rounded down to a power of two. Imported recordings have no parameters, so the
	// structure of their graph counts.
	SamePeers PeerScope = "same"
	// WorkflowPeers are all runs of the same workflow.
	WorkflowPeers PeerScope = "workflow"
)

// Check returns ErrInvalid for an unknown scope.
func (s PeerScope) Check() error {
	if s != SamePeers && s != WorkflowPeers {
		return invalid("peers %q, expected same or workflow", s)
	}
	return nil
}

// MaxPeers is the greatest number of peers a run is compared with: the latest before it.
const MaxPeers = 100

func (h *Header) imported() bool { return h.Info.Imported() != nil }

// PeerTerms describes what the peers of a run have in common apart from their workflow, such as "n=1000" and "input
// of 64 to 128 KiB"; in the order of the parameters' names.
func (h *Header) PeerTerms() []string {
	if h.imported() {
		return []string{"the same graph"}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(h.Info.Params)) {
		if size, isFile := h.Info.Inputs[name]; isFile {
			out = append(out, name+" of "+classText(SizeClass(size)))
			continue
		}
		out = append(out, name+"="+h.Info.Params[name])
	}
	return out
}

// classText is the range of sizes of a class, such as "64 to 128 KiB".
func classText(class int) string {
	if class <= 0 {
		return "0 B"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	low := class - 1 // the power of two at which the class begins
	unit := low / 10
	return fmt.Sprintf("%d to %d %s", 1<<(low-10*unit), 2<<(low-10*unit), units[unit])
}

// Comparable reports whether a run can be a peer of others: it succeeded, can be read, and was not continued after an
// end, as the pause before that would count as its own time.
func (r *Run) Comparable() bool {
	return r.Status == record.Succeeded && r.Info.Revision == 0 && len(r.Faults) == 0
}
