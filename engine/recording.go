package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// recording passes what happens in one run to the recorder. It belongs to the goroutine that follows the run.
type recording struct {
	run      *Run
	recorder record.Recorder
	reported map[int]bool // by the number of a worker, whether its last record has arrived
}

const (
	// goneFor is how long an executor may take to end a run after its log and the rest of its state are gone.
	goneFor = 10 * time.Second
	// lastWord is how long workers in other processes may take to notice the end of a run and to report what they used.
	lastWord = time.Second
)

// record passes a run's log to the recorder as it grows, from the step after the one numbered after. If other processes
// continue the run, they also continue its record.
func (e *Engine) record(ctx context.Context, r *Run, after uint64) error {
	return (&recording{run: r, recorder: e.cfg.Recorder, reported: map[int]bool{}}).record(ctx, after)
}

func (r *recording) record(ctx context.Context, after uint64) error {
	for {
		steps, err := r.run.exec.Steps(ctx, after)
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, ErrUnknownRun) && r.run.overWithin(ctx, goneFor) {
			return errors.Join(err, r.end())
		}
		if err != nil {
			return r.leave(ctx, err)
		}
		r.recorder.Steps(r.run.info.ID, steps)
		after = steps[len(steps)-1].Seq
		r.details()
	}
	if err := r.run.over(ctx); err != nil { // the last details arrive with the end of the run
		return r.leave(ctx, err)
	}
	r.lastDetails(ctx)
	return r.end()
}

// lastDetails waits for the last records of workers.
func (r *recording) lastDetails(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastWord)
	defer cancel()
	again := time.NewTicker(lastWord / 50)
	defer again.Stop()
	for r.details(); !r.isComplete(); r.details() {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// details passes on new details and worker records.
func (r *recording) details() {
	details, workers := r.run.exec.TakeDetails()
	for i := range workers {
		w := &workers[i]
		r.reported[w.Worker] = r.reported[w.Worker] || w.Ended != 0
	}
	if len(details)+len(workers) > 0 {
		r.recorder.Details(r.run.info.ID, details, workers)
	}
}

// isComplete reports whether every worker has sent its last record.
func (r *recording) isComplete() bool {
	for _, isLast := range r.reported {
		if !isLast {
			return false
		}
	}
	return true
}

func (r *recording) end() error {
	end, _ := r.run.exec.End()
	return r.recorder.End(r.run.info.ID, end)
}

// leave stops recording a run when this process cannot read its log to the end.
func (r *recording) leave(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = ErrElsewhere
	}
	if adopter, ok := r.recorder.(record.Adopter); ok {
		err = errors.Join(err, adopter.Leave(r.run.info.ID))
	}
	return err
}
