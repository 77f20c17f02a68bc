package embedded

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// packedRow is the value of a key, and the size of its data.
type packedRow struct {
	key, value []byte
	size       int
}

// packedBlock is a block without its data.
type packedBlock struct {
	metricsstore.Block
	packedRow
}

// packedBatch is a batch as it is written. It shares no memory with the batch.
type packedBatch struct {
	run     record.RunID
	blocks  []packedBlock
	details []packedRow
	workers []packedRow
	steps   int
}

// Append implements metricsstore.Store. Packing is done by the calling goroutine, not by the writer.
func (d *database) Append(ctx context.Context, run record.RunID, b metricsstore.Batch) error {
	if err := d.calls.Begin(ctx); err != nil {
		return err
	}
	p, err := d.packBatch(run, &b)
	d.calls.End()
	if err != nil {
		return err
	}
	o := op{steps: p.steps, patient: d.gather > 0}
	return d.change(ctx, run, o, func(w *write, b *bolt.Bucket) error { return w.append(b, p) })
}

func (d *database) packBatch(run record.RunID, b *metricsstore.Batch) (*packedBatch, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	p := &packedBatch{run: run, steps: len(b.Details) + len(b.Workers)}
	for i := range b.Blocks {
		block := &b.Blocks[i]
		if len(block.Data) > backend.MaxValue {
			return nil, backend.TooLarge("a block", len(block.Data))
		}
		p.blocks = append(p.blocks, d.packBlock(run, block))
		p.steps += int(min(block.Last-block.First+1, fullGroup))
	}
	for i := range b.Details {
		row := &b.Details[i]
		if len(row.Data) > backend.MaxValue {
			return nil, backend.TooLarge("a detail", len(row.Data))
		}
		key := detailKey(row.DetailKey)
		p.details = append(p.details, packedRow{key, d.codec.pack(locationOf(run, key), row.Data), len(row.Data)})
	}
	for i := range b.Workers {
		row := &b.Workers[i]
		if len(row.Data) > backend.MaxValue {
			return nil, backend.TooLarge("a worker row", len(row.Data))
		}
		p.workers = append(p.workers, packedRow{workerKey(row.Revision, row.Worker), d.codec.packWorker(run, row), len(row.Data)})
	}
	// Sorted keys are put faster, and the sort keeps the first of equals the first.
	slices.SortStableFunc(p.details, func(a, b packedRow) int { return bytes.Compare(a.key, b.key) })
	return p, nil
}

func (d *database) packBlock(run record.RunID, b *metricsstore.Block) packedBlock {
	p := packedBlock{*b, packedRow{blockKey(b.First), d.codec.packBlock(run, b), len(b.Data)}}
	p.Data = nil
	return p
}

// append keeps what is not kept yet.
func (w *write) append(b *bolt.Bucket, p *packedBatch) error {
	put, err := place(b, p.blocks)
	if err != nil {
		return err
	}
	t, err := readTotals(w.tx, p.run, b)
	if err != nil {
		return err
	}
	changed := len(put) > 0
	for _, block := range put {
		if err := w.putBlock(b, &t, block); err != nil {
			return err
		}
	}
	for _, row := range p.details {
		if b.Get(row.key) != nil {
			continue
		}
		if err := b.Put(row.key, row.value); err != nil {
			return err
		}
		changed = true
		t.details++
		t.bytes += int64(row.size)
	}
	for _, row := range p.workers {
		more, err := w.putWorker(b, &t, row)
		if err != nil {
			return err
		}
		changed = changed || more
	}
	if !changed {
		return nil
	}
	w.changed(p.run)
	return w.putTotals(p.run, b, t)
}

func (w *write) putBlock(b *bolt.Bucket, t *totals, block *packedBlock) error {
	b.FillPercent = fillPercent
	t.lastSeq = max(t.lastSeq, block.Last)
	t.steps += block.Last - block.First + 1
	t.bytes += int64(block.size)
	return b.Put(block.key, block.value)
}

// fillPercent is how full pages are left: logs grow at their end, so pages that are half empty would stay so.
const fillPercent = 0.9

// putWorker keeps the row with the greater rank, the first of equals.
func (w *write) putWorker(b *bolt.Bucket, t *totals, row packedRow) (changed bool, err error) {
	if old := b.Get(row.key); old != nil {
		rank, _, err := workerHead(row.value)
		if err != nil {
			return false, err
		}
		kept, packed, err := workerHead(old)
		if err == nil && kept >= rank {
			return false, nil
		}
		t.drop(packed)
	}
	t.bytes += int64(row.size)
	return true, b.Put(row.key, row.value)
}

// place decides which blocks of a batch are to be kept, without keeping any.
func place(b *bolt.Bucket, blocks []packedBlock) ([]*packedBlock, error) {
	var put []*packedBlock
	for i := range blocks {
		block := &blocks[i]
		others, err := overlapping(b, block.First, block.Last)
		if err != nil {
			return nil, err
		}
		for _, p := range put {
			if p.First <= block.Last && p.Last >= block.First {
				others = append(others, p.Block)
			}
		}
		slices.SortFunc(others, func(a, b metricsstore.Block) int { return cmp.Compare(a.First, b.First) })
		yes, err := metricsstore.Place(block.Block, others)
		if err != nil {
			return nil, err
		}
		if yes {
			put = append(put, block)
		}
	}
	return put, nil
}

// overlapping lists the kept blocks that share steps with first to last, ascending. Their Data is packed and valid
// during the transaction.
func overlapping(b *bolt.Bucket, first, last uint64) ([]metricsstore.Block, error) {
	var out []metricsstore.Block
	c := b.Cursor()
	from := blockKey(first)
	before, err := blockBefore(c, from)
	if err != nil {
		return nil, err
	}
	if before != nil && before.Last >= first {
		out = append(out, *before)
	}
	err = scan(c, from, []byte{blockRow}, func(k, v []byte) (bool, error) {
		block, err := blockHead(k, v)
		if err != nil || block.First > last {
			return false, err
		}
		out = append(out, block)
		return true, nil
	})
	return out, err
}

// blockBefore finds the last block with a smaller key, nil where there is none.
func blockBefore(c *bolt.Cursor, key []byte) (*metricsstore.Block, error) {
	var k, v []byte
	if at, _ := c.Seek(key); at == nil {
		k, v = c.Last()
	} else {
		k, v = c.Prev()
	}
	if k == nil || k[0] != blockRow {
		return nil, nil
	}
	b, err := blockHead(k, v)
	return &b, err
}
