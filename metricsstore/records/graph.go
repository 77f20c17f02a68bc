package records

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

// call stands for the function of recorded tasks, which only the tool that ran them has. Its output is what others
// wait for.
type call = engine.F1[[]bool, bool]

// graph builds the graph of the run: first the tasks of no group in topological order, then a fan-out for each group.
// So the i-th sorted task is node i, and the expansion of the i-th group in order is the i-th after those.
func (c *compiler) graph() (*dag.Graph, error) {
	b := engine.NewBuilder()
	calls := map[string]call{}
	callOf := func(function string) call {
		f, known := calls[function]
		if !known {
			f = engine.Func1(function, func(context.Context, []bool) (bool, error) {
				return false, fmt.Errorf("%s ran elsewhere and cannot be executed", function)
			})
			calls[function] = f
		}
		return f
	}
	outputs := make([]engine.Ref[bool], len(c.run.Tasks))
	for _, t := range c.sorted {
		inputs := make([]engine.Ref[bool], len(c.parents[t]))
		for i, p := range c.parents[t] {
			inputs[i] = outputs[p]
		}
		outputs[t] = callOf(c.functions[t]).Call(engine.List(b, inputs...))
	}
	joins := make([]engine.Ref[[]bool], len(c.after))
	for _, g := range c.groupsInOrder() {
		over := engine.Const(b, [][]bool{})
		if len(c.after[g].after) > 0 {
			before := make([]engine.Ref[[]bool], len(c.after[g].after))
			for i, a := range c.after[g].after {
				before[i] = joins[a]
			}
			over = engine.List(b, before...)
		}
		joins[g] = engine.FanOut(b, over, callOf(c.groupFunctions[g]).Call)
	}
	graph, err := b.Compile(engine.Const(b, true))
	if err != nil {
		return nil, fmt.Errorf("records: %s: %w", c.run.Workflow, err)
	}
	return graph, nil
}
