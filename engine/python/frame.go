package python

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/dagscope/dagscope/engine/process"
)

// version of the protocol and of the encoding of values.
const version = 1

// Kinds of requests, and of replies.
const (
	setupRequest byte = 1
	callRequest  byte = 2

	helloReply    byte = 1
	returnedReply byte = 2
	failedReply   byte = 3
)

// Flags of a request.
const (
	allowPickle = 1 << iota
	inSegment   // the payload is in the last segment
	split       // each part of the result is a value
)

const (
	frameSize = 4 // bytes of the size of the rest of a frame
	maxFrame  = 1 << 17
	replyHead = 1 + 8*8 + 4 + 4 + 8
)

// setup is the first request.
type setup struct {
	Version   int      `cbor:"version"`
	Path      []string `cbor:"path"`
	Preimport []string `cbor:"preimport"`
}

// hello is the reply to it.
type hello struct {
	Version int    `cbor:"version"`
	Python  string `cbor:"python"`
	Numpy   string `cbor:"numpy"` // "" if it is not imported yet
}

// appendFrame begins a frame of a kind; endFrame sets its size.
func appendFrame(dst []byte, kind byte) []byte { return append(dst, 0, 0, 0, 0, kind) }

func endFrame(frame []byte) []byte {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-frameSize))
	return frame
}

// appendCall makes the frame of a call, without what lies in segments.
func appendCall(dst []byte, c *Call, isSplit bool, p *payload) []byte {
	flags := byte(0)
	if c.AllowPickle {
		flags |= allowPickle
	}
	if isSplit {
		flags |= split
	}
	if !p.isInline() {
		flags |= inSegment
	}
	dst = append(appendFrame(dst, callRequest), flags)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(c.Module)+len(":")+len(c.Function)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(p.entries)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(p.segments)))
	dst = binary.LittleEndian.AppendUint64(dst, p.size)
	dst = append(append(append(dst, c.Module...), ':'), c.Function...)
	if p.isInline() {
		dst = p.appendTo(dst)
	}
	return endFrame(dst)
}

// reply is a parsed one to a call.
type reply struct {
	failed   bool
	usage    process.Usage
	resident int64 // bytes of memory after the call, -1 if unknown
	values   int
	files    int    // descriptors that follow
	size     uint64 // of the payload
	payload  []byte // the rest of the frame, empty if the payload lies in the last file
}

// parseReply reads the frame of a reply, without its size.
func parseReply(rest []byte) (r reply, err error) {
	if len(rest) < replyHead {
		return r, fmt.Errorf("a reply of %d bytes, expected at least %d", len(rest), replyHead)
	}
	kind := rest[0]
	if kind != returnedReply && kind != failedReply {
		return r, fmt.Errorf("a reply of kind %d, expected %d or %d", kind, returnedReply, failedReply)
	}
	var n [8]int64
	for i := range n {
		n[i] = int64(binary.LittleEndian.Uint64(rest[1+8*i:]))
	}
	counts := rest[1+8*len(n):]
	r = reply{
		failed: kind == failedReply, resident: n[3],
		usage: process.Usage{
			User: time.Duration(n[0]), System: time.Duration(n[1]), PeakMemory: n[2], ReadBytes: n[4], WrittenBytes: n[5],
			VoluntarySwitches: n[6], InvoluntarySwitches: n[7],
		},
		values: int(binary.LittleEndian.Uint32(counts)), files: int(binary.LittleEndian.Uint32(counts[4:])),
		size: binary.LittleEndian.Uint64(counts[8:]), payload: rest[replyHead:],
	}
	switch {
	case len(r.payload) > 0 && uint64(len(r.payload)) != r.size:
		return r, fmt.Errorf("a payload of %d bytes, expected %d", len(r.payload), r.size)
	case r.files > maxPassed:
		return r, fmt.Errorf("%d descriptors, expected at most %d", r.files, maxPassed)
	case len(r.payload) == 0 && r.size > 0 && r.files == 0:
		return r, errors.New("a payload in a segment, expected a descriptor")
	}
	return r, nil
}

// parseHello reads the frame of a hello, without its size.
func parseHello(rest []byte) (h hello, err error) {
	if len(rest) == 0 || rest[0] != helloReply {
		return h, errors.New("expected a hello of the package dagscope")
	}
	if err := cbor.Unmarshal(rest[1:], &h); err != nil {
		return h, fmt.Errorf("a hello: %w", err)
	}
	if h.Version != version {
		return h, fmt.Errorf("version %d of the protocol, expected %d", h.Version, version)
	}
	return h, nil
}

// failure reads the value of a reply that says how a call failed. It is a *CallError, unless there is no such value.
func failure(c *Call, values []Value) error {
	var parts []string
	if len(values) != 1 {
		return fmt.Errorf("python: %d values of a failure, expected 1", len(values))
	}
	raw, err := values[0].Bytes()
	if err == nil {
		err = cbor.Unmarshal(raw, &parts)
	}
	if err != nil || len(parts) != 4 {
		return fmt.Errorf("python: a failure of %d parts, expected 4 texts: %w", len(parts), err)
	}
	return &CallError{Function: c.name(), Reason: Reason(parts[0]), Type: parts[1], Message: parts[2], Traceback: parts[3]}
}
