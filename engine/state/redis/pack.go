package redis

import (
	"encoding/binary"
	"math"
)

// packer appends numbers as the scripts unpack them, in little endian. Moments and anything that may exceed 32 bits are
// float64, like all numbers in Lua; integers are exact up to 2^53, or 104 days of nanoseconds.
type packer []byte

func (p *packer) u8(v uint8)   { *p = append(*p, v) }
func (p *packer) u16(v uint16) { *p = binary.LittleEndian.AppendUint16(*p, v) }
func (p *packer) u32(v uint32) { *p = binary.LittleEndian.AppendUint32(*p, v) }
func (p *packer) i32(v int)    { p.u32(uint32(int32(v))) }
func (p *packer) float(v int64) {
	*p = binary.LittleEndian.AppendUint64(*p, math.Float64bits(float64(v)))
}

// clamped appends a count, limited to what 32 bits can hold.
func (p *packer) clamped(v int) { p.u32(uint32(min(max(v, 0), math.MaxUint32))) }

// flags packs up to eight flags; the first one is the lowest bit.
func flags(set ...bool) (b uint8) {
	for i, f := range set {
		if f {
			b |= 1 << i
		}
	}
	return b
}

// unpacker reads what scripts have packed. Reading past the end returns zeros and sets short.
type unpacker struct {
	rest  []byte
	short bool
}

func (u *unpacker) bytes(n int) []byte {
	if n < 0 || n > len(u.rest) {
		u.short, u.rest = true, nil
		return make([]byte, max(0, min(n, 8)))
	}
	b := u.rest[:n]
	u.rest = u.rest[n:]
	return b
}

func (u *unpacker) u8() uint8   { return u.bytes(1)[0] }
func (u *unpacker) u16() uint16 { return binary.LittleEndian.Uint16(u.bytes(2)) }
func (u *unpacker) u32() uint32 { return binary.LittleEndian.Uint32(u.bytes(4)) }
func (u *unpacker) float() int64 {
	return int64(math.Float64frombits(binary.LittleEndian.Uint64(u.bytes(8))))
}

// many checks the number of items that follow, which take at least size bytes each: if the rest is too short for them,
// it returns 0 and sets short.
func (u *unpacker) many(n uint32, size int) int {
	if u.short || int64(n)*int64(size) > int64(len(u.rest)) {
		u.short, u.rest = true, nil
		return 0
	}
	return int(n)
}
