package record

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"time"
)

// RunID names one run. IDs made by NewRunID sort by the time of submission.
type RunID string

// idEncoding is Crockford's alphabet in lower case: it sorts like the bytes it encodes and has no i, l, o or u.
var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewRunID makes an ID of 20 characters: 48 bits of milliseconds since 1970, then 52 random bits.
func NewRunID(now time.Time) RunID {
	var b [13]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // never fails: crypto/rand.Read crashes the program instead
	return RunID(idEncoding.EncodeToString(b[:])[:20])
}

// ParseRunID checks that s could be the ID of a run: 1 to 64 letters, digits, '-', '_' or '.', not starting with '.'.
func ParseRunID(s string) (RunID, error) {
	ok := len(s) >= 1 && len(s) <= 64 && s[0] != '.'
	for _, c := range []byte(s) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')
	}
	if !ok {
		return "", fmt.Errorf("engine: %q is not a run id, expected 1 to 64 letters, digits, '-', '_' or '.'", s)
	}
	return RunID(s), nil
}
