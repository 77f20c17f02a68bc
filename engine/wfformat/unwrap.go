package wfformat

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
)

var (
	gzipMagic     = []byte{0x1f, 0x8b}
	byteOrderMark = []byte("\xef\xbb\xbf")
	utf16Marks    = []string{"\xff\xfe", "\xfe\xff"}
)

// Unwrap returns the content of a file: decompressed if it is compressed by gzip, and without the byte order mark that
// editors put in front of text. Anything else is unchanged. The error is ErrInvalid for a damaged gzip header and for
// the byte order mark of UTF-16, else the error that r returned. Reading a compressed file that is cut off or damaged
// returns ErrInvalid.
func Unwrap(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReader(r)
	head, err := in.Peek(len(gzipMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading: %w", err)
	}
	if bytes.Equal(head, gzipMagic) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, gzipFault(err)
		}
		in = bufio.NewReader(compressed{z})
	}
	head, err = in.Peek(len(byteOrderMark))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.Equal(head, byteOrderMark):
		_, err = in.Discard(len(byteOrderMark))
		return in, err
	case len(head) >= 2 && slices.Contains(utf16Marks, string(head[:2])):
		return nil, fmt.Errorf("%w: it is in UTF-16, as its byte order mark says, expected UTF-8", ErrInvalid)
	}
	return in, nil
}

// compressed reads gzip, and says in its errors that the compression is at fault.
type compressed struct{ *gzip.Reader }

func (c compressed) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = gzipFault(err)
	}
	return n, err
}

// gzipFault does not wrap its cause, because an unexpected end of the file must not look like io.EOF.
func gzipFault(err error) error {
	return fmt.Errorf("%w: it is compressed by gzip and cannot be unpacked (%v), expected a whole file", ErrInvalid, err)
}
