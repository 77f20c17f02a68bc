package sharedtest

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// retryAfter is how long a connection waits before it repeats a call that got no answer.
const retryAfter = 20 * time.Millisecond

// Call is one attempt of a call on its way to the server.
type Call struct {
	Method  string // of shared.Backend
	Run     record.RunID
	Session ledger.SessionID // of Commit
	Op      ledger.Op        // of Do
	Attempt int              // from 0
}

// Fault is what happens to one attempt of a call; the zero value is none.
type Fault struct {
	Before, After time.Duration // how long call and answer are under way
	LoseCall      bool          // it does not arrive, and is repeated
	LoseAnswer    bool          // it takes effect, and is repeated
	Drop          bool          // of Wake and News: it reaches no process
}

// Faults decides what happens to a call. It is called from several goroutines, and must not call the Backend.
type Faults func(Call) Fault

// Random loses calls, answers and hints, each with the probability p, and delays both ways by up to delay. The same seed
// gives the same faults to the same sequence of calls.
func Random(seed uint64, p float64, delay time.Duration) Faults {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 0))
	return func(Call) Fault {
		mu.Lock()
		defer mu.Unlock()
		late := func() time.Duration { return time.Duration(rng.Int64N(int64(delay) + 1)) }
		return Fault{
			Before: late(), After: late(),
			LoseCall: rng.Float64() < p, LoseAnswer: rng.Float64() < p, Drop: rng.Float64() < p,
		}
	}
}

// Cut interrupts the connection: calls do not arrive, answers neither, until Heal. Calls wait, as for a server that is
// gone.
func (b *Backend) Cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.healed == nil {
		b.healed = make(chan struct{})
	}
}

// Heal undoes Cut.
func (b *Backend) Heal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.healed != nil {
		close(b.healed)
		b.healed = nil
	}
}

// cut is closed by Heal, nil while the connection is whole.
func (b *Backend) cut() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.healed
}

// call carries out a call, and repeats it until it has got an answer or ctx ends.
func (b *Backend) call(ctx context.Context, c Call, commands int, do func() error) error {
	for ; ; c.Attempt++ {
		if healed := b.cut(); healed != nil {
			select {
			case <-healed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		f := b.faults(c)
		if !pause(ctx, f.Before) {
			return ctx.Err()
		}
		var err error
		arrived := !f.LoseCall && b.cut() == nil
		if arrived {
			b.commands.Add(uint64(commands))
			b.roundTrips.Add(1)
			err = do()
		}
		if !pause(ctx, f.After) {
			return ctx.Err()
		}
		if arrived && !f.LoseAnswer && b.cut() == nil {
			return err
		}
		if !pause(ctx, retryAfter) {
			return ctx.Err()
		}
	}
}

// pause waits, and reports false where ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// await waits for a channel to be closed, and reports false where d has passed or ctx has ended before.
func await(ctx context.Context, c <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	case <-ctx.Done():
		return false
	}
}
