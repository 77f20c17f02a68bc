package process

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

const (
	// maxLine bounds the text of a line in bytes; the rest of a longer one is left out.
	maxLine = 2 << 10
	// maxPending bounds how many lines wait for Command.Lines; of more, the last ones are kept.
	maxPending = 512
	// linePause is between two rounds of calls of Command.Lines, so that a flood costs the receiver at most
	// maxPending lines in this time. A line after a pause is passed on at once.
	linePause = 100 * time.Millisecond
)

// pendingLine is a line that waits for its receiver; its buffer is reused.
type pendingLine struct {
	stream Stream
	text   []byte
	at     time.Time
}

// lineQueue is between the goroutines that read the streams and the receiver of lines: it never blocks the former.
type lineQueue struct {
	receive func(Line)
	wake    chan struct{} // of capacity 1: the ring is not empty
	closed  chan struct{} // by close: the streams have ended
	done    chan struct{} // closed when run has returned

	mu      sync.Mutex
	ring    []pendingLine // of which count from first on, wrapping around, are waiting
	first   int
	count   int
	dropped int // since the line before the first
}

func newLineQueue(receive func(Line)) *lineQueue {
	return &lineQueue{
		receive: receive, ring: make([]pendingLine, maxPending),
		wake: make(chan struct{}, 1), closed: make(chan struct{}), done: make(chan struct{}),
	}
}

// add appends a line, in place of the oldest one if there are too many.
func (q *lineQueue) add(stream Stream, text []byte, at time.Time) {
	q.mu.Lock()
	if q.count == len(q.ring) {
		q.first = (q.first + 1) % len(q.ring)
		q.count--
		q.dropped++
	}
	l := &q.ring[(q.first+q.count)%len(q.ring)]
	l.stream, l.at = stream, at
	l.text = append(l.text[:0], text...)
	q.count++
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// skip counts lines that are followed by at least maxPending others, in place of which no earlier line would be kept.
func (q *lineQueue) skip(lines int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += q.count + lines
	q.count = 0
}

// take removes all lines that wait.
func (q *lineQueue) take() []Line {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines := make([]Line, q.count)
	for i := range lines {
		l := &q.ring[(q.first+i)%len(q.ring)]
		lines[i] = Line{Stream: l.stream, Text: strings.ToValidUTF8(string(l.text), "�"), At: l.at}
	}
	if len(lines) > 0 {
		lines[0].Dropped, q.dropped = q.dropped, 0
	}
	q.count = 0
	return lines
}

// run passes lines on until close was called and none are left.
func (q *lineQueue) run() {
	defer close(q.done)
	for last := false; !last; {
		select {
		case <-q.wake:
		case <-q.closed:
			last = true
		}
		for _, l := range q.take() {
			q.receive(l)
		}
		pause := time.NewTimer(linePause)
		select {
		case <-pause.C:
		case <-q.closed:
			pause.Stop()
		}
	}
}

// close has the last lines passed on and waits for that. No line may be added any more.
func (q *lineQueue) close() {
	close(q.closed)
	<-q.done
}

// splitter cuts one stream into lines.
type splitter struct {
	stream   Stream
	queue    *lineQueue
	line     []byte // the beginning of the line that is being written, at most maxLine bytes
	returned bool   // a carriage return came after it: the line ends here, or is drawn again
}

// write adds the lines that end in p.
func (s *splitter) write(p []byte) {
	at, redraws := time.Now(), bytes.IndexByte(p, '\r') >= 0
	p = s.skipFlood(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if redraws {
			i = bytes.IndexAny(p, "\r\n")
		}
		if i < 0 {
			break
		}
		s.extend(p[:i], at)
		if p[i] == '\r' {
			s.returned = true
		} else {
			s.add(at)
		}
		p = p[i+1:]
	}
	s.extend(p, at)
}

// skipFlood leaves out the lines of p that as many later ones would push out of the queue.
func (s *splitter) skipFlood(p []byte) []byte {
	lines := bytes.Count(p, []byte{'\n'})
	if lines <= maxPending {
		return p
	}
	end := bytes.LastIndexByte(p, '\n')
	for range maxPending {
		end = bytes.LastIndexByte(p[:end], '\n')
	}
	s.queue.skip(lines - maxPending)
	s.line, s.returned = s.line[:0], false
	return p[end+1:]
}

// extend appends to the line that is being written, as far as it is kept.
func (s *splitter) extend(p []byte, at time.Time) {
	if len(p) == 0 {
		return
	}
	if s.returned {
		s.end(at)
	}
	s.line = append(s.line, p[:min(len(p), maxLine-len(s.line))]...)
}

// add adds the line that is being written, and begins another.
func (s *splitter) add(at time.Time) {
	s.queue.add(s.stream, s.line, at)
	s.line, s.returned = s.line[:0], false
}

// end adds the line that is being written unless it is empty, and begins another.
func (s *splitter) end(at time.Time) {
	if len(s.line) > 0 {
		s.add(at)
	}
	s.returned = false
}
