package embedded

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// Bounds of the value of one key. They hold for what is written and are enforced on what is read.
const (
	// worthCompressing is the number of bytes from which on the frame of the compressor is worth its head.
	worthCompressing = 128
)

// How data is packed: its first byte. They are stored. Sealed data ends with a checksum of the whole value and of its
// place, so that neither a flipped bit nor a value that belongs elsewhere passes; no single flipped bit turns one
// kind into another. Files before format 3 have plain and compressed data without a seal, and annotations and faults
// as bare JSON.
const (
	plainValue  byte = 0    // the data itself
	zstdValue   byte = 1    // its length as a varint, then one zstd frame with a checksum
	sealedPlain byte = 0x50 // the data itself, and the seal
	sealedZstd  byte = 0x5a // its length as a varint, one zstd frame without a checksum, and the seal
)

// sealLen is the length of a seal: the CRC-32C of the place and of all that precedes the seal.
const sealLen = 4

var checksums = crc32.MakeTable(crc32.Castagnoli)

// location is the checksum of the place of a value: run and key.
type location uint32

// locationOf is the location of a row of a run; outside the buckets of runs, run is empty.
func locationOf(run record.RunID, key []byte) location {
	return location(crc32.Update(crc32.Checksum(append([]byte(run), 0), checksums), checksums, key))
}

// seal appends the seal of a value to it.
func (p location) seal(value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, crc32.Update(uint32(p), checksums, value))
}

// opened verifies and removes the seal of a value.
func (p location) opened(value []byte) ([]byte, error) {
	n := len(value) - sealLen
	if n < 0 || crc32.Update(uint32(p), checksums, value[:n]) != binary.BigEndian.Uint32(value[n:]) {
		return nil, fmt.Errorf("%w: a checksum differs", metricsstore.ErrCorrupt)
	}
	return value[:n], nil
}

// codec packs and unpacks data. Safe for concurrent use; its encoders and decoders are made once and used again.
type codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newCodec() (*codec, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(backend.MaxValue), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	return &codec{encoder: e, decoder: d}, nil
}

func (c *codec) close() {
	_ = c.encoder.Close() // nothing is streamed, so closing loses nothing
	c.decoder.Close()
}

// row appends packed data to the head of a row and seals both. Data that hardly gets smaller, because it is
// compressed already, stays as it is: it is read far more often than it is written.
func (c *codec) row(at location, head, data []byte) []byte {
	n := len(head)
	if len(data) >= worthCompressing {
		packed := binary.AppendUvarint(append(head, sealedZstd), uint64(len(data)))
		if packed = c.encoder.EncodeAll(data, packed); len(packed)-n < len(data)-len(data)/16 {
			return at.seal(packed)
		}
		head = packed[:n]
	}
	return at.seal(append(append(head, sealedPlain), data...))
}

func (c *codec) pack(at location, data []byte) []byte {
	return c.row(at, make([]byte, 0, 1+len(data)+sealLen), data)
}

// isSealed reports whether packed data ends with a seal.
func isSealed(packed []byte) bool {
	return len(packed) > 0 && (packed[0] == sealedPlain || packed[0] == sealedZstd)
}

// dataLen is the length of packed data once it is unpacked.
func dataLen(packed []byte) (int, error) {
	if len(packed) == 0 {
		return 0, fmt.Errorf("%w: an empty value", metricsstore.ErrCorrupt)
	}
	switch packed[0] {
	case plainValue:
		return len(packed) - 1, nil
	case sealedPlain:
		if n := len(packed) - 1 - sealLen; n >= 0 {
			return n, nil
		}
	case zstdValue, sealedZstd:
		if n, i := binary.Uvarint(packed[1:]); i > 0 && n <= backend.MaxValue {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf("%w: a value begins with % x", metricsstore.ErrCorrupt, packed[:min(len(packed), 8)])
}

// unpack is the inverse of pack. The result is a copy; it accepts bytes from anywhere and allocates no more than they
// announce, at most backend.MaxValue. The error is ErrCorrupt.
func (c *codec) unpack(at location, value []byte) ([]byte, error) { return c.unpackRow(at, value, 0) }

// unpackRow unpacks the data that follows a head of so many bytes.
func (c *codec) unpackRow(at location, row []byte, head int) ([]byte, error) {
	if isSealed(row[head:]) {
		if _, err := at.opened(row); err != nil {
			return nil, err
		}
	}
	return c.open(row[head:])
}

// open unpacks data without verifying its seal.
func (c *codec) open(packed []byte) ([]byte, error) {
	n, err := dataLen(packed)
	if err != nil {
		return nil, err
	}
	if isSealed(packed) {
		packed = packed[:len(packed)-sealLen]
	}
	if packed[0] == plainValue || packed[0] == sealedPlain {
		return append(make([]byte, 0, n), packed[1:]...), nil
	}
	_, i := binary.Uvarint(packed[1:])
	if i <= 0 {
		return nil, fmt.Errorf("%w: a value is cut off", metricsstore.ErrCorrupt)
	}
	data, err := c.decoder.DecodeAll(packed[1+i:], make([]byte, 0, min(n, 64*len(packed))))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", metricsstore.ErrCorrupt, err)
	}
	if len(data) != n {
		return nil, fmt.Errorf("%w: a value holds %d bytes and announces %d", metricsstore.ErrCorrupt, len(data), n)
	}
	return data, nil
}

// unpackJSON reads JSON that is packed, or bare in files before format 3.
func (c *codec) unpackJSON(at location, value []byte, v any) error {
	if len(value) > 0 && (value[0] == '{' || value[0] == '[') {
		return parse("JSON", value, v)
	}
	data, err := c.unpack(at, value)
	if err != nil {
		return err
	}
	return parse("JSON", data, v)
}

// packHeader packs a header, which names the run that it is sealed for.
func (c *codec) packHeader(h *metricsstore.Header) ([]byte, error) {
	data, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return c.pack(locationOf(h.Info.ID, []byte{headerRow}), data), nil
}

func (c *codec) unpackHeader(value []byte) (h metricsstore.Header, err error) {
	data, err := c.open(value)
	if err == nil {
		err = parse("JSON", data, &h)
	}
	if err == nil && isSealed(value) {
		_, err = locationOf(h.Info.ID, []byte{headerRow}).opened(value)
	}
	return h, err
}

// totals are kept next to the header, so that listing runs reads nothing else of them.
type totals struct {
	lastSeq, steps uint64
	details, bytes int64

	uncertain bool // a value was subtracted whose size could not be read
}

// drop subtracts the data of a packed value that is removed.
func (t *totals) drop(packed []byte) {
	n, err := dataLen(packed)
	t.bytes -= int64(n)
	t.uncertain = t.uncertain || err != nil
}

func (t totals) encode(run record.RunID) []byte {
	return sealNumbers(locationOf(run, []byte{totalsRow}), t.lastSeq, t.steps, uint64(t.details), uint64(t.bytes))
}

func decodeTotals(run record.RunID, b []byte) (totals, error) {
	var v [4]uint64
	if err := openNumbers(locationOf(run, []byte{totalsRow}), b, v[:]); err != nil {
		return totals{}, fmt.Errorf("totals of a run: %w", err)
	}
	return totals{lastSeq: v[0], steps: v[1], details: int64(v[2]), bytes: int64(v[3])}, nil
}

// sealNumbers encodes numbers as varints with a seal.
func sealNumbers(at location, numbers ...uint64) []byte {
	b := make([]byte, 0, 24+sealLen)
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return at.seal(b)
}

// openNumbers is the inverse of sealNumbers. Files before format 3 have no seal there. The error is ErrCorrupt.
func openNumbers(at location, value []byte, numbers []uint64) error {
	rest := value
	for i := range numbers {
		n := 0
		if numbers[i], n = binary.Uvarint(rest); n <= 0 {
			return fmt.Errorf("%w: a number is cut off", metricsstore.ErrCorrupt)
		}
		rest = rest[n:]
	}
	if len(rest) == 0 {
		return nil
	}
	if len(rest) != sealLen {
		return fmt.Errorf("%w: %d bytes follow the numbers, expected a checksum", metricsstore.ErrCorrupt, len(rest))
	}
	_, err := at.opened(value)
	return err
}

// A row of the log is a block without First and with its data packed; that of a worker is its rank and its data,
// packed.

func (c *codec) packBlock(run record.RunID, b *metricsstore.Block) []byte {
	head := metricsstore.Block{First: b.First, Last: b.Last, From: b.From, To: b.To}
	return c.row(locationOf(run, blockKey(b.First)), head.AppendValue(make([]byte, 0, len(b.Data)+24+sealLen)), b.Data)
}

// blockHead reads a block whose Data is still packed, without verifying its seal.
func blockHead(key, value []byte) (metricsstore.Block, error) {
	if len(key) != 9 {
		return metricsstore.Block{}, fmt.Errorf("%w: key of a block has %d bytes, expected 9", metricsstore.ErrCorrupt, len(key))
	}
	return metricsstore.ParseBlock(binary.BigEndian.Uint64(key[1:]), value)
}

func (c *codec) unpackBlock(run record.RunID, key, value []byte) (metricsstore.Block, error) {
	b, err := blockHead(key, value)
	if err != nil {
		return b, err
	}
	b.Data, err = c.unpackRow(locationOf(run, key), value, len(value)-len(b.Data))
	return b, err
}

func (c *codec) packWorker(run record.RunID, w *metricsstore.WorkerRow) []byte {
	head := binary.AppendVarint(make([]byte, 0, len(w.Data)+12+sealLen), w.Rank)
	return c.row(locationOf(run, workerKey(w.Revision, w.Worker)), head, w.Data)
}

// workerHead reads the rank of a worker and its data, still packed.
func workerHead(value []byte) (rank int64, packed []byte, err error) {
	rank, n := binary.Varint(value)
	if n <= 0 {
		return 0, nil, fmt.Errorf("%w: rank of a worker", metricsstore.ErrCorrupt)
	}
	return rank, value[n:], nil
}

func (c *codec) unpackWorker(run record.RunID, key, value []byte) (metricsstore.WorkerRow, error) {
	if len(key) != 9 {
		return metricsstore.WorkerRow{}, fmt.Errorf("%w: key of a worker has %d bytes, expected 9", metricsstore.ErrCorrupt, len(key))
	}
	rank, packed, err := workerHead(value)
	if err != nil {
		return metricsstore.WorkerRow{}, err
	}
	w := metricsstore.WorkerRow{
		Revision: binary.BigEndian.Uint32(key[1:]), Worker: binary.BigEndian.Uint32(key[5:]), Rank: rank,
	}
	w.Data, err = c.unpackRow(locationOf(run, key), value, len(value)-len(packed))
	return w, err
}

func parse(what string, data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %s: %w", metricsstore.ErrCorrupt, what, err)
	}
	return nil
}
