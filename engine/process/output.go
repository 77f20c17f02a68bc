package process

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// outputWait is how long output is awaited after the end of a command, if a process outside its group holds the stream
	// open.
	outputWait = 200 * time.Millisecond
	// outputRest bounds how much of it is still read then. It is more than a pipe holds (pipe(7)), so nothing is lost that
	// was written before the end.
	outputRest = 2 << 20
)

// output is what becomes of the two streams of a command.
type output struct {
	tail, stderr *Tail
	lines        *lineQueue // nil without Command.Lines
	streams      [2]*stream
	readers      sync.WaitGroup
}

// newOutput makes the pipes of a command.
func newOutput(c *Command) (*output, error) {
	o := &output{tail: NewTail(TailSize), stderr: NewTail(TailSize)}
	if c.Lines != nil {
		o.lines = newLineQueue(c.Lines)
	}
	for i, to := range []io.Writer{c.Stdout, c.Stderr} {
		s := &stream{kind: Stdout + Stream(i), to: to, output: o}
		if o.lines != nil {
			s.lines = &splitter{stream: s.kind, queue: o.lines}
		}
		var err error
		if s.ours, s.theirs, err = newPipe(); err != nil {
			o.discard()
			return nil, err
		}
		o.streams[i] = s
	}
	return o, nil
}

// discard closes the pipes of a command that was not started.
func (o *output) discard() {
	for _, s := range o.streams {
		if s != nil {
			_, _ = s.ours.Close(), s.theirs.Close()
		}
	}
}

// read starts to read, once the command has been started. An error of a writer of Command is passed to failed.
func (o *output) read(failed func(error)) {
	if o.lines != nil {
		go o.lines.run()
	}
	for _, s := range o.streams {
		_ = s.theirs.Close()
		o.readers.Go(func() { s.read(failed) })
	}
}

// finish returns when all has been read and passed on, after the command has ended. The error is of a writer of Command.
func (o *output) finish() error {
	for _, s := range o.streams {
		s.finish()
	}
	o.readers.Wait()
	if o.lines != nil {
		o.lines.close()
	}
	return cmp.Or(o.streams[0].failure, o.streams[1].failure)
}

// stream is one of the two, read by a goroutine of its own.
type stream struct {
	kind         Stream
	ours, theirs *os.File
	to           io.Writer // nil for none, or after an error
	lines        *splitter // nil for none
	output       *output

	failure error // of to; read it after the reader has ended

	mu       sync.Mutex
	finished bool // the command has ended
}

// buffers are for streams, which are often short.
var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// read reads until the end of the stream, or for a while after the end of the command.
func (s *stream) read(failed func(error)) {
	buf := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buf)
	defer s.ours.Close()
	for rest := outputRest; rest > 0; {
		finished := s.awaitUntil(outputWait)
		n, err := s.ours.Read(buf[:])
		s.write(buf[:n], failed)
		if finished {
			rest -= n
		}
		if err != nil && (finished || !errors.Is(err, os.ErrDeadlineExceeded)) {
			break
		}
	}
	if s.lines != nil {
		s.lines.end(time.Now())
	}
}

// awaitUntil bounds the next read once the command has ended.
func (s *stream) awaitUntil(wait time.Duration) (finished bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished {
		_ = s.ours.SetReadDeadline(time.Now().Add(wait)) // without one, it is read to its end
	}
	return s.finished
}

// finish says that the command has ended, also to a read that waits.
func (s *stream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = true
	_ = s.ours.SetReadDeadline(time.Now()) // an error if it has ended already
}

func (s *stream) write(p []byte, failed func(error)) {
	if len(p) == 0 {
		return
	}
	_, _ = s.output.tail.Write(p)
	if s.kind == Stderr {
		_, _ = s.output.stderr.Write(p)
	}
	if s.lines != nil {
		s.lines.write(p)
	}
	if s.to == nil {
		return
	}
	if _, err := s.to.Write(p); err != nil {
		s.to = nil // the rest is read all the same, so that the command can end
		s.failure = fmt.Errorf("%v of the command: %w", s.kind, err)
		failed(s.failure)
	}
}
