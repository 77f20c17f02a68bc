package metricsstore

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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

// MaxPeers is how many peers a run is compared with at most: the latest before it.
const MaxPeers = 100

// PeerKey is the same text for runs that are peers of each other in the scope SamePeers, and differs for others. It is
// a short hash.
func (h *Header) PeerKey() string {
	key := struct {
		Workflow string            `json:"w"`
		Imported bool              `json:"i,omitempty"`
		Params   map[string]string `json:"p,omitempty"`
		Classes  map[string]int    `json:"c,omitempty"`
		Graph    string            `json:"g"`
	}{Workflow: h.Info.Workflow, Imported: h.imported(), Graph: h.Graph.Hash}
	if !key.Imported {
		key.Params = maps.Clone(h.Info.Params)
	}
	if len(h.Info.Inputs) > 0 {
		// How the graph looks may follow from the content of a file, so its functions count instead.
		key.Graph, key.Classes = h.Graph.Functions, map[string]int{}
		for name, size := range h.Info.Inputs {
			delete(key.Params, name)
			key.Classes[name] = sizeClass(size)
		}
	}
	b, _ := json.Marshal(key) // plain data
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

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

// Candidate is a run that may be a peer of others.
type Candidate struct {
	Run
	key string // PeerKey, which takes some microseconds to work out; empty where the run is not Comparable
}

// NewCandidate keeps the run, which must not be modified afterwards.
func NewCandidate(r *Run) *Candidate {
	c := &Candidate{Run: *r}
	if r.Comparable() {
		c.key = r.PeerKey()
	}
	return c
}

// Peers gives those of some candidates that a run can be compared with, at most MaxPeers. The candidates are those
// before the run, the latest first, as Runs lists them. The error is ErrInvalid for an unknown scope.
func Peers(of *Run, scope PeerScope, candidates []*Candidate) ([]*Run, error) {
	if scope != SamePeers && scope != WorkflowPeers {
		return nil, invalid("peers %q, expected same or workflow", scope)
	}
	var out []*Run
	key := of.PeerKey()
	for _, c := range candidates {
		if len(out) == MaxPeers {
			break
		}
		if c.key != "" && (scope == SamePeers && c.key == key || scope == WorkflowPeers && c.Info.Workflow == of.Info.Workflow) {
			out = append(out, &c.Run)
		}
	}
	return out, nil
}
