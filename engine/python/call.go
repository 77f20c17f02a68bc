package python

import (
	"fmt"
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/process"
)

// Call is one call of a function.
type Call struct {
	Module   string // as in an import
	Function string // its name in the module, as f or Class.f
	// Values are the positional arguments, or what fills the holes of Template.
	Values []Value
	// Template is a list of positional arguments and a dict of named ones, with holes at any depth, as FORMAT.md has it;
	// the zero Value for none.
	Template Value
	// AllowPickle has values that cannot be sent otherwise pickled. Without it, a pickle among the values is refused.
	AllowPickle bool
	// Lines receives what the function prints, as process.Command.Lines; Call returns after its last call.
	Lines func(process.Line)
}

func (c *Call) name() string { return c.Module + ":" + c.Function }

func (c *Call) check() error {
	switch {
	case c.Module == "" || c.Function == "":
		return fmt.Errorf("python: the function is %q, expected a module and a name", c.name())
	case len(c.name()) > math.MaxUint16:
		return fmt.Errorf("python: the name of the function has %d bytes, expected at most %d", len(c.name()), math.MaxUint16)
	case !c.AllowPickle && (c.Template.Codec == Pickle || slices.ContainsFunc(c.Values, func(v Value) bool { return v.Codec == Pickle })):
		return &CallError{Function: c.name(), Reason: Malformed, Message: "a pickle is among the arguments, and the call does not allow it"}
	default:
		return nil
	}
}

// unknownUsage is that of a call that has not come to its end.
var unknownUsage = process.Usage{
	User: -1, System: -1, PeakMemory: -1, ReadBytes: -1, WrittenBytes: -1, VoluntarySwitches: -1, InvoluntarySwitches: -1,
}
