package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// packedArchive is an archive as it is written. It shares no memory with the archive.
type packedArchive struct {
	given       metricsstore.Archive // owner and header
	attachments []packedRow
	rollups     []packedRow
	blocks      []packedBlock
}

// Archive implements metricsstore.Store.
func (d *database) Archive(ctx context.Context, run record.RunID, a metricsstore.Archive) error {
	if err := d.calls.Begin(ctx); err != nil {
		return err
	}
	p, err := d.packArchive(run, &a)
	d.calls.End()
	if err != nil {
		return err
	}
	err = d.change(ctx, run, op{}, func(w *write, b *bolt.Bucket) error { return w.archive(b, p) })
	if err == nil {
		d.mergeLoose(ctx, p.given.Header.Info.StartedAt)
	}
	return err
}

// mergeLoose merges the history if many runs of an hour were archived since it was.
func (d *database) mergeLoose(ctx context.Context, started time.Time) {
	if d.isLoose(ctx, hourOf(started), looseAtArchive) {
		_ = d.mergeHistory(ctx, looseAtArchive) // a failure leaves the work to the next call that archives or reads
	}
}

func (d *database) packArchive(run record.RunID, a *metricsstore.Archive) (*packedArchive, error) {
	if err := a.Validate(run); err != nil {
		return nil, err
	}
	p := &packedArchive{given: metricsstore.Archive{Owner: a.Owner}}
	header, err := json.Marshal(&a.Header)
	if err == nil {
		err = json.Unmarshal(header, &p.given.Header)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded: header of run %s: %w", run, err)
	}
	add := func(to *[]packedRow, at location, key, data []byte) error {
		if len(data) > backend.MaxValue {
			return backend.TooLarge("a part of an archive", len(data))
		}
		if len(key)+1 > bolt.MaxKeySize {
			return fmt.Errorf("%w: a name of %d bytes, expected at most %d", metricsstore.ErrInvalid, len(key), bolt.MaxKeySize-1)
		}
		*to = append(*to, packedRow{key, d.codec.pack(at, data), len(data)})
		return nil
	}
	for name, data := range a.Attachments {
		if err := add(&p.attachments, locationOf(run, attachmentKey(name)), []byte(name), data); err != nil {
			return nil, err
		}
	}
	for i := range a.Rollups {
		key := a.Rollups[i].Append(nil)
		if err := add(&p.rollups, locationOf("", key), key, a.Rollups[i].Data); err != nil {
			return nil, err
		}
	}
	for i := range a.Blocks {
		if len(a.Blocks[i].Data) > backend.MaxValue {
			return nil, backend.TooLarge("a block", len(a.Blocks[i].Data))
		}
		p.blocks = append(p.blocks, d.packBlock(run, &a.Blocks[i]))
	}
	return p, nil
}

func (w *write) archive(b *bolt.Bucket, p *packedArchive) error {
	kept, err := keptHeader(w.codec, p.given.Header.Info.ID, b)
	if err != nil {
		return err
	}
	h := &p.given.Header
	lease := readLease(w.tx, h.Info.ID)
	if apply, err := p.given.Check(&kept, lease.Owner); err != nil || !apply {
		return err
	}
	t, err := readTotals(w.tx, h.Info.ID, b)
	if err != nil {
		return err
	}
	if err := w.replaceBlocks(b, &t, p.blocks); err != nil {
		return err
	}
	if err := w.dropRollups(h.Info.ID, b, &t); err != nil {
		return err
	}
	if err := w.putRollups(b, &t, p.rollups); err != nil {
		return err
	}
	if err := w.noteArchived(h.Info.ID, h.Info.StartedAt); err != nil {
		return err
	}
	for _, a := range p.attachments {
		if err := w.attach(b, &t, string(a.key), a.value, a.size); err != nil {
			return err
		}
	}
	if err := w.tx.Bucket([]byte(liveBucket)).Delete([]byte(h.Info.ID)); err != nil {
		return err
	}
	if err := w.forgetFault(h.Info.ID, b, metricsstore.RollupsPart); err != nil {
		return err
	}
	return w.finish(b, h, t)
}

// replaceBlocks replaces blocks by consecutive ones that hold the same steps, or refuses.
func (w *write) replaceBlocks(b *bolt.Bucket, t *totals, by []packedBlock) error {
	if len(by) == 0 {
		return nil
	}
	first, last := by[0].First, by[len(by)-1].Last
	old, err := overlapping(b, first, last)
	if err != nil {
		return err
	}
	if n := len(old); n > 0 && (old[0].First < first || old[n-1].Last > last) {
		return fmt.Errorf("%w: steps %d to %d of an archive", metricsstore.ErrConflict, first, last)
	}
	for _, block := range old {
		t.drop(block.Data)
		t.steps -= block.Last - block.First + 1
		if err := b.Delete(blockKey(block.First)); err != nil {
			return err
		}
	}
	for i := range by {
		if err := w.putBlock(b, t, &by[i]); err != nil {
			return err
		}
	}
	return nil
}

// putRollups adds roll-ups to a run that has none.
func (w *write) putRollups(b *bolt.Bucket, t *totals, rollups []packedRow) error {
	all := w.tx.Bucket([]byte(rollupsBucket))
	for _, r := range rollups {
		if old := all.Get(r.key); old != nil { // given twice: the last one counts
			t.drop(old)
		}
		t.bytes += int64(r.size)
		if err := all.Put(r.key, r.value); err != nil {
			return err
		}
		if err := b.Put(rollupRef(r.key), mark()); err != nil {
			return err
		}
	}
	return nil
}

// dropRollups removes the roll-ups of a run, and none of another run that a damaged key may name.
func (w *write) dropRollups(run record.RunID, b *bolt.Bucket, t *totals) error {
	var refs [][]byte // deleting moves the cursor, so they are listed first
	err := rows(b, rollupRow, func(k, _ []byte) (bool, error) {
		refs = append(refs, append([]byte(nil), k...))
		return true, nil
	})
	if err != nil {
		return err
	}
	all := w.tx.Bucket([]byte(rollupsBucket))
	for _, ref := range refs {
		if key, err := metricsstore.ParseRollupKey(ref[1:]); err == nil && key.Run != run {
			continue
		}
		if old := all.Get(ref[1:]); old != nil {
			t.drop(old)
		}
		if err := all.Delete(ref[1:]); err != nil {
			return err
		}
		if err := b.Delete(ref); err != nil {
			return err
		}
	}
	return nil
}
