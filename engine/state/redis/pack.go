package redis

import (
	"encoding/binary"
	"math"
)

// packer appends numbers as the scripts unpack them: little endian, moments and whatever may exceed 32 bits as floats,
// since that is what Lua's numbers are. Whole numbers are exact up to 2^53: 104 days of nanoseconds.
type packer []byte

func (p *packer) u8(v uint8)   { *p = append(*p, v) }
func (p *packer) u16(v uint16) { *p = binary.LittleEndian.AppendUint16(*p, v) }
func (p *packer) u32(v uint32) { *p = binary.LittleEndian.AppendUint32(*p, v) }
func (p *packer) i32(v int)    { p.u32(uint32(int32(v))) }
func (p *packer) float(v int64) {
	*p = binary.LittleEndian.AppendUint64(*p, math.Float64bits(float64(v)))
}

// clamped writes a count that 32 bits may not hold, for which all beyond is alike.
func (p *packer) clamped(v int) { p.u32(uint32(min(max(v, 0), math.MaxUint32))) }

// flags packs up to eight of them, the first one lowest.
func flags(set ...bool) (b uint8) {
	for i, f := range set {
		if f {
			b |= 1 << i
		}
	}
	return b
}

// unpacker reads what scripts have packed. What is too short reads as zeros and sets short.
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

// many is how many things follow that take at least size bytes each; 0 where there cannot be as many.
func (u *unpacker) many(n uint32, size int) int {
	if u.short || int64(n)*int64(size) > int64(len(u.rest)) {
		u.short, u.rest = true, nil
		return 0
	}
	return int(n)
}
