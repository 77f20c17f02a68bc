package process

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// input is the writing end of standard input, with what is written to it; the zero value is for none.
type input struct {
	from io.Reader
	ours *os.File
}

// nothing is the standard input of commands without one; it stays open for the next.
var nothing = sync.OnceValues(func() (*os.File, error) { return os.Open(os.DevNull) })

// newInput returns what a command reads. If the input is not zero, the caller closes it.
func newInput(from io.Reader) (*os.File, input, error) {
	switch from := from.(type) {
	case nil:
		f, err := nothing()
		return f, input{}, err
	case *os.File:
		return from, input{}, nil
	default:
		theirs, ours, err := os.Pipe()
		return theirs, input{from, ours}, err
	}
}

// start writes in a goroutine, which ends when the command does not read any more. An error of the reader is passed to
// failed.
func (i input) start(failed func(error)) {
	if i.ours == nil {
		return
	}
	go func() {
		from := &reader{from: i.from}
		_, _ = io.Copy(i.ours, from) // a command need not read all
		if from.err != nil {
			failed(fmt.Errorf("stdin of the command: %w", from.err))
		}
		_ = i.ours.Close()
	}()
}

// discard is for a command that was not started.
func (i input) discard() {
	if i.ours != nil {
		_ = i.ours.Close()
	}
}

// reader remembers the error of another one.
type reader struct {
	from io.Reader
	err  error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}
