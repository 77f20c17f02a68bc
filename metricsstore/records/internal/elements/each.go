package elements

import (
	"context"
	"io"
	"sync"

	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// Each gives take all parts until the end. The next parts are read and checked while take is at work. A part is valid
// until take returns. The error is that of take or ctx, or that of Next if it is not io.EOF.
func (e *Reader) Each(ctx context.Context, take func(Part) error) error {
	e.turns = true
	ctx, cancel := context.WithCancel(ctx)
	full, empty := make(chan *batch), make(chan *batch, 2)
	empty <- &batch{}
	empty <- &batch{}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(full)
		for b := range empty {
			b.fill(e)
			select {
			case full <- b:
			case <-ctx.Done():
				return
			}
			if b.err != nil {
				return
			}
		}
	})
	defer reading.Wait()
	defer close(empty)
	defer cancel()
	for b := range full {
		if ctx.Err() != nil {
			break
		}
		for _, part := range b.parts {
			if err := take(part); err != nil {
				return err
			}
		}
		if b.err == io.EOF {
			return nil
		}
		if b.err != nil {
			return b.err
		}
		empty <- b
	}
	return ctx.Err()
}

// batch is what is read at a time: parts, the error after them, and the buffers in which their values and those of the
// batches before it are, except for the one that is still being filled.
type batch struct {
	parts   []Part
	members []scan.Member // of all parts
	left    [][]byte
	err     error
}

// batchParts bounds the parts of a batch: values may be small.
const batchParts = 16 << 10

// fill reads parts until a buffer of the file is full.
func (b *batch) fill(e *Reader) {
	b.parts, b.members = b.parts[:0], b.members[:0]
	e.free, b.left = append(e.free, b.left...), b.left[:0]
	for len(b.left) == 0 && len(b.parts) < batchParts {
		part, err := e.Next()
		b.left, e.left = append(b.left, e.left...), e.left[:0]
		if err != nil {
			b.err = err
			break
		}
		b.parts = append(b.parts, part)
		b.members = append(b.members, part.Members...)
	}
	rest := b.members
	for i := range b.parts {
		if n := len(b.parts[i].Members); n > 0 {
			b.parts[i].Members, rest = rest[:n:n], rest[n:]
		}
	}
}
