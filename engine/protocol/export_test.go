package protocol

import (
	"github.com/dagscope/dagscope/engine/dag"
)

// Guards that a test can take away.
const (
	NoFence     = noFence
	BareCounter = bareCounter
	EarlyCount  = earlyCount
)

// Break takes guards away.
func (s *State) Break(b broken) { s.broken = b }

// Broken says which guards are gone.
func (s *State) Broken() bool { return s.broken != 0 }

// Kind is what a node is.
func (s *State) Kind(id dag.NodeID) dag.NodeKind { return s.at(id).kind() }
