package importer

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/dagscope/dagscope/metricsstore/importer/internal/blockstream"
	"github.com/dagscope/dagscope/metricsstore/records"
)

var (
	gzipMagic     = []byte{0x1f, 0x8b}
	zstdMagic     = []byte{0x28, 0xb5, 0x2f, 0xfd}
	byteOrderMark = []byte("\xef\xbb\xbf")
	utf16Marks    = []string{"\xff\xfe", "\xfe\xff"}
)

// longestMagic is how much of a file says how it is compressed, in bytes.
const longestMagic = blockstream.MaxMagic

// decompressed is the file without its compression, and without the byte order mark that editors put in front of text.
// Errors of the compression are ErrFile.
func (f item) decompressed() item {
	return item{f.path, func() (io.ReadCloser, error) {
		file, err := f.open()
		if err != nil {
			return nil, err
		}
		out := &content{
			in: bufio.NewReaderSize(file, 1<<16), closers: []func(){func() { _ = file.Close() }},
			left: records.MaxBytes, grows: path.Ext(f.path) == growing,
		}
		if err := out.uncover(f.path); err != nil {
			_ = out.Close()
			return nil, err
		}
		return out, nil
	}}
}

// growing is what Spark adds to the name of a log that it is writing. A compression has no end there yet; that the log
// has none is noticed by its reader.
const growing = ".inprogress"

// content reads one file.
type content struct {
	in      *bufio.Reader
	packed  string // the compression, empty if there is none
	grows   bool   // its name ends in growing
	left    int64
	closers []func()
}

// uncover takes off a compression and a byte order mark.
func (c *content) uncover(name string) error {
	head, err := c.in.Peek(longestMagic)
	if err != nil && !errors.Is(err, io.EOF) {
		return c.fault(err)
	}
	plain, err := c.decompressor(name, head)
	if err != nil {
		return c.fault(err)
	}
	if plain != nil {
		c.in = bufio.NewReaderSize(plain, 1<<16)
	}
	head, err = c.in.Peek(len(byteOrderMark))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && c.grows:
	case err != nil && !errors.Is(err, io.EOF):
		return c.fault(err)
	case bytes.Equal(head, byteOrderMark):
		_, err = c.in.Discard(len(byteOrderMark))
		return err
	case len(head) >= 2 && slices.Contains(utf16Marks, string(head[:2])):
		return fmt.Errorf("%w: it is in UTF-16, as its byte order mark says, expected UTF-8", ErrFile)
	}
	return nil
}

// decompressor returns what decompresses a file that begins with head, nil if it is not compressed. Brotli has no magic
// number, so that only the name of the file says it.
func (c *content) decompressor(name string, head []byte) (io.Reader, error) {
	blocks, isBlocks := blockstream.Recognise(head)
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		c.packed = "gzip"
		return gzip.NewReader(c.in)
	case bytes.HasPrefix(head, zstdMagic):
		c.packed = "zstd"
		z, err := zstd.NewReader(c.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<27))
		if err != nil {
			return nil, err
		}
		c.closers = append(c.closers, z.Close)
		return z, nil
	case isLZ4(head):
		c.packed = "lz4"
		z := lz4.NewReader(c.in)
		return z, z.Apply(lz4.ConcurrencyOption(1))
	case isBlocks:
		c.packed = blocks.Name
		return blocks.NewReader(c.in), nil
	case path.Ext(name) == ".br":
		c.packed = "brotli"
		return brotli.NewReader(c.in), nil
	}
	return nil, nil
}

// isLZ4 reports whether a file begins with the magic number of a frame of LZ4, of one in its old form, or of one to be skipped, of
// which there are 16.
func isLZ4(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	switch magic := binary.LittleEndian.Uint32(head); magic {
	case 0x184d2204, 0x184c2102:
		return true
	default:
		return magic&^0xf == 0x184d2a50
	}
}

// fault says of an error that the compression is at fault. It does not wrap its cause, because an unexpected end of the
// file must not look like io.EOF.
func (c *content) fault(err error) error {
	switch {
	case errors.Is(err, zip.ErrFormat), errors.Is(err, zip.ErrChecksum):
		return fmt.Errorf("%w: it is in a zip file and is not what that says (%v), expected a whole file", ErrFile, err)
	case c.packed == "":
		return err
	}
	return fmt.Errorf("%w: it is compressed by %s and cannot be unpacked (%v), expected a whole file", ErrFile, c.packed, err)
}

// Read implements io.Reader.
func (c *content) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	if c.left -= int64(n); c.left < 0 {
		return 0, fmt.Errorf("%w: more than %d bytes", records.ErrTooLarge, int64(records.MaxBytes))
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && c.grows:
		err = io.EOF
	case err != nil && !errors.Is(err, io.EOF):
		err = c.fault(err)
	}
	return n, err
}

// Close implements io.Closer.
func (c *content) Close() error {
	for _, f := range slices.Backward(c.closers) {
		f()
	}
	return nil
}
