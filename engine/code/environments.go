package code

import (
	"context"
	"slices"
	"sync"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/environment"
)

// environments are those that this process has prepared or found. They are kept from pruning until release.
type environments struct {
	dir string // of the store

	mu   sync.Mutex
	held []heldEnvironment // guarded by mu
}

type heldEnvironment struct {
	spec string // encoded
	env  *environment.Environment
}

// get returns the environment of a spec, and prepares it if this process has not yet.
func (e *environments) get(ctx context.Context, spec environment.Spec, progress func(environment.Progress)) (*environment.Environment, error) {
	encoded, err := canonical.Marshal(spec)
	if err != nil {
		return nil, err
	}
	if env := e.has(string(encoded)); env != nil {
		return env, nil
	}
	store, err := environment.Open(e.dir)
	if err != nil {
		return nil, err
	}
	env, err := store.Prepare(ctx, spec, progress)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held = append(e.held, heldEnvironment{string(encoded), env})
	return env, nil
}

func (e *environments) has(spec string) *environment.Environment {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.IndexFunc(e.held, func(h heldEnvironment) bool { return h.spec == spec }); i >= 0 {
		return e.held[i].env
	}
	return nil
}

func (e *environments) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.held {
		h.env.Release()
	}
	e.held = nil
}

// needed lists the environments that tasks of a graph name, each once.
func needed(g *dag.Graph) []environment.Spec {
	names := map[string]map[string]bool{} // by bundle
	for _, c := range g.Constants() {
		if t, ok := c.Value.(Task); ok && t.Environment != "" {
			if names[t.Bundle] == nil {
				names[t.Bundle] = map[string]bool{}
			}
			names[t.Bundle][t.Environment] = true
		}
	}
	var out []environment.Spec
	for _, c := range g.Constants() {
		b, ok := c.Value.(Bundle)
		if !ok {
			continue
		}
		for name := range names[b.Hash] {
			if spec, ok := b.Environments[name]; ok {
				out = append(out, spec)
			}
		}
		delete(names, b.Hash)
	}
	return out
}
