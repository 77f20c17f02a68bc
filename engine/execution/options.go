package execution

import (
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Options say how one run is executed; the zero value means the defaults.
type Options struct {
	Policy   record.Policy // default FailFast
	Deadline time.Duration // from the submission; default 24 h
	Limits   dag.Limits
	// Upload names the strategy by which details reach the recorder; empty for the recorder's default.
	Upload string
	Tags   []string
	// Unlogged keeps no log, so the run has no events and no record: for measuring the bare engine.
	Unlogged bool
	// Rules say where tasks are executed and how outputs get there, if several processes share the run.
	Rules record.Rules
	// Key names the submission, so that a client which does not know whether it succeeded can find its run; empty for
	// none. If it contains a dot, the part after the dot identifies what was submitted.
	Key string
}
