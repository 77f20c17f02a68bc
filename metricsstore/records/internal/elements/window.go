package elements

import (
	"fmt"
	"io"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// startSize is the size of the window as long as no value is larger.
const startSize = 256 << 10

// window is the part of the file that is in memory.
type window struct {
	from  io.Reader
	limit int
	buf   []byte
	at    int // what comes next
	end   int // of what has been read
	base  int64
	err   error // what from returned
	nest  []byte
	// turns: what was read stays where it is, and more is read into another buffer. free are those that may be
	// overwritten, left those that were full.
	turns      bool
	free, left [][]byte
}

// unbalanced is a value whose brackets do not match.
type unbalanced struct{ text string }

func (u *unbalanced) Error() string { return u.text }

// offset is the place of what comes next.
func (w *window) offset() int64 { return w.base + int64(w.at) }

// fill reads more, and moves what has not been given to the beginning of the buffer. It reports how far that moved.
func (w *window) fill() (moved int, err error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.end == len(w.buf) {
		moved = w.at
		to := w.room()
		w.end = copy(to, w.buf[w.at:w.end])
		w.base += int64(w.at)
		w.at, w.buf = 0, to
	}
	for range 100 {
		n, err := w.from.Read(w.buf[w.end:])
		w.end += n
		if w.err = err; n > 0 {
			return moved, nil
		}
		if err != nil {
			return moved, err
		}
	}
	w.err = io.ErrNoProgress
	return moved, w.err
}

// room is the buffer into which a full one is moved.
func (w *window) room() []byte {
	size := startSize
	for size < 2*(w.end-w.at) {
		size *= 2
	}
	if !w.turns {
		if size <= len(w.buf) {
			return w.buf
		}
		return make([]byte, size)
	}
	if len(w.buf) > 0 {
		w.left = append(w.left, w.buf)
	}
	for len(w.free) > 0 {
		last := len(w.free) - 1
		buf := w.free[last]
		w.free = w.free[:last]
		if len(buf) == size {
			return buf
		}
	}
	return make([]byte, size)
}

// skip reads over white space, and returns the byte after it, which it does not read.
func (w *window) skip() (byte, error) {
	for {
		for w.at < w.end {
			c := w.buf[w.at]
			if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				return c, nil
			}
			w.at++
		}
		if _, err := w.fill(); err != nil {
			return 0, err
		}
	}
}

// class is what a byte means to the search for the end of a value.
type class uint8

const (
	plain    class = iota
	quote          // begins or ends a string
	opens          // [ or {
	closes         // ] or }
	ends           // ends a number or word: a comma, colon or white space
	control        // in a string it has to be escaped
	backward       // a backslash
)

var classes = func() (table [256]class) {
	for c := range 0x20 {
		table[c] = control
	}
	for _, c := range "\t\n\r ,:" {
		table[c] = ends
	}
	table['"'], table['\\'] = quote, backward
	table['['], table['{'] = opens, opens
	table[']'], table['}'] = closes, closes
	return table
}()

// begins reports whether a value can begin with c.
func begins(c byte) bool {
	return c == '"' || c == '[' || c == '{' || c == '-' || c >= '0' && c <= '9' || c == 't' || c == 'f' || c == 'n'
}

// value reads the value that begins at the current byte, and reports whether it is JSON. Most values are in the window
// and are; of the others only strings and brackets are followed to their end.
func (w *window) value() (raw []byte, valid bool, err error) {
	if raw, whole := w.taken(scan.End(w.buf[:w.end], w.at)); whole {
		return raw, true, nil
	}
	if raw, err = w.unchecked(); err != nil {
		return nil, false, err
	}
	return raw, Valid(raw), nil
}

// taken takes the value that ends at end, if there is an end.
func (w *window) taken(end int) (raw []byte, whole bool) {
	if end == 0 || end-w.at > w.limit {
		return nil, false
	}
	raw = w.buf[w.at:end]
	w.at = end
	return raw, true
}

// unchecked reads the value that begins at the current byte.
func (w *window) unchecked() ([]byte, error) {
	w.nest = w.nest[:0]
	i := w.at
	var err error
	switch classes[w.buf[i]] {
	case quote:
		i, err = w.text(i)
	case opens:
		i, err = w.composite(i)
	default:
		i, err = w.word(i)
	}
	if err != nil {
		return nil, err
	}
	if i-w.at > w.limit {
		return nil, w.tooLarge()
	}
	raw := w.buf[w.at:i]
	w.at = i
	return raw, nil
}

func (w *window) tooLarge() error {
	return fmt.Errorf("byte %d: a value of more than %d bytes: %w", w.offset(), w.limit, records.ErrTooLarge)
}

// more reads on while a value that reaches up to i is searched for its end. It returns where i is then.
func (w *window) more(i int) (int, error) {
	if i-w.at > w.limit {
		return i, w.tooLarge()
	}
	moved, err := w.fill()
	return i - moved, err
}

// rest reads all that is left of the window.
func (w *window) rest() []byte {
	raw := w.buf[w.at:w.end]
	w.at = w.end
	return raw
}

// word finds the end of a number or name.
func (w *window) word(i int) (int, error) {
	for {
		for ; i < w.end; i++ {
			if classes[w.buf[i]] != plain {
				return i, nil
			}
		}
		var err error
		if i, err = w.more(i); err != nil {
			return i, err
		}
	}
}

// text finds the end of the string whose opening quote is at i.
func (w *window) text(i int) (int, error) {
	for i++; ; {
		for i < w.end {
			switch classes[w.buf[i]] {
			case quote:
				return i + 1, nil
			case backward:
				i++
			case control:
				return i, &unbalanced{fmt.Sprintf("a string contains the byte %#02x, which has to be escaped", w.buf[i])}
			}
			i++
		}
		var err error
		if i, err = w.more(i); err != nil {
			return i, err
		}
	}
}

// composite finds the end of the array or object whose opening bracket is at i.
func (w *window) composite(i int) (int, error) {
	for {
		for i < w.end {
			c := w.buf[i]
			switch classes[c] {
			case quote:
				var err error
				if i, err = w.text(i); err != nil {
					return i, err
				}
				continue
			case opens:
				w.nest = append(w.nest, c+2) // its counterpart, in ASCII
			case closes:
				if last := len(w.nest) - 1; w.nest[last] != c {
					return i, &unbalanced{fmt.Sprintf("expected %q to close an array or object, found %q", w.nest[last], c)}
				} else if w.nest = w.nest[:last]; last == 0 {
					return i + 1, nil
				}
			}
			i++
		}
		var err error
		if i, err = w.more(i); err != nil {
			return i, err
		}
	}
}
