package python

import (
	"os"
	"sync"
	"syscall"

	"github.com/dagscope/dagscope/engine/process"
)

const (
	readSize = 32 << 10
	// restReads bounds what is read at the end of a call, should a thread print without end: more than a pipe holds.
	restReads = 2 << 20 / readSize
)

// output is what an interpreter prints, and which call it belongs to: everything that is in the pipes before a call ends is
// its own.
type output struct {
	streams     [2]*os.File
	raw         [2]syscall.RawConn
	readers     sync.WaitGroup
	all, stderr *process.Tail
	mu          sync.Mutex // guards what follows, and is held from the reading of bytes until they are passed on
	buf         [readSize]byte
	receive     func(process.Line) // of the present call, nil for none
	lines       *process.Lines     // nil until the present call has printed something
}

// newOutput begins to read two pipes.
func newOutput(stdout, stderr *os.File) *output {
	o := &output{streams: [2]*os.File{stdout, stderr}, all: process.NewTail(process.TailSize), stderr: process.NewTail(process.TailSize)}
	for i, s := range o.streams {
		o.raw[i], _ = s.SyscallConn() // fails for a closed file
	}
	for i := range o.streams {
		o.readers.Go(func() { o.readAll(i) })
	}
	return o
}

// readAll reads a stream to its end, or until close.
func (o *output) readAll(i int) {
	for more := true; more; {
		err := o.raw[i].Read(func(fd uintptr) bool {
			read := false
			read, more = o.readOnce(i, fd)
			return read || !more
		})
		more = more && err == nil
	}
}

// readOnce reads what a stream has now, at most a buffer of it. read is false if there is nothing yet, more after its end.
func (o *output) readOnce(i int, fd uintptr) (read, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := readNow(fd, o.buf[:])
	switch {
	case err == errNotYet:
		return false, true
	case n <= 0:
		return false, false
	}
	p := o.buf[:n]
	_, _ = o.all.Write(p)
	stream := process.Stdout + process.Stream(i)
	if stream == process.Stderr {
		_, _ = o.stderr.Write(p)
	}
	if o.receive != nil {
		if o.lines == nil {
			o.lines = process.NewLines(o.receive)
		}
		o.lines.Write(stream, p)
	}
	return true, true
}

// begin begins a call, which receives lines unless receive is nil.
func (o *output) begin(receive func(process.Line)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.receive = receive
}

// drain reads what has been printed so far.
func (o *output) drain() {
	for i, raw := range o.raw {
		_ = raw.Control(func(fd uintptr) {
			for range restReads {
				if read, _ := o.readOnce(i, fd); !read {
					return
				}
			}
		})
	}
}

// end returns when all that was printed during the call was received.
func (o *output) end() {
	o.drain()
	o.mu.Lock()
	lines := o.lines
	o.receive, o.lines = nil, nil
	o.mu.Unlock()
	if lines != nil {
		lines.Close()
	}
}

// close ends the readers, after the interpreter has ended.
func (o *output) close() {
	o.drain()
	for _, s := range o.streams {
		_ = s.Close()
	}
	o.readers.Wait()
}
