package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/bits"
	"os"
)

// The layout of a bbolt file, which is that of its structs in memory; see go.etcd.io/bbolt/internal/common. It is read
// here without bbolt, which trusts what it reads: it panics on some damage, and on other damage frees or overwrites
// the pages of something else.
const (
	pageHead    = 16 // id, flags, count, overflow
	elementHead = 16 // of a leaf: flags, pos, ksize, vsize; of a branch: pos, ksize, child
	bucketHead  = 16 // root, sequence
	metaBytes   = 64
	metaSum     = 56 // offset of the checksum in it, which covers what precedes it

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	bucketElement = 0x01

	metaMagic   = 0xED0CDAED
	metaVersion = 2
	noFreelist  = 1<<64 - 1
	manyFree    = 0xFFFF // the number is in the first place of the list
)

// fileRoot is the content of a meta page of bbolt: where the state of a transaction begins.
type fileRoot struct {
	root, freelist uint64 // pages
	pages          uint64 // all pages of the state have smaller numbers
	transaction    uint64
}

// pageFile reads the pages of a bbolt file, which may be damaged or cut off. Safe for concurrent use.
type pageFile struct {
	r        io.ReaderAt
	size     int64
	pageSize int64
}

// openPages opens a file to read its pages; the caller closes the file.
func openPages(path string) (*pageFile, *os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return &pageFile{r: file, size: info.Size(), pageSize: -1}, file, nil
}

// errNoRoot: neither root of the file can be read, so it is not a bbolt file, or nothing of it can be found.
var errNoRoot = errors.New("neither root of the file can be read")

// findRoot finds the latest state of the file. A root with one flipped bit is restored by its checksum. damage says
// that the latest state may not be the one that was kept last, or that bbolt would not find it.
func (f *pageFile) findRoot() (latest fileRoot, damage error, err error) {
	first, firstMended := f.readRoot(0)
	second, secondMended := f.readRoot(f.pageSize)
	for size := int64(1 << 10); first == nil && second == nil && size <= 1<<16; size *= 2 {
		if second, secondMended = f.readRoot(size); second != nil && f.pageSize != size {
			second = nil
		}
	}
	mended := errors.New("a bit of the root of the file was flipped")
	switch {
	case first == nil && second == nil:
		return latest, nil, errNoRoot
	case first == nil || second == nil:
		if first == nil {
			first = second
		}
		return *first, errors.New("one of the two roots of the file cannot be read, so that the last change may be lost"), nil
	case second.transaction > first.transaction && secondMended, second.transaction < first.transaction && firstMended:
		damage = mended
	}
	if second.transaction > first.transaction {
		return *second, damage, nil
	}
	return *first, damage, nil
}

// readRoot reads a meta page, and notes the size of pages.
func (f *pageFile) readRoot(at int64) (root *fileRoot, mended bool) {
	if at < 0 {
		return nil, false
	}
	b := make([]byte, metaBytes)
	if _, err := f.r.ReadAt(b, at+pageHead); err != nil {
		return nil, false
	}
	if !validRoot(b) {
		if mended = mendRoot(b); !mended {
			return nil, false
		}
	}
	f.pageSize = int64(binary.NativeEndian.Uint32(b[8:]))
	return &fileRoot{
		root: binary.NativeEndian.Uint64(b[16:]), freelist: binary.NativeEndian.Uint64(b[32:]),
		pages: binary.NativeEndian.Uint64(b[40:]), transaction: binary.NativeEndian.Uint64(b[48:]),
	}, mended
}

func validRoot(b []byte) bool {
	size := binary.NativeEndian.Uint32(b[8:])
	if binary.NativeEndian.Uint32(b) != metaMagic || binary.NativeEndian.Uint32(b[4:]) != metaVersion ||
		size < 1<<10 || bits.OnesCount32(size) != 1 {
		return false
	}
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSum]) // never fails
	return sum.Sum64() == binary.NativeEndian.Uint64(b[metaSum:])
}

// mendRoot finds the bit that was flipped.
func mendRoot(b []byte) bool {
	for i := range metaBytes * 8 {
		b[i/8] ^= 1 << (i % 8)
		if validRoot(b) {
			return true
		}
		b[i/8] ^= 1 << (i % 8)
	}
	return false
}

// free lists the free pages of a state, and returns how many pages the list itself takes and whether it has one more
// than it needs, which happens when it was longer before its pages were allocated. The error means that the list is
// damaged or not kept.
func (f *pageFile) free(root fileRoot) (list []uint64, span uint64, hasSpare bool, err error) {
	if root.freelist == noFreelist {
		return nil, 0, false, errors.New("it is not kept")
	}
	head, err := f.read(root.freelist, 0, pageHead)
	if err != nil {
		return nil, 0, false, err
	}
	if id := binary.NativeEndian.Uint64(head); id != root.freelist || binary.NativeEndian.Uint16(head[8:]) != freelistPage {
		return nil, 0, false, fmt.Errorf("page %d is not the list of free pages", root.freelist)
	}
	n, from := uint64(binary.NativeEndian.Uint16(head[10:])), int64(pageHead)
	if n == manyFree {
		first, err := f.read(root.freelist, pageHead, 8)
		if err != nil {
			return nil, 0, false, err
		}
		n, from = binary.NativeEndian.Uint64(first), pageHead+8
	}
	if n > root.pages {
		return nil, 0, false, fmt.Errorf("%d pages are free, of %d", n, root.pages)
	}
	b, err := f.read(root.freelist, from, int64(n)*8)
	if err != nil {
		return nil, 0, false, err
	}
	list = make([]uint64, n)
	for i := range list {
		list[i] = binary.NativeEndian.Uint64(b[8*i:])
		if list[i] < 2 || list[i] >= root.pages || i > 0 && list[i] <= list[i-1] {
			return nil, 0, false, fmt.Errorf("free page %d is out of order or range", list[i])
		}
	}
	said, span := uint64(binary.NativeEndian.Uint32(head[12:]))+1, uint64((from+int64(n)*8-1)/f.pageSize)+1
	if said < span || said > span+1 {
		return nil, 0, false, fmt.Errorf("it has %d pages and needs %d", said, span)
	}
	return list, span, said > span, nil
}

// read reads bytes at an offset from the beginning of a page.
func (f *pageFile) read(page uint64, from, n int64) ([]byte, error) {
	if page >= uint64(f.size/f.pageSize)+1 {
		return nil, fmt.Errorf("page %d is beyond the end of the file", page)
	}
	return f.readAt(int64(page)*f.pageSize+from, n)
}

func (f *pageFile) readAt(at, n int64) ([]byte, error) {
	if n < 0 || at < 0 || at+n > f.size {
		return nil, fmt.Errorf("%d bytes at %d, the file ends at %d", n, at, f.size)
	}
	b := make([]byte, n)
	if _, err := f.r.ReadAt(b, at); err != nil {
		return nil, err
	}
	return b, nil
}
