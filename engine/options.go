package engine

import (
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/internal/wire"
	"github.com/dagscope/dagscope/engine/record"
)

// Names of other packages that are needed to write and submit a workflow.
type (
	// Function is what the engine knows of a declared Go function.
	Function = dag.Function
	// Signature is a function's name with the types it takes and returns.
	Signature = dag.Signature
	// Callable is any declared function: F0 to F4 and FN.
	Callable = dag.Callable
	// Options of a function; the zero value means the defaults.
	Options = dag.Options
	// RunOptions say how one run is executed; the zero value means the defaults.
	RunOptions = execution.Options
)

// Values of Options.
const (
	// NoRetries as Options.Retries: the first failure is final.
	NoRetries = dag.NoRetries
	// NoTimeout as Options.Timeout: an attempt may take until the run's deadline.
	NoTimeout = dag.NoTimeout
)

// withDefaults fills in the defaults.
func withDefaults(o RunOptions) RunOptions {
	if o.Policy == "" {
		o.Policy = record.FailFast
	}
	if o.Deadline <= 0 {
		o.Deadline = 24 * time.Hour
	}
	o.Limits = o.Limits.WithDefaults()
	o.Rules = o.Rules.WithDefaults()
	return o
}

// check refuses options that mean nothing; defaults are filled in.
func check(o RunOptions) error {
	if o.Policy != record.FailFast && o.Policy != record.Continue {
		return fmt.Errorf("%w: Policy is %q, expected %s or %s",
			ErrInvalidParameter, wire.Printable(string(o.Policy)), record.FailFast, record.Continue)
	}
	return nil
}
