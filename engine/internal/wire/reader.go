package wire

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// printable makes text from outside short and valid UTF-8, for errors.
func Printable(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// reader parses bytes that may be hostile. After the first error all its methods return zero values.
type Reader struct {
	Rest []byte
	Err  error
}

func (r *Reader) Fail(format string, args ...any) {
	if r.Err == nil {
		r.Err = fmt.Errorf(format, args...)
		r.Rest = nil
	}
}

func (r *Reader) Byte() byte {
	if len(r.Rest) == 0 {
		r.Fail("it ends too early")
		return 0
	}
	b := r.Rest[0]
	r.Rest = r.Rest[1:]
	return b
}

func (r *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.Rest)
	if n <= 0 {
		r.Fail("it ends within a number, or a number exceeds 64 bits")
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// bool is a flag of one byte.
func (r *Reader) Bool() bool {
	b := r.Byte()
	if b > 1 {
		r.Fail("the byte %d, expected 0 or 1", b)
	}
	return b == 1
}

// number reads an unsigned number and fails if it exceeds most.
func (r *Reader) Number(what string, most uint64) uint64 {
	v := r.Uvarint()
	if v > most {
		r.Fail("%s is %d, at most %d are possible", what, v, most)
		return 0
	}
	return v
}

// count reads how many things of at least one byte each follow, so it cannot exceed the number of bytes left.
func (r *Reader) Count(what string) int {
	return int(r.Number(what, uint64(len(r.Rest))))
}

// zigzag is a signed number.
func (r *Reader) Zigzag() int64 { return Unzigzag(r.Uvarint()) }

// bytes reads the next n bytes; they are not copied.
func (r *Reader) Bytes(n int) []byte {
	if n > len(r.Rest) {
		r.Fail("it ends too early")
		return nil
	}
	b := r.Rest[:n]
	r.Rest = r.Rest[n:]
	return b
}

// text reads a string that follows its length.
func (r *Reader) Text() string { return string(r.Bytes(r.Count("the length of a text"))) }

func Zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

func Unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

func AppendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}
