// Package lines reads the lines of a file one after the other and knows where each of them lies. It is for records of
// other tools, which are written line by line, are large, and end anywhere.
//
// Guarantees: every byte of the file is in exactly one line, or is the end of one. A line that is longer than the bound
// is given up to the bound, marked, and read over; the lines after it are as they would be otherwise. What was read
// before a failure is given before the failure is.
//
// Costs: one buffer that grows to the longest line, at most to the bound, and one search for the newline per line. No
// line is copied.
//
// Caveats: a line is valid until the next one is read. Only "\n" and "\r\n" end lines.
package lines

import (
	"bytes"
	"errors"
	"io"
)

// Reader reads the lines of a file. It is not safe for concurrent use.
type Reader struct {
	from   io.Reader
	max    int
	buf    []byte // [at:end] has been read and not given
	at     int
	end    int
	failed error // what from.Read returned, io.EOF among it

	line     []byte
	number   int
	offset   int64 // of line
	next     int64 // of what follows line
	newline  bool
	cut      bool
	emptyRun int // reads in a row that returned nothing
}

// startSize is the size of the buffer as long as no line is longer.
const startSize = 256 << 10

// New reads lines of at most max bytes, at least 1, from a file.
func New(from io.Reader, max int) *Reader {
	return &Reader{from: from, max: max, buf: make([]byte, min(startSize, 2*max+2))}
}

// Next goes to the next line and reports whether there is one. An empty line between two newlines is one, what follows
// the last newline is one only if it is not empty.
func (r *Reader) Next() bool {
	r.cut, r.newline, r.offset = false, false, r.next
	searched := 0
	for {
		if i := bytes.IndexByte(r.buf[r.at+searched:r.end], '\n'); i >= 0 {
			r.give(r.buf[r.at:r.at+searched+i], searched+i+1, true)
			return true
		}
		searched = r.end - r.at
		if searched > r.max+1 { // one more for a "\r"
			return r.long()
		}
		if r.failed != nil {
			if searched == 0 {
				r.line = nil
				return false
			}
			r.give(r.buf[r.at:r.end], searched, false)
			return true
		}
		r.fill()
	}
}

// Bytes is the line without its newline, at most as long as the bound. It is valid until Next is called again.
func (r *Reader) Bytes() []byte { return r.line }

// Number is the number of the line, from 1.
func (r *Reader) Number() int { return r.number }

// Offset is where in the file the line begins, in bytes from 0.
func (r *Reader) Offset() int64 { return r.offset }

// Ended reports whether the line has its newline. Only the last line can be without: its writer stopped in the middle
// of it, or never ends its last line.
func (r *Reader) Ended() bool { return r.newline }

// Cut reports whether the line is longer than the bound, so that Bytes is only its beginning.
func (r *Reader) Cut() bool { return r.cut }

// Err is why there is no next line: nil at the end of the file, otherwise the error with which reading failed.
func (r *Reader) Err() error {
	if errors.Is(r.failed, io.EOF) {
		return nil
	}
	return r.failed
}

// give makes line the current one; it takes size bytes of the file.
func (r *Reader) give(line []byte, size int, newline bool) {
	if newline && len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	if len(line) > r.max {
		line, r.cut = line[:r.max], true
	}
	r.line, r.newline = line, newline
	r.number++
	r.at += size
	r.next += int64(size)
}

// long gives the beginning of a line that is too long, which it keeps at the beginning of the buffer, and reads over
// the rest.
func (r *Reader) long() bool {
	size := int64(r.end - r.at)
	if room := len(r.buf) - r.max; room < startSize/2 {
		r.grow(len(r.buf) + startSize)
	} else {
		copy(r.buf, r.buf[r.at:r.end])
	}
	for r.failed == nil {
		r.at, r.end = r.max, r.max // keeps the beginning of the line, discards the rest
		r.fill()
		if i := bytes.IndexByte(r.buf[r.at:r.end], '\n'); i >= 0 {
			r.at += i + 1
			size += int64(i + 1)
			r.newline = true
			break
		}
		size += int64(r.end - r.at)
	}
	if !r.newline {
		r.at, r.end = r.max, r.max
	}
	r.line, r.cut = r.buf[:r.max], true
	r.number++
	r.next += size
	return true
}

// fill reads more into the buffer, after making room.
func (r *Reader) fill() {
	if r.end == len(r.buf) {
		if r.at > len(r.buf)/2 {
			r.end = copy(r.buf, r.buf[r.at:r.end])
			r.at = 0
		} else {
			r.grow(min(2*len(r.buf), r.max+startSize))
		}
	}
	n, err := r.from.Read(r.buf[r.end:])
	r.end += n
	if r.failed = err; n > 0 || err != nil {
		r.emptyRun = 0
	} else if r.emptyRun++; r.emptyRun == 100 {
		r.failed = io.ErrNoProgress
	}
}

// grow moves what has not been given to the beginning of a buffer of size bytes.
func (r *Reader) grow(size int) {
	grown := make([]byte, size)
	r.end = copy(grown, r.buf[r.at:r.end])
	r.at, r.buf = 0, grown
}
