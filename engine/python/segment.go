package python

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
)

// segment is a large value in memory that processes share: a file without a name, of which nothing changes any more. It is
// closed when the garbage collector finds it unused.
type segment struct {
	file *os.File
	size int64
}

const (
	// inline is the largest value, or payload of several, that is not in a segment, in bytes: a frame has to fit into a pipe
	// of 64 KiB.
	inline = 60 << 10
	// maxSegments is how many may be open, since each takes a descriptor; further values are kept on the heap.
	maxSegments = 512
	// collectSegments and collectBytes are after how many new ones, or bytes in them, garbage is collected: the collector
	// counts only what is on its heap, and would let them pile up.
	collectSegments = maxSegments / 2
	collectBytes    = 256 << 20
)

// Of all segments of this process, which has one limit of descriptors.
var openSegments, freshSegments, freshBytes atomic.Int64

// newSegment copies bytes into a new segment.
func newSegment(parts ...[]byte) (*segment, error) {
	file, err := createMemory()
	if err != nil {
		return nil, fmt.Errorf("python: shared memory for a large value: %w", err)
	}
	to := bufio.NewWriter(file) // passes large parts on as they are
	for _, p := range parts {
		_, _ = to.Write(p) // Flush has the error
	}
	if err = to.Flush(); err == nil {
		err = seal(file)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("python: shared memory for a large value: %w", err)
	}
	return adopt(file)
}

// adopt makes a segment of a file that nothing else of this process uses. On error the file is closed.
func adopt(file *os.File) (*segment, error) {
	info, err := file.Stat()
	if err == nil {
		err = checkSealed(file)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("python: shared memory of a large value: %w", err)
	}
	s := &segment{file, info.Size()}
	openSegments.Add(1)
	runtime.AddCleanup(s, func(struct{}) { openSegments.Add(-1) }, struct{}{})
	if freshSegments.Add(1) >= collectSegments || freshBytes.Add(s.size) >= collectBytes {
		freshSegments.Store(0)
		freshBytes.Store(0)
		runtime.GC()
	}
	return s, nil
}

// appendTo appends the bytes of a segment to dst.
func (s *segment) appendTo(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = slices.Grow(dst, int(s.size))[:start+int(s.size)]
	if _, err := s.file.ReadAt(dst[start:], 0); err != nil {
		return dst[:start], fmt.Errorf("python: shared memory of a large value: %w", err)
	}
	return dst, nil
}
