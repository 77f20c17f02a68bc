package elements

import (
	"context"
	"io"
	"sync"
)

// Each gives take all parts until the end. The next parts are read and checked while take is at work, so a part is a
// copy, which is valid until take returns. The error is that of take or ctx, or that of Next if it is not io.EOF.
func (e *Reader) Each(ctx context.Context, take func(Part) error) error {
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

// batch is what is read at a time: parts with copies of their values, and the error after them.
type batch struct {
	parts []Part
	ends  []int // of the values of parts
	all   []byte
	err   error
}

// batchSize is the size of the values of a batch in bytes, if one value is not larger, and maxBatch what is kept for the
// next one.
const (
	batchSize = 256 << 10
	maxBatch  = 4 * batchSize
)

func (b *batch) fill(e *Reader) {
	b.parts, b.ends, b.all = b.parts[:0], b.ends[:0], b.all[:0]
	if cap(b.all) == 0 || cap(b.all) > maxBatch {
		b.all = make([]byte, 0, batchSize+batchSize/16)
	}
	for len(b.all) < batchSize && len(b.parts) < batchSize/16 {
		part, err := e.Next()
		if err != nil {
			b.err = err
			break
		}
		b.all = append(b.all, part.Raw...)
		b.parts = append(b.parts, part)
		b.ends = append(b.ends, len(b.all))
	}
	from := 0
	for i, end := range b.ends {
		b.parts[i].Raw = b.all[from:end:end]
		from = end
	}
}
