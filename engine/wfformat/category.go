package wfformat

import "github.com/dagscope/dagscope/engine/record"

// categoryOf names the function that a task calls: the recorded category, else what record.FunctionOf finds.
func categoryOf(t *rawTask) string {
	if t.category != "" {
		return record.FunctionName(t.category)
	}
	return record.FunctionOf(t.id, t.name, t.program)
}
