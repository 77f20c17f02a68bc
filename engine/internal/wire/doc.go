// Package wire reads and writes the parts that the engine's encodings have in common: variable-length numbers, flags,
// texts.
//
// A Reader takes apart input that may be hostile: after the first error everything it returns is zero, so callers check
// Err once at the end. It never allocates more than its input is long. Counts are bounded by the bytes that are left,
// since what is counted takes at least one byte each.
//
// Caveats: Bytes returns a part of the input, not a copy.
package wire
