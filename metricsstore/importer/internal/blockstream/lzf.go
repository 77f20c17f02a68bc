package blockstream

import "encoding/binary"

// A block of LZF is ZV, a byte that says whether it is compressed, the length of what follows, and that of the text if it
// is compressed, both in 2 bytes, the highest first.
const (
	lzfPlain  = 0
	lzfPacked = 1
	lzfHeader = 2 + 1 + 2
)

// nextLZF reads a block.
func (r *reader) nextLZF() error {
	h, err := r.head(lzfHeader)
	if err != nil {
		return err
	}
	if h[0] != 'Z' || h[1] != 'V' || h[2] > lzfPacked {
		return corrupt("a block begins with %q, expected ZV and 0 or 1", h[:3])
	}
	isPacked, n := h[2] == lzfPacked, int(binary.BigEndian.Uint16(h[3:]))
	plain := n
	if isPacked {
		h, err := r.head(2)
		if err != nil {
			return rest(0, err)
		}
		plain = int(binary.BigEndian.Uint16(h))
	}
	block, err := r.block(n)
	if err != nil {
		return err
	}
	if isPacked {
		if r.text, err = unpackLZF(grown(r.text, plain)[:0], block, plain); err != nil {
			return err
		}
		block = r.text
	}
	r.plain = block
	return nil
}

// unpackLZF appends the text of a block to out. The block is a sequence of literal bytes, preceded by their number less
// one if that is below 32, and of copies of earlier text: a length in the upper three bits, with a further byte
// if all of them are set, and how far back it lies in the other 13.
func unpackLZF(out, block []byte, plain int) ([]byte, error) {
	for len(block) > 0 {
		control := int(block[0])
		block = block[1:]
		if control < 1<<5 {
			n := control + 1
			if n > len(block) {
				return out, corrupt("a block ends within %d bytes of text", n)
			}
			out, block = append(out, block[:n]...), block[n:]
			continue
		}
		n := control >> 5
		if n == 7 && len(block) > 0 {
			n += int(block[0])
			block = block[1:]
		}
		if len(block) == 0 {
			return out, corrupt("a block ends within a reference")
		}
		from := len(out) - (control&31<<8 | int(block[0])) - 1
		block = block[1:]
		if from < 0 {
			return out, corrupt("a block refers to what is before it")
		}
		for i := range n + 2 { // it may overlap what it makes
			out = append(out, out[from+i])
		}
		if len(out) > plain {
			break
		}
	}
	if len(out) != plain {
		return out, corrupt("a block has %d bytes of text, expected %d", len(out), plain)
	}
	return out, nil
}
