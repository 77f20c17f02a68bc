// Package elements takes a large JSON document apart while it is read: it gives the elements of the arrays, and the
// members of the objects, that the caller names by their paths, each as the bytes of one JSON value. It is for records
// of other tools whose documents are one array of a million events.
//
// Guarantees: each value is given once, whole, in the order of the file, with its place. What was read before the file
// ends too early is given before the error, which says whether the file was cut within a value. Nesting of any depth
// takes no stack.
//
// Costs: one pass over the bytes, at about 1 GB/s, a second one over values that are no JSON, and one buffer that grows
// to the largest value, several of them for Each. No value is copied unless it lies across two of them.
//
// Caveats: a value is kept until the next one is read. What is in it may be no JSON, as long as its strings and brackets
// end; Part.Valid says so.
package elements

import (
	"errors"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// Part is one step through a document.
type Part struct {
	// Path names where the value is: the keys that lead to it, separated by ".", with "#" for an element of an array:
	// "data.#.spans.#". The document itself is "".
	Path string
	Kind Kind
	// Raw is the value, for Value only. It is valid until Next is called again.
	Raw []byte
	// Valid: Raw is JSON, as Valid reports.
	Valid bool
	// Members are where the members of Raw are, if Members was called; nil if Raw is no object, or none that a
	// scan.Scanner could step through.
	Members []scan.Member
	// Offset is where it begins, or where its bracket is, in bytes from 0.
	Offset int64
}

// Kind is what a part is.
type Kind uint8

// Kinds of parts.
const (
	Value Kind = iota // a whole value
	Begin             // the opening bracket of an array or object that is taken apart
	End               // its closing bracket
)

// Cut is the error of a document that ends too early.
type Cut struct {
	// Byte is where it ends.
	Byte int64
	// Between reports that the document ends after a whole element of an array or before the first one, a comma at
	// most follows it: then only what closes the arrays and objects is missing, as with tools that never close them.
	Between bool
}

// Error implements error.
func (c *Cut) Error() string {
	return fmt.Sprintf("byte %d: the document ends before it is closed", c.Byte)
}

// Is makes a Cut an ErrFormat and an io.ErrUnexpectedEOF.
func (c *Cut) Is(target error) bool {
	return target == records.ErrFormat || target == io.ErrUnexpectedEOF
}

// Reader takes one document apart. It is not safe for concurrent use.
type Reader struct {
	window
	file  string
	root  place
	into  map[string]bool
	open  []frame
	state state
	next  *place // of the value that comes next in an object
	many  bool
	mark  bool          // the members of values
	marks []scan.Member // of the value
}

// frame is an array or object that is being taken apart.
type frame struct {
	*place
	array bool
}

// place is what all values of one path have in common.
type place struct {
	path    string
	into    bool
	element *place            // of the elements, if it is an array
	members map[string]*place // by key, if it is an object
}

// maxMembers bounds the places that are kept of an object: it may have a million different keys.
const maxMembers = 64

// state is what may come next.
type state uint8

const (
	atValue   state = iota // a value
	atFirst                // a value or key, or the end of an empty array or object
	atKey                  // a key
	afterItem              // a comma, or the end
	finished               // nothing but white space
)

// New takes apart the document that r reads; file is its name in errors. Arrays and objects whose paths are in into are
// taken apart, among them "" for the document itself; all other values are given whole, if they have at most limit
// bytes.
func New(r io.Reader, file string, limit int, into ...string) *Reader {
	e := &Reader{window: window{from: r, limit: limit}, file: file, into: make(map[string]bool, len(into))}
	for _, path := range into {
		e.into[path] = true
	}
	e.root.into = e.into[""]
	return e
}

// Documents makes Next continue with the next document where one has ended, whatever white space is between them. Paths
// are within each.
func (e *Reader) Documents() { e.many = true }

// Members makes Next say where the members of values are, which costs little as it has to find their ends anyway.
func (e *Reader) Members() { e.mark = true }

// Next is the next part. The error is io.EOF after the end of the document, a Cut if it ends too early, a
// records.Fault where it is no JSON, records.ErrTooLarge if a value exceeds the limit, or that of the reader.
func (e *Reader) Next() (Part, error) {
	for {
		c, err := e.skip()
		if err != nil {
			return Part{}, e.ended(err)
		}
		switch e.state {
		case atFirst:
			if c == e.closing() {
				return e.leave()
			}
			e.state = atValue
			if !e.top().array {
				e.state = atKey
			}
		case atKey:
			if err := e.readKey(c); err != nil {
				return Part{}, err
			}
			e.state = atValue
		case atValue:
			return e.readValue(c)
		case afterItem:
			if c == e.closing() {
				return e.leave()
			}
			if c != ',' {
				return Part{}, e.fault("expected a comma or %q, found %q", e.closing(), c)
			}
			e.at++
			e.state = atValue
			if !e.top().array {
				e.state = atKey
			}
		case finished:
			if e.many {
				e.state = atValue
				continue
			}
			return Part{}, e.fault("expected the end of the file after the document, found %q", c)
		}
	}
}

func (e *Reader) top() *frame { return &e.open[len(e.open)-1] }

func (e *Reader) closing() byte {
	if e.top().array {
		return ']'
	}
	return '}'
}

// leave closes the innermost array or object.
func (e *Reader) leave() (Part, error) {
	part := Part{Path: e.top().path, Kind: End, Offset: e.offset()}
	e.at++
	e.open = e.open[:len(e.open)-1]
	e.state = afterItem
	if len(e.open) == 0 {
		e.state = finished
	}
	return part, nil
}

// readKey reads a key and its colon.
func (e *Reader) readKey(c byte) error {
	if c != '"' {
		return e.fault("expected a key in quotes, found %q", c)
	}
	raw, _, err := e.value()
	if err != nil {
		return e.inValue(err)
	}
	e.next = e.member(e.top().place, raw[1:len(raw)-1])
	if c, err = e.skip(); err != nil {
		return e.inValue(err)
	}
	if c != ':' {
		return e.fault("expected a colon after the key, found %q", c)
	}
	e.at++
	return nil
}

// readValue reads a value, or enters it.
func (e *Reader) readValue(c byte) (Part, error) {
	here := e.here()
	part := Part{Path: here.path, Offset: e.offset()}
	if (c == '[' || c == '{') && here.into {
		e.at++
		part.Kind = Begin
		e.open = append(e.open, frame{place: here, array: c == '['})
		e.state = atFirst
		return part, nil
	}
	if !begins(c) {
		return Part{}, e.fault("expected a value, found %q", c)
	}
	raw, valid, err := e.valueOf(c, &part)
	if errors.Is(err, io.EOF) && len(e.open) == 0 && classes[c] == plain {
		raw, err = e.rest(), nil // a number is ended by the end of the file
		valid = Valid(raw)
	}
	if err != nil {
		return Part{}, e.inValue(err)
	}
	part.Raw, part.Valid = raw, valid
	e.state = afterItem
	if len(e.open) == 0 {
		e.state = finished
	}
	return part, nil
}

// valueOf reads the value of a part, which begins with c.
func (e *Reader) valueOf(c byte, part *Part) (raw []byte, valid bool, err error) {
	if !e.mark || c != '{' {
		return e.value()
	}
	var end int
	end, e.marks = scan.EndOfObject(e.buf[:e.end], e.at, e.marks[:0])
	if raw, valid = e.taken(end); !valid {
		if raw, err = e.unchecked(); err != nil {
			return nil, false, err
		}
		valid = Valid(raw)
		e.marks, _ = scan.Members(raw, e.marks[:0])
	}
	if len(e.marks) > 0 {
		part.Members = e.marks
	}
	return raw, valid, nil
}

// here is the place of the value that comes next.
func (e *Reader) here() *place {
	switch {
	case len(e.open) == 0:
		return &e.root
	case e.top().array:
		return e.element(e.top().place)
	}
	return e.next
}

func (e *Reader) element(of *place) *place {
	if of.element == nil {
		of.element = e.placeAt(join(of.path, "#"))
	}
	return of.element
}

func (e *Reader) member(of *place, key []byte) *place {
	m, ok := of.members[string(key)]
	if !ok {
		m = e.placeAt(join(of.path, string(key)))
		if len(of.members) < maxMembers {
			if of.members == nil {
				of.members = map[string]*place{}
			}
			of.members[string(key)] = m
		}
	}
	return m
}

func (e *Reader) placeAt(path string) *place { return &place{path: path, into: e.into[path]} }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// ended is what the end of the file means between two tokens.
func (e *Reader) ended(err error) error {
	if !errors.Is(err, io.EOF) || e.state == finished {
		return err
	}
	between := len(e.open) > 0 && e.top().array && e.state != finished
	return &Cut{Byte: e.offset(), Between: between}
}

// inValue is what an error means within a value.
func (e *Reader) inValue(err error) error {
	var bad *unbalanced
	switch {
	case errors.Is(err, io.EOF):
		return &Cut{Byte: e.base + int64(e.end)}
	case errors.As(err, &bad):
		return e.fault("%s", bad.text)
	}
	return err
}

func (e *Reader) fault(format string, args ...any) error {
	return &records.Fault{Path: e.file, Byte: e.offset(), Text: fmt.Sprintf(format, args...)}
}
