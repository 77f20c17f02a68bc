package process

import "time"

// Lines cuts two streams into lines and passes them on as Command.Lines has them, for output that does not belong to one
// command. Write and Close may be called by one goroutine at a time.
type Lines struct {
	queue   *lineQueue
	streams [2]splitter
}

// NewLines starts a goroutine that calls receive for each line, until Close.
func NewLines(receive func(Line)) *Lines {
	l := &Lines{queue: newLineQueue(receive)}
	for i := range l.streams {
		l.streams[i] = splitter{stream: Stdout + Stream(i), queue: l.queue}
	}
	go l.queue.run()
	return l
}

// Write adds the lines that end in p, which was read from a stream. It does not wait for the receiver.
func (l *Lines) Write(s Stream, p []byte) { l.streams[s-Stdout].write(p) }

// Close adds what is left without an end of line, and returns when all lines were received.
func (l *Lines) Close() {
	for i := range l.streams {
		l.streams[i].end(time.Now())
	}
	l.queue.close()
}
