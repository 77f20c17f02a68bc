package python

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
)

// appendFloat appends a number as JSON, and what JSON lacks as text.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	default:
		number, _ := json.Marshal(f) // it has all that are finite
		return append(dst, number...)
	}
}

// halfFloat converts a number of 16 bits (IEEE 754, binary16).
func halfFloat(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	var f float64
	switch exponent {
	case 0:
		f = math.Ldexp(fraction, -24)
	case 31:
		if fraction > 0 {
			return math.NaN()
		}
		f = math.Inf(1)
	default:
		f = math.Ldexp(1024+fraction, exponent-25)
	}
	if bits>>15 == 1 {
		f = -f
	}
	return f
}

// elementOf returns how many bytes an element takes and what appends its JSON, nil for those that are no numbers.
func elementOf(dtype string) (width int, write func(dst, raw []byte) []byte) {
	if len(dtype) != 3 {
		return 0, nil
	}
	switch dtype[1:] {
	case "b1":
		return 1, func(dst, raw []byte) []byte { return strconv.AppendBool(dst, raw[0] != 0) }
	case "i1", "i2", "i4", "i8":
		return int(dtype[2] - '0'), func(dst, raw []byte) []byte {
			unused := 64 - 8*len(raw)
			return strconv.AppendInt(dst, int64(unsigned(raw)<<unused)>>unused, 10)
		}
	case "u1", "u2", "u4", "u8":
		return int(dtype[2] - '0'), func(dst, raw []byte) []byte { return strconv.AppendUint(dst, unsigned(raw), 10) }
	case "f2":
		return 2, func(dst, raw []byte) []byte { return appendFloat(dst, halfFloat(uint16(unsigned(raw)))) }
	case "f4":
		return 4, func(dst, raw []byte) []byte {
			return appendFloat(dst, float64(math.Float32frombits(uint32(unsigned(raw)))))
		}
	case "f8":
		return 8, func(dst, raw []byte) []byte { return appendFloat(dst, math.Float64frombits(unsigned(raw))) }
	default:
		return 0, nil
	}
}

// unsigned reads a number of at most eight bytes in little endian.
func unsigned(raw []byte) uint64 {
	var wide [8]byte
	copy(wide[:], raw)
	return binary.LittleEndian.Uint64(wide[:])
}
