package metricsstore

import (
	"context"
	"errors"
	"io"

	"github.com/dagscope/dagscope/engine/record"
)

// blocksPerRead is how many blocks are asked for at a time: some 64,000 steps.
const blocksPerRead = 64

// LogReader reads the steps of a run in order. Not safe for concurrent use.
type LogReader struct {
	store  Store
	unpack *Unpacker
	run    record.RunID
	after  uint64
	blocks []Block
	steps  []record.Step
}

// NewLogReader reads the steps of a run after step after.
func NewLogReader(s Store, u *Unpacker, run record.RunID, after uint64) *LogReader {
	return &LogReader{store: s, unpack: u, run: run, after: after}
}

// After is the number of the last step that Next returned.
func (l *LogReader) After() uint64 { return l.after }

// Next returns the next steps, at least one and at most MaxBlockSteps. They are valid until the next call. The error
// is io.EOF at the current end of the log, which is its first gap; a later call may find more.
func (l *LogReader) Next(ctx context.Context) ([]record.Step, error) {
	if len(l.blocks) == 0 {
		blocks, err := l.store.Log(ctx, l.run, l.after, blocksPerRead)
		if err != nil {
			return nil, err
		}
		l.blocks = blocks
	}
	for len(l.blocks) > 0 && l.blocks[0].Last <= l.after { // only where the store is damaged
		l.blocks = l.blocks[1:]
	}
	if len(l.blocks) == 0 || l.blocks[0].First > l.after+1 {
		l.blocks = nil
		return nil, io.EOF
	}
	b := l.blocks[0]
	steps, err := l.unpack.Unpack(l.steps[:0], b)
	if err != nil {
		return nil, err
	}
	l.blocks, l.steps = l.blocks[1:], steps
	steps = steps[l.after+1-b.First:]
	l.after = b.Last
	return steps, nil
}

// Each calls apply with all steps up to the current end of the log, some at a time, until it returns an error. The steps
// are valid during the call.
func (l *LogReader) Each(ctx context.Context, apply func([]record.Step) error) error {
	for {
		steps, err := l.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = apply(steps)
		}
		if err != nil {
			return err
		}
	}
}

// Follow is Next for a run that may be live: it waits for steps and returns io.EOF once the run has ended and all
// that it was archived with was returned. It also returns when ctx ends.
func (l *LogReader) Follow(ctx context.Context) ([]record.Step, error) {
	for {
		changed := l.store.Changed(l.run)
		run, err := l.store.Run(ctx, l.run) // asked before Next, so that an end is seen only with all steps that precede it
		if err != nil {
			return nil, err
		}
		steps, err := l.Next(ctx)
		if !errors.Is(err, io.EOF) || run.Status.Final() && run.ArchivedSeq <= l.after {
			return steps, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
