package trace

import (
	"context"
	"errors"
	"io"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
)

// maxElement is the size of one span, or of another part of a document, in bytes.
const maxElement = 64 << 20

// Taken takes a part of a document of a file with that name. It is valid until Taken returns.
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
	return records.Nothing(files, "expected "+expected+", found none")
}

func readFile(ctx context.Context, f *records.File, into []string, take Taken) error {
	from, err := f.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	return Documents(ctx, from, f.Path, into, take)
}

// Documents gives take the parts of the documents that from has, with their members, until an error. name is that of
// the file in errors.
func Documents(ctx context.Context, from io.Reader, name string, into []string, take Taken) error {
	e := elements.New(from, name, maxElement, into...)
	e.Documents()
	e.Members()
	return e.Each(ctx, func(part elements.Part) error { return take(part, name) })
}
