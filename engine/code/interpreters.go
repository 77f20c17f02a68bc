package code

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/python"
)

// interpreters are pools of Python interpreters, one for each bundle and environment. A pool that was not used for a while
// ends.
type interpreters struct {
	cfg   Config
	ready chan struct{} // closed when run accepts pools

	mu    sync.Mutex
	ctx   context.Context // of run; nil before, guarded by mu
	pools map[poolKey]*pool
	live  sync.WaitGroup // of pools
}

// poolKey is what interpreters have in common.
type poolKey struct{ project, environment string }

// pool is one that runs.
type pool struct {
	*python.Pool
	stop context.CancelFunc
	used time.Time // by the last call that began; guarded by interpreters.mu
}

// poolIdle is after how long without a call a pool ends. Its interpreters end much earlier.
const poolIdle = 10 * time.Minute

func (p *interpreters) init(cfg Config) {
	p.cfg, p.ready, p.pools = cfg, make(chan struct{}), map[poolKey]*pool{}
}

func (p *interpreters) run(ctx context.Context) error {
	p.mu.Lock()
	p.ctx = ctx
	p.mu.Unlock()
	close(p.ready)
	check := time.NewTicker(poolIdle / 10)
	defer check.Stop()
	for {
		select {
		case <-check.C:
			p.endIdle(time.Now().Add(-poolIdle))
		case <-ctx.Done():
			p.live.Wait()
			return nil
		}
	}
}

// endIdle ends the pools without a call since a moment.
func (p *interpreters) endIdle(since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, pool := range p.pools {
		if pool.used.Before(since) && pool.Counts().Live == pool.Counts().Idle {
			pool.stop()
			delete(p.pools, key)
		}
	}
}

// get returns the pool for an attempt of a task. Interpreters of a new one import the modules before their first calls.
func (p *interpreters) get(ctx context.Context, w *work, modules []string) (*python.Pool, error) {
	select {
	case <-p.ready:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	key := poolKey{project: w.project}
	if w.environment != nil {
		key.environment = string(w.environment.Key)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return nil, python.ErrClosed
	}
	if known := p.pools[key]; known != nil {
		known.used = time.Now()
		return known.Pool, nil
	}
	made, err := p.start(w, modules)
	if err != nil {
		return nil, err
	}
	p.pools[key] = made
	return made.Pool, nil
}

// start makes a pool and runs it. The caller holds mu.
func (p *interpreters) start(w *work, modules []string) (*pool, error) {
	env, err := w.variables(map[string]string{})
	if err != nil {
		return nil, err
	}
	cfg := python.Config{Package: p.cfg.Package, Folder: p.cfg.Dir, Env: env, Max: p.cfg.Interpreters, Preimport: modules}
	if w.project != "" {
		cfg.Path = []string{w.project}
	}
	if w.environment != nil {
		cfg.Interpreter = w.environment.Python()
	}
	made, err := python.New(cfg)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(p.ctx)
	p.live.Go(func() { _ = made.Run(ctx) }) // calls report why it cannot run
	return &pool{Pool: made, stop: stop, used: time.Now()}, nil
}

var errPickle = errors.New("code: the task wants values pickled, which this worker does not accept; expected one that allows pickles")
