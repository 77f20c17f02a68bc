package blockstream

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/pierrec/lz4/v4"
)

var lz4Magic = []byte("LZ4Block")

// An LZ4Block is its magic number, a byte with the method and the base-2 logarithm of the largest block less 10, the
// lengths compressed and not, and the checksum of its text, each in 4 bytes, the lowest first.
const (
	lz4Header = 8 + 1 + 3*4
	lz4Raw    = 0x10
	lz4Packed = 0x20
	lz4Least  = 10
)

// nextLZ4 reads a block. A block without text is the end mark of a stream, which another one may follow.
func (r *reader) nextLZ4() error {
	h, err := r.head(lz4Header)
	if err != nil {
		if r.open {
			err = rest(0, err)
		}
		return err
	}
	if !bytes.HasPrefix(h, lz4Magic) {
		return corrupt("a block begins with %q, expected %s", h[:len(lz4Magic)], lz4Magic)
	}
	method, largest := h[8]&0xf0, uint32(1)<<(lz4Least+h[8]&0x0f)
	packed, plain, sum := binary.LittleEndian.Uint32(h[9:]), binary.LittleEndian.Uint32(h[13:]), binary.LittleEndian.Uint32(h[17:])
	switch {
	case plain == 0 && packed == 0:
		r.open = false
		return nil
	case max(plain, packed) > largest:
		return corrupt("a block has %d bytes and %d compressed, expected at most %d", plain, packed, largest)
	case method != lz4Raw && method != lz4Packed:
		return corrupt("a block has the method %#x, expected %#x or %#x", method, lz4Raw, lz4Packed)
	}
	r.open = true
	block, err := r.block(int(packed))
	if err != nil {
		return err
	}
	if method == lz4Packed {
		r.text = grown(r.text, int(plain))
		n, err := lz4.UncompressBlock(block, r.text)
		if err != nil {
			return corrupt("a block: %v", err)
		}
		block = r.text[:n]
	}
	if len(block) != int(plain) || checksum(block) != sum {
		return corrupt("a block has %d bytes with the checksum %#x, expected %d with %#x", len(block), checksum(block), plain, sum)
	}
	r.plain = block
	return nil
}

// checksum is that of lz4-java: xxHash with 32 bits (Collet, "xxHash fast digest algorithm", version 0.1.1) and a seed of its
// own, of which java.util.zip.Checksum as it is used there keeps 28 bits.
func checksum(b []byte) uint32 { return xxHash32(b, 0x9747b28c) & 0x0fffffff }

const (
	prime1 = 2654435761
	prime2 = 2246822519
	prime3 = 3266489917
	prime4 = 668265263
	prime5 = 374761393
)

func xxHash32(b []byte, seed uint32) uint32 {
	h := seed + prime5
	length := uint32(len(b))
	if len(b) >= 16 {
		lanes := [4]uint32{seed, seed, seed, seed}
		lanes[0] += prime1
		lanes[0] += prime2
		lanes[1] += prime2
		lanes[3] -= prime1
		for ; len(b) >= 16; b = b[16:] {
			for i := range lanes {
				lanes[i] = bits.RotateLeft32(lanes[i]+binary.LittleEndian.Uint32(b[4*i:])*prime2, 13) * prime1
			}
		}
		h = bits.RotateLeft32(lanes[0], 1) + bits.RotateLeft32(lanes[1], 7) + bits.RotateLeft32(lanes[2], 12) + bits.RotateLeft32(lanes[3], 18)
	}
	h += length
	for ; len(b) >= 4; b = b[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(b)*prime3, 17) * prime4
	}
	for _, c := range b {
		h = bits.RotateLeft32(h+uint32(c)*prime5, 11) * prime1
	}
	h = (h ^ h>>15) * prime2
	h = (h ^ h>>13) * prime3
	return h ^ h>>16
}
