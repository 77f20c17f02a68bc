package importer

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/dagscope/dagscope/metricsstore/records"
)

var (
	gzipMagic     = []byte{0x1f, 0x8b}
	zstdMagic     = []byte{0x28, 0xb5, 0x2f, 0xfd}
	zipMagic      = []byte("PK\x03\x04")
	tarMagic      = []byte("ustar")
	byteOrderMark = []byte("\xef\xbb\xbf")
	utf16Marks    = []string{"\xff\xfe", "\xfe\xff"}
)

// tarMagicAt is where a tar file has its magic number.
const tarMagicAt = 257

// unpack adds a file, or what it contains if it is a tar or zip file.
func (d *Drop) unpack(f item) error {
	head, err := headOf(f.open, len(zipMagic))
	if err != nil {
		return err
	}
	if bytes.HasPrefix(head, zipMagic) {
		return d.unzip(f)
	}
	plain := item{f.path, func() (io.ReadCloser, error) { return decompress(f.open) }}
	head, err = headOf(plain.open, tarMagicAt+len(tarMagic))
	if err == nil && len(head) > tarMagicAt && bytes.Equal(head[tarMagicAt:], tarMagic) {
		return d.untar(plain)
	}
	return d.add(plain) // an error occurs again when it is read, and is then reported for the file
}

// headOf returns the first n bytes of a file, or all if there are fewer.
func headOf(open func() (io.ReadCloser, error), n int) ([]byte, error) {
	in, err := open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	head, err := io.ReadAll(io.LimitReader(in, int64(n)))
	return head, err
}

// decompress opens a file: decompressed if it is compressed by gzip or zstd, and without the byte order mark that
// editors put in front of text. Errors of the compression are ErrFile.
func decompress(open func() (io.ReadCloser, error)) (io.ReadCloser, error) {
	file, err := open()
	if err != nil {
		return nil, err
	}
	out := &content{in: bufio.NewReaderSize(file, 1<<16), closers: []func(){func() { _ = file.Close() }}, left: records.MaxBytes}
	if err := out.uncover(); err != nil {
		_ = out.Close()
		return nil, err
	}
	return out, nil
}

// content reads one file.
type content struct {
	in      *bufio.Reader
	packed  string // the compression, empty if there is none
	left    int64
	closers []func()
}

// uncover takes off compressions and a byte order mark.
func (c *content) uncover() error {
	head, err := c.in.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		c.packed = "gzip"
		z, err := gzip.NewReader(c.in)
		if err != nil {
			return c.fault(err)
		}
		c.in = bufio.NewReaderSize(z, 1<<16)
	case bytes.HasPrefix(head, zstdMagic):
		c.packed = "zstd"
		z, err := zstd.NewReader(c.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<27))
		if err != nil {
			return c.fault(err)
		}
		c.closers = append(c.closers, z.Close)
		c.in = bufio.NewReaderSize(z, 1<<16)
	}
	head, err = c.in.Peek(len(byteOrderMark))
	switch {
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

// fault says of an error that the compression is at fault. It does not wrap its cause, because an unexpected end of the
// file must not look like io.EOF.
func (c *content) fault(err error) error {
	if c.packed == "" {
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
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
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

// untar adds the regular files of a tar file.
func (d *Drop) untar(f item) error {
	in, err := f.open()
	if err != nil {
		return err
	}
	defer in.Close()
	for entries := tar.NewReader(in); ; {
		h, err := entries.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%w: %s: it is a tar file and cannot be unpacked (%w), expected a whole file", ErrFile, f.path, err)
		case h.Typeflag != tar.TypeReg:
			continue
		case isSparse(h):
			return fmt.Errorf("%w: %s: %s has holes, expected a tar file that was made without --sparse", ErrFile, f.path, h.Name)
		}
		entry, err := d.spool(h.Name, entries)
		if err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		if err := d.add(item{entry.path, func() (io.ReadCloser, error) { return decompress(entry.open) }}); err != nil {
			return err
		}
	}
}

// isSparse reports whether an entry has holes, by which a small file can stand for one of any size.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// unzip adds the regular files of a zip file, which are read where they lie.
func (d *Drop) unzip(f item) error {
	in, err := f.open()
	if err != nil {
		return err
	}
	d.closers = append(d.closers, in)
	file, isFile := in.(*os.File)
	if !isFile {
		return d.add(f)
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	entries, err := zip.NewReader(file, info.Size())
	if err != nil {
		return fmt.Errorf("%w: %s: it is a zip file and cannot be unpacked (%w), expected a whole file", ErrFile, f.path, err)
	}
	for _, entry := range entries.File {
		if !entry.Mode().IsRegular() {
			continue
		}
		if d.unpacked += min(entry.UncompressedSize64, maxSpooled+1); d.unpacked > maxSpooled {
			return fmt.Errorf("%w: %s: its files are more than %d bytes", ErrTooLarge, f.path, int64(maxSpooled))
		}
		packed := item{cleanPath(entry.Name), func() (io.ReadCloser, error) { return decompress(entry.Open) }}
		if err := d.add(packed); err != nil {
			return err
		}
	}
	return nil
}
