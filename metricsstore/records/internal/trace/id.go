package trace

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// ID is the ID of a trace, and SpanID that of a span in it. Zero is none.
type (
	ID     [16]byte
	SpanID [8]byte
)

// ParseID reads an ID of a trace: up to 32 hexadecimal digits in lower or upper case, where missing ones are zeros at
// the beginning, or base64 of 16 bytes. It is zero if text is neither.
func ParseID[T string | []byte](text T) ID {
	var id ID
	parse(id[:], text)
	return id
}

// ParseSpanID is ParseID for the 16 digits or 8 bytes of a span.
func ParseSpanID[T string | []byte](text T) SpanID {
	var id SpanID
	parse(id[:], text)
	return id
}

// String is the ID in lower case, with 16 digits if these are enough.
func (id ID) String() string {
	return strings.TrimPrefix(hex.EncodeToString(id[:]), "0000000000000000")
}

// String is the ID in lower case.
func (id SpanID) String() string { return hex.EncodeToString(id[:]) }

// parse fills id, with zeros if text is none.
func parse[T string | []byte](id []byte, text T) {
	if len(text) <= 2*len(id) {
		var digits [32]byte
		n := copy(digits[len(text)%2:], text)
		if len(text)%2 == 1 {
			digits[0] = '0'
			n++
		}
		if _, err := hex.Decode(id[len(id)-n/2:], digits[:n]); err == nil {
			return
		}
		clear(id)
	}
	plain := strings.TrimRight(string(text), "=")
	if len(plain) != base64.RawStdEncoding.EncodedLen(len(id)) {
		return
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(plain))
	if err == nil {
		copy(id, raw)
	}
}
