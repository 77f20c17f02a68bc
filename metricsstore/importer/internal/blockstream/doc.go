// Package blockstream reads the streams of compressed blocks that libraries of Java have of their own, and that other tools
// do not know: LZ4Block of lz4-java, snappy-java's form of Snappy, and the LZF of compress-lzf. Spark writes its event logs
// in them when spark.io.compression.codec or spark.eventLog.compression.codec is lz4, snappy or lzf.
//
// Guarantees: any bytes give text or an error, never a panic. Blocks of LZ4 are compared with their checksums. Streams
// that follow each other are one, as Java reads them. An end within a block is io.ErrUnexpectedEOF, and so is an LZ4
// stream without its end mark.
//
// Costs: one block of each kind is in memory, compressed and not, of which the larger has at most 32 MiB.
//
// Caveats: Snappy and LZF have no end mark, so what was cut between two blocks looks whole, and no checksums, so what was
// changed in the middle may be read as something else.
package blockstream
