package blockstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxBlock bounds a block, compressed or not. lz4-java writes no larger ones; Spark makes them 32 KiB unless it is set up
// otherwise.
const maxBlock = 32 << 20

// ErrCorrupt: the bytes are no stream of this kind. The text says what was expected.
var ErrCorrupt = errors.New("damaged stream")

// Kind is a kind of stream.
type Kind struct {
	Name  string
	magic []byte
	// next reads the blocks of a stream up to the next one with text, which it puts into reader.plain. The error is
	// io.EOF at the end of the stream, ErrCorrupt, or that of the source.
	next func(*reader) error
}

// kinds are all kinds.
var kinds = []Kind{
	{"LZ4Block", lz4Magic, (*reader).nextLZ4},
	{"Snappy for Java", snappyMagic, (*reader).nextSnappy},
	{"LZF", []byte{'Z', 'V', lzfPlain}, (*reader).nextLZF},
	{"LZF", []byte{'Z', 'V', lzfPacked}, (*reader).nextLZF},
}

// MaxMagic is the length of the longest beginning by which Recognise knows a stream, in bytes.
const MaxMagic = 8

// Recognise returns the kind of the stream that begins with head.
func Recognise(head []byte) (kind Kind, ok bool) {
	for _, k := range kinds {
		if bytes.HasPrefix(head, k.magic) {
			return k, true
		}
	}
	return Kind{}, false
}

// NewReader returns the text of a stream of this kind, which begins with its first byte. The errors of Read are
// ErrCorrupt, io.ErrUnexpectedEOF and those of in, which should be buffered.
func (k Kind) NewReader(in io.Reader) io.Reader { return &reader{in: in, next: k.next} }

// reader is a stream that is being read.
type reader struct {
	in    io.Reader
	next  func(*reader) error
	plain []byte // text that was not read yet
	err   error  // of next
	open  bool   // within an LZ4 stream whose end mark has not been read

	header       [maxHeader]byte
	packed, text []byte // of the last block, to be used again
}

// maxHeader is the length of the longest header of a block or stream.
const maxHeader = lz4Header

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for len(r.plain) == 0 {
		if r.err == nil {
			r.err = r.next(r)
		}
		if r.err != nil {
			return 0, r.err
		}
	}
	n := copy(b, r.plain)
	r.plain = r.plain[n:]
	return n, nil
}

// head reads the next n bytes of a header. The error is io.EOF if there are none, and io.ErrUnexpectedEOF if there are
// fewer.
func (r *reader) head(n int) ([]byte, error) {
	_, err := io.ReadFull(r.in, r.header[:n])
	return r.header[:n], err
}

// block reads a block of n bytes.
func (r *reader) block(n int) ([]byte, error) {
	r.packed = grown(r.packed, n)
	return r.packed, rest(io.ReadFull(r.in, r.packed))
}

// rest is the error of reading what must be there.
func rest(_ int, err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// grown returns a slice of n bytes, b if that is large enough.
func grown(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
}
