package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// Bounds of groups: calls that wait for each other share a transaction.
const (
	// fullGroup is the number of steps that are worth a transaction of their own.
	fullGroup = 1000
	// maxGathered bounds the calls of one transaction.
	maxGathered = 256
)

// op is a call that changes something.
type op struct {
	apply   func(*write) error
	steps   int  // and rows in it
	patient bool // it may wait for others
	err     error
	done    chan error // of capacity 1: the answer, once it is on disk
}

// write is a transaction under way.
type write struct {
	tx    *bolt.Tx
	codec *codec
	dirty bool // something was changed
	runs  map[record.RunID]struct{}
}

// changed records that a run was changed, for those who wait for it.
func (w *write) changed(run record.RunID) {
	w.dirty = true
	w.runs[run] = struct{}{}
}

// update has the writer apply an op, and waits until it is on disk. What apply refuses it must refuse before it
// changes anything; it may be called more than once, and after update has returned because ctx has ended.
func (d *database) update(ctx context.Context, o *op) error {
	seen := d.generation.Load()
	err := d.updateOnce(ctx, o)
	if isPages(err) && d.heal(ctx, seen) {
		err = d.updateOnce(ctx, o)
	}
	return err
}

func (d *database) updateOnce(ctx context.Context, o *op) error {
	if err := d.calls.Begin(ctx); err != nil {
		return err
	}
	defer d.calls.End()
	o.done = make(chan error, 1)
	select {
	case d.ops <- o:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// exclusive has the writer call f between two transactions.
func (d *database) exclusive(ctx context.Context, f func() error) error {
	if err := d.calls.Begin(ctx); err != nil {
		return err
	}
	defer d.calls.End()
	done := make(chan error, 1)
	select {
	case d.alone <- func() { done <- f() }:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write is the goroutine that alone changes the file. It returns when ops is closed and drained.
func (d *database) write() {
	defer close(d.done)
	var last time.Time
	for {
		select {
		case o, ok := <-d.ops:
			if !ok {
				return
			}
			group := d.group(o, last.Add(d.gather))
			last = time.Now()
			d.commit(group)
		case f := <-d.alone:
			f()
		}
	}
}

// group collects the calls that wait, and where all of them are patient waits for more until a moment.
func (d *database) group(first *op, until time.Time) []*op {
	group, steps, patient := []*op{first}, first.steps, first.patient
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	for len(group) < maxGathered {
		var o *op
		if patient && steps < fullGroup {
			select {
			case o = <-d.ops:
			case <-timer.C:
				patient = false
				continue
			}
		} else {
			select {
			case o = <-d.ops:
			default:
			}
		}
		if o == nil { // no call waits, or ops is closed
			break
		}
		group = append(group, o)
		steps += o.steps
		patient = patient && o.patient
	}
	return group
}

// commit applies a group in one transaction and answers. A call that fails, other than by a refusal, is removed from
// it.
func (d *database) commit(group []*op) {
	for len(group) > 0 {
		failed, err := d.try(group)
		if failed == nil && isPages(err) && len(group) > 1 {
			// It is not known whose pages are damaged.
			for _, o := range group {
				d.commit([]*op{o})
			}
			return
		}
		if failed == nil {
			for _, o := range group {
				if err != nil {
					o.err = err
				}
				o.done <- o.err
			}
			return
		}
		failed.done <- err
		for i, o := range group {
			if o == failed {
				group = append(group[:i:i], group[i+1:]...)
				break
			}
		}
	}
}

// try applies a group in one transaction. It returns the call that has failed, or an error that concerns all.
func (d *database) try(group []*op) (failed *op, err error) {
	if d.broken != nil {
		return nil, d.broken
	}
	var tx *bolt.Tx
	var at *op
	damaged := guarded(d.path, func() error {
		if tx, err = d.bolt.Begin(true); err != nil {
			err = d.failure(err)
			return nil
		}
		failed, err = d.transact(tx, group, &at)
		return nil
	})
	if tx != nil {
		unclosed := guarded(d.path, tx.Rollback) // does nothing after Commit
		if d.stuck = isPages(unclosed) && tx.DB() != nil; d.stuck {
			d.broken = fmt.Errorf("%w; close the store and open it again", unclosed)
		}
	}
	if damaged != nil {
		return at, damaged
	}
	return failed, err
}

// transact applies a group; at is the call that is being applied.
func (d *database) transact(tx *bolt.Tx, group []*op, at **op) (failed *op, err error) {
	w := &write{tx: tx, codec: d.codec, runs: map[record.RunID]struct{}{}}
	for _, o := range group {
		*at = o
		if o.err = o.apply(w); o.err != nil && !backend.Refused(o.err) {
			return o, o.err
		}
	}
	*at = nil
	if !w.dirty {
		return nil, nil
	}
	id := tx.ID()
	if err := tx.Commit(); err != nil {
		return nil, d.failedCommit(id, err)
	}
	for run := range w.runs {
		d.changes.Notify(run)
	}
	return nil, nil
}

func (d *database) failure(err error) error {
	return fmt.Errorf("embedded: %s cannot be written, what was kept before is unharmed: %w", d.path, err)
}

// failedCommit decides what a failed commit means for the next one. Where the new root was not written, nothing has
// happened. Where it was and could not be forced to disk, it is unknown what a restart would find, and further writes
// could destroy pages of either state.
func (d *database) failedCommit(id int, err error) error {
	tx, berr := d.bolt.Begin(false)
	if berr == nil {
		berr = tx.Rollback()
	}
	if berr != nil || tx.ID() >= id {
		d.broken = fmt.Errorf("embedded: %s could not be forced to disk, close the store and open it again: %w", d.path, errors.Join(err, berr))
		return d.broken
	}
	return d.failure(err)
}
