package sharedtest

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// Backend is one process's connection to a Server. Safe for concurrent use.
type Backend struct {
	server     *Server
	faults     Faults
	commands   atomic.Uint64
	roundTrips atomic.Uint64

	mu     sync.Mutex
	healed chan struct{} // closed by Heal, nil while the connection is whole
}

var _ shared.Backend = (*Backend)(nil)

// Connect opens a connection with faults of its own; nil for none.
func (s *Server) Connect(faults Faults) *Backend {
	if faults == nil {
		faults = func(Call) Fault { return Fault{} }
	}
	return &Backend{server: s, faults: faults}
}

// Create implements shared.Backend. A repetition after a lost answer finds its own run, and is no error.
func (b *Backend) Create(ctx context.Context, r shared.NewRun) error {
	applied := false
	return b.call(ctx, Call{Method: "Create", Run: r.ID}, 1, func() error {
		if applied {
			return nil
		}
		err := b.server.create(r)
		applied = err == nil
		return err
	})
}

// Active implements shared.Backend.
func (b *Backend) Active(ctx context.Context) (runs []record.RunID, err error) {
	err = b.call(ctx, Call{Method: "Active"}, 1, func() error { runs = b.server.list(false); return nil })
	return runs, err
}

// Ended implements shared.Backend.
func (b *Backend) Ended(ctx context.Context) (runs []record.RunID, err error) {
	err = b.call(ctx, Call{Method: "Ended"}, 1, func() error { runs = b.server.list(true); return nil })
	return runs, err
}

// Open implements shared.Backend.
func (b *Backend) Open(ctx context.Context, id record.RunID) (stored shared.Stored, err error) {
	err = b.call(ctx, Call{Method: "Open", Run: id}, 1, func() (err error) { stored, err = b.server.open(id); return err })
	return stored, err
}

// Peek implements shared.Backend.
func (b *Backend) Peek(ctx context.Context, id record.RunID) (stored shared.Stored, err error) {
	err = b.call(ctx, Call{Method: "Peek", Run: id}, 1, func() (err error) { stored, err = b.server.open(id); return err })
	stored.Job, stored.Graph, stored.Constants = nil, nil, nil
	return stored, err
}

// Commit implements shared.Backend.
func (b *Backend) Commit(ctx context.Context, id record.RunID, calls []shared.Call) (replies []ledger.Reply, err error) {
	call := Call{Method: "Commit", Run: id}
	if len(calls) > 0 {
		call.Session = calls[0].Commit.Session
	}
	err = b.call(ctx, call, len(calls), func() (err error) { replies, err = b.server.commit(id, calls); return err })
	for i := range calls {
		if h := &calls[i].Wake; err == nil && h.N > 0 {
			_ = b.Wake(ctx, id, h.Functions, h.N) // a hint
		}
	}
	return replies, err
}

// Do implements shared.Backend.
func (b *Backend) Do(ctx context.Context, id record.RunID, op ledger.Op, record []byte) (reply ledger.Reply, err error) {
	call := Call{Method: "Do", Run: id, Op: op}
	err = b.call(ctx, call, 1, func() (err error) { reply, err = b.server.do(id, op, record); return err })
	return reply, err
}

// PutOutput implements shared.Backend.
func (b *Backend) PutOutput(ctx context.Context, id record.RunID, key string, value []byte) error {
	value = bytes.Clone(value)
	return b.call(ctx, Call{Method: "PutOutput", Run: id}, 1, func() error {
		return b.server.on(id, func(r *run) error { r.keyed[key] = value; return nil })
	})
}

// Outputs implements shared.Backend.
func (b *Backend) Outputs(ctx context.Context, id record.RunID, nodes []dag.NodeID) (out []shared.Output, err error) {
	err = b.call(ctx, Call{Method: "Outputs", Run: id}, 1, func() error {
		return b.server.on(id, func(r *run) error { out = r.read(nodes); return nil })
	})
	return out, err
}

// Log implements shared.Backend.
func (b *Backend) Log(ctx context.Context, id record.RunID, after shared.Position, limit int, wait time.Duration) (entries []shared.Entry, err error) {
	deadline := time.Now().Add(wait)
	for {
		var more chan struct{}
		err = b.call(ctx, Call{Method: "Log", Run: id}, 1, func() error {
			return b.server.on(id, func(r *run) (err error) {
				entries, err = r.log.since(after, limit)
				more = r.log.more
				return err
			})
		})
		left := time.Until(deadline)
		if err != nil || len(entries) > 0 || left <= 0 {
			return entries, err
		}
		if !await(ctx, more, left) {
			return nil, ctx.Err()
		}
	}
}

// AddDetails implements shared.Backend. A repetition after a lost answer adds them once more, as Redis would.
func (b *Backend) AddDetails(ctx context.Context, id record.RunID, blobs [][]byte) error {
	return b.call(ctx, Call{Method: "AddDetails", Run: id}, 1, func() error {
		return b.server.on(id, func(r *run) error {
			for _, d := range blobs {
				r.addDetail(d)
			}
			return nil
		})
	})
}

// Details implements shared.Backend.
func (b *Backend) Details(ctx context.Context, id record.RunID, after shared.Position, limit int) (blobs []shared.Blob, err error) {
	err = b.call(ctx, Call{Method: "Details", Run: id}, 1, func() error {
		return b.server.on(id, func(r *run) (err error) { blobs, err = r.details.since(after, limit); return err })
	})
	return blobs, err
}

// Wake implements shared.Backend. If a fault drops it, no process is woken.
func (b *Backend) Wake(ctx context.Context, id record.RunID, functions []string, n int) error {
	call := Call{Method: "Wake", Run: id}
	drop := b.faults(call).Drop
	return b.call(ctx, call, 1, func() error {
		if !drop {
			b.server.wake(id, functions, n)
		}
		return nil
	})
}

// Sleep implements shared.Backend.
func (b *Backend) Sleep(ctx context.Context, functions []string, wait time.Duration) (id record.RunID, err error) {
	var z *sleeper
	err = b.call(ctx, Call{Method: "Sleep"}, 1, func() error {
		if z != nil {
			if id = b.server.rise(z); id != "" {
				return nil
			}
		}
		id, z = b.server.sleep(functions)
		return nil
	})
	if err != nil || id != "" {
		return id, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case id = <-z.woken:
		return id, nil
	case <-timer.C:
		return b.server.rise(z), nil
	case <-ctx.Done():
		b.server.rise(z)
		return "", ctx.Err()
	}
}

// News implements shared.Backend. News that a fault drops reach no process.
func (b *Backend) News(ctx context.Context, notify func(record.RunID)) error {
	l := b.server.listen()
	defer b.server.ignore(l)
	for {
		select {
		case <-l.heard:
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, id := range b.server.take(l) {
			call := Call{Method: "News", Run: id}
			drop := b.faults(call).Drop
			if err := b.call(ctx, call, 0, func() error { return nil }); err != nil {
				return err
			}
			if !drop {
				notify(id)
			}
		}
	}
}

// Finish implements shared.Backend.
func (b *Backend) Finish(ctx context.Context, id record.RunID, end []byte) (kept []byte, err error) {
	err = b.call(ctx, Call{Method: "Finish", Run: id}, 1, func() (err error) { kept, err = b.server.finish(id, end); return err })
	return kept, err
}

// Clean implements shared.Backend.
func (b *Backend) Clean(ctx context.Context, id record.RunID, frontier []dag.NodeID) (keys int, err error) {
	err = b.call(ctx, Call{Method: "Clean", Run: id}, 1, func() (err error) { keys, err = b.server.clean(id, frontier); return err })
	return keys, err
}

// Delete implements shared.Backend. A repetition after a lost answer finds nothing, and is no error.
func (b *Backend) Delete(ctx context.Context, id record.RunID) error {
	applied := false
	return b.call(ctx, Call{Method: "Delete", Run: id}, 1, func() error {
		if applied {
			return nil
		}
		err := b.server.delete(id)
		applied = err == nil
		return err
	})
}

// Snapshot implements shared.Backend.
func (b *Backend) Snapshot(ctx context.Context, id record.RunID) (state *ledger.State, err error) {
	err = b.call(ctx, Call{Method: "Snapshot", Run: id}, 1, func() (err error) { state, err = b.server.snapshot(id); return err })
	return state, err
}

// Revise implements shared.Backend. A repetition after a lost answer finds its own revision, and is no error.
func (b *Backend) Revise(ctx context.Context, id record.RunID, state *ledger.State) error {
	applied := false
	return b.call(ctx, Call{Method: "Revise", Run: id}, 1, func() error {
		if applied {
			return nil
		}
		err := b.server.revise(id, state)
		applied = err == nil
		return err
	})
}

// Workers implements shared.Backend.
func (b *Backend) Workers(ctx context.Context, id record.RunID) (workers []shared.Worker, err error) {
	err = b.call(ctx, Call{Method: "Workers", Run: id}, 1, func() (err error) { workers, err = b.server.workers(id); return err })
	return workers, err
}

// Costs implements shared.Backend, for this connection.
func (b *Backend) Costs() shared.Costs {
	return shared.Costs{Commands: b.commands.Load(), RoundTrips: b.roundTrips.Load()}
}
