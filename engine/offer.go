package engine

import (
	"fmt"
	"slices"
	"sync"

	"github.com/dagscope/dagscope/engine/dag"
)

// offered are the workflows that can be submitted by name. Safe for concurrent use.
type offered struct {
	mu     sync.Mutex
	all    []*Workflow          // guarded by mu; never changed, only replaced
	byName map[string]*Workflow // guarded by mu; likewise
}

// replace offers some workflows instead of those of before. After an error nothing has changed.
func (o *offered) replace(all []*Workflow) error {
	byName := make(map[string]*Workflow, len(all))
	var functions []*Function
	for _, w := range all {
		if byName[w.Name] != nil {
			return fmt.Errorf("engine: two workflows are named %q, expected one name each", w.Name)
		}
		byName[w.Name] = w
		functions = append(functions, w.Functions...)
	}
	if err := dag.CheckNames(functions); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all, o.byName = slices.Clip(all), byName
	return nil
}

func (o *offered) list() []*Workflow {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all
}

// find returns a workflow by name; the error is ErrUnknownWorkflow.
func (o *offered) find(name string) (*Workflow, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w := o.byName[name]; w != nil {
		return w, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownWorkflow, name)
}
