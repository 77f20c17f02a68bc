package code

import (
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

// calls are the calls of Python functions of a graph that the same interpreters execute.
type calls struct {
	first   Task // one of them
	bundle  Bundle
	modules []string
	most    int // how many may be executed at a time
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
		all = append(all, calls{first: t})
	}
	all[i].most++
	if !slices.Contains(all[i].modules, t.Call.Module) {
		all[i].modules = append(all[i].modules, t.Call.Module)
	}
	return all
}
