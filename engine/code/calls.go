package code

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/python"
)

// calls are the calls of Python functions of a graph that the same interpreters execute.
type calls struct {
	first     Task // one of them
	bundle    Bundle
	modules   []string
	functions map[string]bool // as module:function
	most      int             // how many may be executed at a time
}

// check finds each function in an interpreter. The error says why its call would fail.
func (c *calls) check(ctx context.Context, pool *python.Pool) error {
	for _, f := range slices.Sorted(maps.Keys(c.functions)) {
		name, err := python.Encode(f)
		if err != nil {
			return err
		}
		_, _, err = pool.Call(ctx, python.Call{Module: "dagscope._lookup", Function: "check", Values: []python.Value{name}})
		var failed *python.CallError
		switch {
		case errors.As(err, &failed) && failed.Reason == python.Raised:
			return fmt.Errorf("%s cannot be imported: %w\n%s", f, err, failed.Traceback)
		case errors.As(err, &failed):
			return fmt.Errorf("%s: %s", f, failed.Message)
		case err != nil:
			return err
		}
	}
	return nil
}

// callsOf lists the calls of a graph by bundle and environment.
func callsOf(g *dag.Graph) []calls {
	var out []calls
	bundles := map[string]Bundle{}
	for _, c := range g.Constants() {
		switch v := c.Value.(type) {
		case Bundle:
			bundles[v.Hash] = v
		case Task:
			if v.Call != nil {
				out = addCall(out, v)
			}
		}
	}
	for i := range out {
		out[i].bundle = bundles[out[i].first.Bundle]
		if g.Scopes() > 1 { // a fan-out may have any number of elements
			out[i].most = math.MaxInt
		}
	}
	return out
}

func addCall(all []calls, t Task) []calls {
	i := slices.IndexFunc(all, func(c calls) bool { return c.first.Bundle == t.Bundle && c.first.Environment == t.Environment })
	if i < 0 {
		i = len(all)
		all = append(all, calls{first: t, functions: map[string]bool{}})
	}
	all[i].most++
	if !slices.Contains(all[i].modules, t.Call.Module) {
		all[i].modules = append(all[i].modules, t.Call.Module)
	}
	all[i].functions[t.Call.Module+":"+t.Call.Function] = true
	return all
}
