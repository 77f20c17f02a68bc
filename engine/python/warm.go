package python

import (
	"context"
	"errors"
	"sync"
)

// Warm starts interpreters until n wait for calls, or as many as Max leaves next to the calls that are in progress. It
// returns how many it started. The errors are those of Call.
func (p *Pool) Warm(ctx context.Context, n int) (started int, err error) {
	n = min(n, cap(p.slots)-len(p.slots))
	before := p.Counts()
	if before.Idle >= n {
		return 0, nil
	}
	var all sync.WaitGroup
	taken, errs := make([]*interpreter, n), make([]error, n)
	for i := range n {
		all.Go(func() { taken[i], errs[i] = p.takeOne(ctx) }) // all are taken at a time, so that each is another
	}
	all.Wait()
	for _, in := range taken {
		if in != nil {
			p.put(in, nil)
			p.leave()
		}
	}
	return int(p.Counts().Started - before.Started), errors.Join(errs...)
}

// takeOne takes an interpreter as for a call. The caller puts it back and leaves, unless there is an error.
func (p *Pool) takeOne(ctx context.Context) (*interpreter, error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	in, err := p.take(ctx)
	if err != nil {
		p.leave()
	}
	return in, err
}
