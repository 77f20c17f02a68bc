package statetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// race lets lanes, each a goroutine, work on one run of a random graph, and checks the outcome: a log that could have
// happened, node numbers that follow from it, and the result of the sequential evaluation.
func race(ctx context.Context, store state.Store, seed uint64, lanes int) error {
	rng := rand.New(rand.NewPCG(seed, 0xface))
	job := newJob(enginetest.RandomGraph(rng, 5+rng.IntN(60)), engine.RunOptions{Policy: record.Continue})
	run, err := store.Create(ctx, job, (&hookCounts{}).hooks())
	if err != nil {
		return fmt.Errorf("seed %d: %w", seed, err)
	}
	r := &racing{run: run, graph: job.Graph, end: time.Now().Add(patience), cancelAfter: int64(rng.IntN(400))}
	r.mishaps.Store(int64(rng.IntN(9))) // fewer than the least retry budget
	var group sync.WaitGroup
	for i := range lanes {
		group.Go(func() { r.work(run.Lane(i), rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	group.Wait()
	if err := errors.Join(r.first, r.check(ctx, job)); err != nil {
		return fmt.Errorf("seed %d: %w", seed, err)
	}
	run.Forget()
	return nil
}

type racing struct {
	run         state.Run
	graph       *dag.Graph
	end         time.Time
	cancelAfter int64 // completions; so many that most runs do not get there
	completions atomic.Int64
	mishaps     atomic.Int64 // left

	mu    sync.Mutex // guards first
	first error
}

func (r *racing) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil {
		r.first = err
	}
}

// work claims and completes until the run is over.
func (r *racing) work(lane state.Lane, rng *rand.Rand) {
	for {
		select {
		case <-r.run.Done():
			return
		default:
		}
		if c, ok := lane.Claim(); ok {
			if err := r.workOn(lane, c, rng); err != nil {
				r.fail(err)
				r.run.Cancel()
			}
			continue
		}
		if time.Now().After(r.end) {
			r.fail(fmt.Errorf("the run does not end: %+v", r.run.Progress()))
			return
		}
		runtime.Gosched()
	}
}

// workOn executes a claimed node and what the claim passes on to.
func (r *racing) workOn(lane state.Lane, c state.Claim, rng *rand.Rand) error {
	for {
		mishap := rng.IntN(20)
		if mishap < 2 && r.mishaps.Add(-1) < 0 {
			mishap = 20
		}
		if mishap == 0 {
			lane.Release()
			return nil
		}
		now := r.run.Now()
		e := state.End{Node: c.Node, Epoch: c.Epoch, Attempt: c.Attempt, Outcome: record.OutcomeOK, Claimed: now, Started: now}
		var err error
		if e.Output, err = execute(r.run, r.graph, c.Node, r.run); err != nil {
			return err
		}
		if mishap == 1 {
			e.Outcome, e.Output, e.Delay = record.OutcomeRetrying, nil, int64(rng.IntN(20_000))
		}
		e.Ended = r.run.Now()
		reply := lane.Complete([]state.End{e}, rng.IntN(5) > 0)
		if r.completions.Add(1) == r.cancelAfter {
			r.run.Cancel()
		}
		if reply.Stale {
			return fmt.Errorf("node %d: a claim that is held is stale", c.Node)
		}
		if !reply.HasNext {
			return nil
		}
		c = reply.Next
	}
}

func (r *racing) check(ctx context.Context, job execution.Job) error {
	steps, err := readLog(ctx, r.run)
	if err != nil {
		return err
	}
	folded, err := fold(job, steps)
	if err != nil {
		return err
	}
	blocks := folded.ledger.Blocks
	for i, b := range r.run.Numbering().Blocks()[1:] { // but for the graph itself
		if i >= len(blocks) || blocks[i].First != b.First || blocks[i].Width != b.Instances || blocks[i].Expansion != b.Expansion {
			return fmt.Errorf("block %d is %+v, but the order of expansions in the log gives %+v", i, b, blocks)
		}
	}
	progress, want := r.run.Progress(), folded.progress()
	if progress != want {
		return fmt.Errorf("progress is %+v, expected %+v", progress, want)
	}
	end, value := r.run.End()
	if end.Status != record.Succeeded {
		return nil
	}
	out, err := enginetest.Evaluate(ctx, job.Graph)
	if err != nil {
		return err
	}
	if out.Tasks != progress.Done {
		return fmt.Errorf("%d tasks are done, expected %d", progress.Done, out.Tasks)
	}
	return equal("result", value, out.Result)
}
