package trace

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
)

// maxElement is the size of one span, or of another part of a document, in bytes.
const maxElement = 64 << 20

// Taken takes a part of a document of a file with that name.
type Taken func(part elements.Part, name string) error

// ReadFiles reads the main files of a drop as far as it can and gives take the parts of their documents whose paths are
// in into, see elements.New. What could not be read is said in all runs. It fails with an ErrFormat if take has added no
// span; expected says what was.
func (c *Collector) ReadFiles(ctx context.Context, files []records.File, into []string, take Taken, expected string) error {
	var fault error
	for i := range files {
		if files[i].Part != records.Main {
			continue
		}
		err := readFile(ctx, &files[i], into, take)
		if err == nil {
			continue
		}
		if !errors.Is(err, records.ErrFormat) {
			return err
		}
		if fault == nil {
			fault = err
		}
		c.Cut("%s; what follows was not read", err)
	}
	switch {
	case c.Len() > 0:
		return nil
	case fault != nil:
		return fault
	}
	return &records.Fault{Path: files[0].Path, Byte: -1, Text: "expected " + expected + ", found none"}
}

func readFile(ctx context.Context, f *records.File, into []string, take Taken) error {
	from, err := f.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	return Documents(ctx, from, f.Path, into, take)
}

// Documents gives take the parts of the documents that from has, one after the other, until an error. name is that of
// the file in errors. The next parts are read while take is at work; a part is valid until take returns.
func Documents(ctx context.Context, from io.Reader, name string, into []string, take Taken) error {
	ctx, cancel := context.WithCancel(ctx)
	full, empty := make(chan *batch), make(chan *batch, 2)
	empty <- &batch{}
	empty <- &batch{}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(full)
		e := elements.New(from, name, maxElement, into...)
		e.Documents()
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
		for _, part := range b.parts {
			if err := take(part, name); err != nil {
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

// batch is what is read at a time: copies of parts, and the error after them.
type batch struct {
	parts []elements.Part
	text  []byte
	err   error
}

// batchSize is the size of the values of a batch in bytes, if one value is not larger.
const batchSize = 256 << 10

func (b *batch) fill(e *elements.Reader) {
	b.parts, b.text = b.parts[:0], b.text[:0]
	for len(b.text) < batchSize && len(b.parts) < batchSize/16 {
		part, err := e.Next()
		if err != nil {
			b.err = err
			break
		}
		b.text = append(b.text, part.Raw...)
		part.Raw = b.text[len(b.text)-len(part.Raw):]
		b.parts = append(b.parts, part)
	}
	// The text may have moved while it grew.
	at := 0
	for i := range b.parts {
		n := len(b.parts[i].Raw)
		b.parts[i].Raw = b.text[at : at+n : at+n]
		at += n
	}
}
