package embedded

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/dagscope/dagscope/metricsstore"
)

// Bounds of what one key holds. They hold for what is written and are enforced on what is read.
const (
	// maxValue bounds the data of one block, row, roll-up or attachment, in bytes: some 10 million tasks of a graph.
	maxValue = 128 << 20
	// worthCompressing is from how many bytes on the frame of a compressor is worth its head.
	worthCompressing = 128
)

// How data is written: its first byte. The numbers are stored; they only ever grow.
const (
	plainValue byte = 0 // the data itself
	zstdValue  byte = 1 // its length as a varint, then one zstd frame
)

// codec packs and unpacks data. Safe for concurrent use; its encoders and decoders are made once and used again.
type codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newCodec() (*codec, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxValue), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	return &codec{encoder: e, decoder: d}, nil
}

func (c *codec) close() {
	_ = c.encoder.Close() // nothing is streamed, so nothing is lost
	c.decoder.Close()
}

// append encodes data behind dst. What hardly gets smaller, because it is compressed already, stays as it is: it is
// read far more often than it is written.
func (c *codec) append(dst, data []byte) []byte {
	if len(data) >= worthCompressing {
		head := len(dst)
		packed := binary.AppendUvarint(append(dst, zstdValue), uint64(len(data)))
		if packed = c.encoder.EncodeAll(data, packed); len(packed)-head < len(data)-len(data)/16 {
			return packed
		}
		dst = packed[:head]
	}
	return append(append(dst, plainValue), data...)
}

func (c *codec) pack(data []byte) []byte { return c.append(make([]byte, 0, len(data)+1), data) }

// dataLen is the length of the data that was packed.
func dataLen(value []byte) (int, error) {
	if len(value) == 0 {
		return 0, fmt.Errorf("%w: an empty value", metricsstore.ErrCorrupt)
	}
	switch value[0] {
	case plainValue:
		return len(value) - 1, nil
	case zstdValue:
		if n, i := binary.Uvarint(value[1:]); i > 0 && n <= maxValue {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf("%w: a value begins with % x", metricsstore.ErrCorrupt, value[:min(len(value), 8)])
}

// unpack is the inverse of pack. The result is a copy; it takes bytes from anywhere and allocates no more than they
// announce, at most maxValue. The error is ErrCorrupt.
func (c *codec) unpack(value []byte) ([]byte, error) {
	n, err := dataLen(value)
	if err != nil {
		return nil, err
	}
	if value[0] == plainValue {
		return append(make([]byte, 0, n), value[1:]...), nil
	}
	_, i := binary.Uvarint(value[1:])
	data, err := c.decoder.DecodeAll(value[1+i:], make([]byte, 0, min(n, 64*len(value))))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", metricsstore.ErrCorrupt, err)
	}
	if len(data) != n {
		return nil, fmt.Errorf("%w: a value holds %d bytes and announces %d", metricsstore.ErrCorrupt, len(data), n)
	}
	return data, nil
}

// totals are kept beside the header, so that listing runs reads nothing else of them.
type totals struct {
	lastSeq, steps uint64
	details, bytes int64

	uncertain bool // something was taken off that did not tell its size
}

// drop takes off the data of a packed value that is removed.
func (t *totals) drop(packed []byte) {
	n, err := dataLen(packed)
	t.bytes -= int64(n)
	t.uncertain = t.uncertain || err != nil
}

func (t totals) encode() []byte {
	b := make([]byte, 0, 24)
	for _, v := range []uint64{t.lastSeq, t.steps, uint64(t.details), uint64(t.bytes)} {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func decodeTotals(b []byte) (totals, error) {
	var v [4]uint64
	for i := range v {
		n := 0
		if v[i], n = binary.Uvarint(b); n <= 0 {
			return totals{}, fmt.Errorf("%w: totals of a run", metricsstore.ErrCorrupt)
		}
		b = b[n:]
	}
	return totals{lastSeq: v[0], steps: v[1], details: int64(v[2]), bytes: int64(v[3])}, nil
}

// A row of the log is a block without First and with its data packed, and the one of a worker its rank and its data
// packed.

func (c *codec) packBlock(b *metricsstore.Block) []byte {
	head := metricsstore.Block{First: b.First, Last: b.Last, From: b.From, To: b.To}
	return c.append(head.AppendValue(make([]byte, 0, len(b.Data)+24)), b.Data)
}

// blockHead reads a block whose Data is still packed.
func blockHead(key, value []byte) (metricsstore.Block, error) {
	if len(key) != 9 {
		return metricsstore.Block{}, fmt.Errorf("%w: key of a block has %d bytes, expected 9", metricsstore.ErrCorrupt, len(key))
	}
	return metricsstore.ParseBlock(binary.BigEndian.Uint64(key[1:]), value)
}

func (c *codec) unpackBlock(key, value []byte) (metricsstore.Block, error) {
	b, err := blockHead(key, value)
	if err != nil {
		return b, err
	}
	b.Data, err = c.unpack(b.Data)
	return b, err
}

func (c *codec) packWorker(w *metricsstore.WorkerRow) []byte {
	return c.append(binary.AppendVarint(make([]byte, 0, len(w.Data)+12), w.Rank), w.Data)
}

// workerHead reads the rank of a worker and its data, still packed.
func workerHead(value []byte) (rank int64, packed []byte, err error) {
	rank, n := binary.Varint(value)
	if n <= 0 {
		return 0, nil, fmt.Errorf("%w: rank of a worker", metricsstore.ErrCorrupt)
	}
	return rank, value[n:], nil
}

func (c *codec) unpackWorker(key, value []byte) (metricsstore.WorkerRow, error) {
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
	w.Data, err = c.unpack(packed)
	return w, err
}
