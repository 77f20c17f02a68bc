// Package codec encodes the values that tasks exchange: a Type describes a Go type at run time, sizes its values and
// encodes them (FORMAT-values.md).
//
// Bytes, strings, booleans, numbers and slices of numbers are encoded as they are in memory, in little endian; a type
// that implements Shaped has its own encoding; everything else is CBOR by exported fields. A type that would lose
// something in its encoding has none, and Type.Err says why.
//
// It guarantees that Decode gives back what Append was given, and that it runs no code of other types and allocates at
// most in proportion to its input. TypeOf walks a type once; after that it takes about 20 ns. Size never encodes.
//
// Caveats: the name of a type is part of the encoding, so renaming a type makes stored values of it unreadable. Values
// that contain themselves through pointers are refused only if they are encoded as CBOR.
package codec
