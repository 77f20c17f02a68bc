package trace

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
)

// maxElement is the size of one span, or of another part of a document, in bytes.
const maxElement = 64 << 20

// Part is a part of a document: see elements.Part. Its text stays valid, but keeps 256 KiB in memory.
type Part struct {
	Path   string
	Kind   elements.Kind
	Offset int64
	Text   string
	Valid  bool // the text is JSON
}

// Taken takes a part of a document of a file with that name.
type Taken func(part Part, name string) error

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
// the file in errors. The next parts are read and checked while take is at work.
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

// batch is what is read at a time: parts with copies of their text, and the error after them.
type batch struct {
	parts []Part
	ends  []int // of the texts of parts
	err   error
}

// batchSize is the size of the values of a batch in bytes, if one value is not larger.
const batchSize = 256 << 10

func (b *batch) fill(e *elements.Reader) {
	b.parts, b.ends = b.parts[:0], b.ends[:0]
	var all strings.Builder
	all.Grow(batchSize + batchSize/16)
	for all.Len() < batchSize && len(b.parts) < batchSize/16 {
		part, err := e.Next()
		if err != nil {
			b.err = err
			break
		}
		all.Write(part.Raw)
		b.parts = append(b.parts, Part{
			Path: part.Path, Kind: part.Kind, Offset: part.Offset, Valid: part.Kind == elements.Value && elements.Valid(part.Raw),
		})
		b.ends = append(b.ends, all.Len())
	}
	text, at := all.String(), 0
	for i, end := range b.ends {
		b.parts[i].Text = text[at:end]
		at = end
	}
}
