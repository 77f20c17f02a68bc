package blockstream

import (
	"bytes"
	"encoding/binary"

	"github.com/klauspost/compress/snappy"
)

var snappyMagic = []byte("\x82SNAPPY\x00")

// snappyHeader is the length of what a stream begins with: the magic number, its version, and the one that it is
// compatible with.
const snappyHeader = 8 + 2*4

// nextSnappy reads a block, or the header of a stream, whose first bytes are no length of a block.
func (r *reader) nextSnappy() error {
	h, err := r.head(4)
	if err != nil {
		return err
	}
	if bytes.Equal(h, snappyMagic[:4]) {
		h, err := r.head(snappyHeader - 4)
		if err != nil {
			return rest(0, err)
		}
		if !bytes.HasPrefix(h, snappyMagic[4:]) {
			return corrupt("a stream continues with %q, expected %q", h[:4], snappyMagic[4:])
		}
		return nil
	}
	n := binary.BigEndian.Uint32(h)
	if n > maxBlock {
		return corrupt("a block has %d bytes, expected at most %d", n, maxBlock)
	}
	block, err := r.block(int(n))
	if err != nil {
		return err
	}
	plain, err := snappy.DecodedLen(block)
	if err != nil || plain > maxBlock {
		return corrupt("a block has %d bytes of text, expected at most %d", plain, maxBlock)
	}
	r.text = grown(r.text, plain)
	if r.plain, err = snappy.Decode(r.text, block); err != nil {
		return corrupt("a block: %v", err)
	}
	return nil
}
