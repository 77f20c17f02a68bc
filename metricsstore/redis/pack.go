package redis

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// Numbers within keys have 8 bytes, the most significant first, so that they are ordered like their bytes.

func packSeq(seq uint64) string { return string(binary.BigEndian.AppendUint64(nil, seq)) }

func parseSeq(text string) (uint64, error) {
	if len(text) != 8 {
		return 0, fmt.Errorf("a step has %d bytes, expected 8", len(text))
	}
	return binary.BigEndian.Uint64([]byte(text)), nil
}

// mostSeq is greater than everything that follows the first step in a head.
var mostSeq = packSeq(math.MaxUint64)

// packedBlock is a block as it is kept. It shares no memory with the block.
type packedBlock struct {
	metricsstore.Block // without data
	value              string
	size               int // of the data
}

func packBlock(b *metricsstore.Block) (packedBlock, error) {
	if len(b.Data) > backend.MaxValue {
		return packedBlock{}, backend.TooLarge("a block", len(b.Data))
	}
	if b.Last > math.MaxInt64 {
		return packedBlock{}, fmt.Errorf("%w: a block ends with step %d, expected at most 2^63-1", metricsstore.ErrInvalid, b.Last)
	}
	p := packedBlock{Block: *b, value: string(b.AppendValue(make([]byte, 0, len(b.Data)+24))), size: len(b.Data)}
	p.Data = nil
	return p, nil
}

func packBlocks(blocks []metricsstore.Block) ([]packedBlock, error) {
	out := make([]packedBlock, len(blocks))
	for i := range blocks {
		var err error
		if out[i], err = packBlock(&blocks[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// head is what blocks are ordered by.
func (b *packedBlock) head() string { return packSeq(b.First) + packSeq(b.Last) }

// parseHead is the inverse of head.
func parseHead(head string) (first, last uint64, err error) {
	if len(head) != 16 {
		return 0, 0, fmt.Errorf("%w: head of a block has %d bytes, expected 16", metricsstore.ErrCorrupt, len(head))
	}
	first, _ = parseSeq(head[:8])
	last, _ = parseSeq(head[8:])
	if last < first {
		return 0, 0, fmt.Errorf("%w: a block of steps %d to %d", metricsstore.ErrCorrupt, first, last)
	}
	return first, last, nil
}

// parseBlock reads a block as it is kept.
func parseBlock(head, value string) (metricsstore.Block, error) {
	first, last, err := parseHead(head)
	if err != nil {
		return metricsstore.Block{}, err
	}
	b, err := metricsstore.ParseBlock(first, []byte(value))
	if err == nil && b.Last != last {
		err = fmt.Errorf("%w: the block of steps %d to %d says it ends with step %d", metricsstore.ErrCorrupt, first, last, b.Last)
	}
	return b, err
}

// fresh decides which blocks of a batch are to be kept, given the kept ones that overlap any of them.
func fresh(blocks []packedBlock, kept []metricsstore.Block) ([]packedBlock, error) {
	var put []packedBlock
	for i := range blocks {
		b := &blocks[i]
		var others []metricsstore.Block
		add := func(o metricsstore.Block) {
			if o.First <= b.Last && o.Last >= b.First {
				others = append(others, o)
			}
		}
		for _, o := range kept {
			add(o)
		}
		for _, o := range put {
			add(o.Block)
		}
		slices.SortFunc(others, func(a, b metricsstore.Block) int { return cmp.Compare(a.First, b.First) })
		yes, err := metricsstore.Place(b.Block, slices.CompactFunc(others, func(a, b metricsstore.Block) bool { return a.First == b.First }))
		if err != nil {
			return nil, err
		}
		if yes {
			put = append(put, *b)
		}
	}
	return put, nil
}

// Kinds of rows: the first byte of a row in a parcel.
const (
	detailRow = 'd' // and DetailKey, data
	workerRow = 'w' // and Revision, Worker, Rank, data
)

// packRows packs details and workers. The rows share no memory with the batch.
func packRows(b *metricsstore.Batch) ([]string, error) {
	out := make([]string, 0, len(b.Details)+len(b.Workers))
	for i := range b.Details {
		row := &b.Details[i]
		if len(row.Data) > backend.MaxValue {
			return nil, backend.TooLarge("a detail", len(row.Data))
		}
		packed := append(make([]byte, 0, 1+metricsstore.DetailKeyLen+len(row.Data)), detailRow)
		out = append(out, string(append(row.Append(packed), row.Data...)))
	}
	for i := range b.Workers {
		row := &b.Workers[i]
		if len(row.Data) > backend.MaxValue {
			return nil, backend.TooLarge("a worker row", len(row.Data))
		}
		packed := append(make([]byte, 0, 17+len(row.Data)), workerRow)
		packed = binary.BigEndian.AppendUint32(packed, row.Revision)
		packed = binary.BigEndian.AppendUint32(packed, row.Worker)
		packed = binary.BigEndian.AppendUint64(packed, uint64(row.Rank)^1<<63) // orders numbers like their bytes
		out = append(out, string(append(packed, row.Data...)))
	}
	return out, nil
}

// parseDetail reads a detail as it is kept.
func parseDetail(row string) (metricsstore.DetailRow, error) {
	n := min(len(row), metricsstore.DetailKeyLen)
	key, err := metricsstore.ParseDetailKey([]byte(row[:n]))
	return metricsstore.DetailRow{DetailKey: key, Data: []byte(row[n:])}, err
}

// parseWorker reads a worker row as it is kept.
func parseWorker(key, value string) (metricsstore.WorkerRow, error) {
	if len(key) != 8 || len(value) < 8 {
		return metricsstore.WorkerRow{}, fmt.Errorf("%w: a worker row has %d and %d bytes, expected 8 and at least 8",
			metricsstore.ErrCorrupt, len(key), len(value))
	}
	k, v := []byte(key), []byte(value)
	return metricsstore.WorkerRow{
		Revision: binary.BigEndian.Uint32(k), Worker: binary.BigEndian.Uint32(k[4:]),
		Rank: int64(binary.BigEndian.Uint64(v) ^ 1<<63), Data: v[8:],
	}, nil
}
