package process

import (
	"fmt"
	"io"
	"os"
)

// input is the writing end of standard input, with what is written to it; the zero value is for none.
type input struct {
	from io.Reader
	ours *os.File
}

// newInput returns what a command reads, which the caller closes unless it is from itself.
func newInput(from io.Reader) (*os.File, input, error) {
	switch from := from.(type) {
	case nil:
		f, err := os.Open(os.DevNull)
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
