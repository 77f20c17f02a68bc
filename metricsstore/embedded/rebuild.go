package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// rebuilder writes what was found in a damaged file into a new one. What runs share is made anew from them: the list
// of runs, which of them are live, which roll-ups each has.
type rebuilder struct {
	*saved
	dst    *bolt.DB
	codec  *codec
	verify bool // leave out what cannot be read, rather than keep it as it is

	tx      *bolt.Tx
	written int                       // bytes, in tx
	last    uint64                    // the last step so far of the run that is being written
	rollups map[record.RunID][][]byte // keys of those that are written
	notes   []string                  // what each run has lost
	again   []record.RunID            // the runs that have to be archived anew
}

// all writes everything.
func (r *rebuilder) all() error {
	if err := r.next(); err != nil {
		return err
	}
	defer func() { _ = r.tx.Rollback() }() // does nothing after Commit
	for _, name := range allBuckets() {
		if _, err := r.tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	if err := r.put(r.tx.Bucket([]byte(metaBucket)), []byte(versionKey), encodedVersion(formatVersion)); err != nil {
		return err
	}
	r.rename()
	for run := range r.listed {
		if r.runs[run] == nil {
			r.runs[run] = &savedRun{lost: []error{errors.New("none of its records were found")}}
		}
	}
	for _, bucket := range []string{rollupsBucket, leasesBucket, adoptedBucket} {
		if err := r.others(bucket); err != nil {
			return err
		}
	}
	for _, run := range slices.Sorted(maps.Keys(r.runs)) {
		if err := r.run(run, r.runs[run]); err != nil {
			return err
		}
	}
	return r.tx.Commit()
}

// next begins a new transaction where the current one is large.
func (r *rebuilder) next() (err error) {
	if r.tx != nil {
		if r.written < compactBytes {
			return nil
		}
		if err := r.tx.Commit(); err != nil {
			return err
		}
	}
	r.written = 0
	r.tx, err = r.dst.Begin(true)
	return err
}

func (r *rebuilder) put(b *bolt.Bucket, key, value []byte) error {
	b.FillPercent = fillPercent
	r.written += len(key) + len(value)
	return b.Put(key, value)
}

// rename gives runs the ID in their header where the ID they were kept under is damaged, and forgets runs that exist
// only as a damaged key.
func (r *rebuilder) rename() {
	for _, run := range slices.Sorted(maps.Keys(r.runs)) {
		kept := r.runs[run]
		if len(kept.rows) == 0 && r.listed[run].Run == "" {
			delete(r.runs, run)
			continue
		}
		id := run
		if h, err := r.header(kept); err == nil {
			id = h.Info.ID
		}
		if _, err := record.ParseRunID(string(id)); err != nil {
			id = record.NewRunID(time.Unix(0, r.listed[run].Started))
			kept.lost = append(kept.lost, fmt.Errorf("its ID, which was something like %q", run))
		}
		if r.runs[id] == nil {
			delete(r.runs, run)
			r.runs[id] = kept
		}
	}
}

func (r *rebuilder) header(kept *savedRun) (h metricsstore.Header, err error) {
	ref, ok := kept.rows[string([]byte{headerRow})]
	if !ok {
		return h, errors.New("it is lost")
	}
	return r.walk.header(&element{at: ref.at, size: ref.size})
}

// others writes the rows of a bucket that belong to a run, and the progress of logs. Those that cannot be read are
// left out: a missing lease excludes no owner, and a log is adopted once more.
func (r *rebuilder) others(bucket string) error {
	rows := r.other[bucket]
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		value, err := r.walk.f.readAt(rows[key].at, rows[key].size)
		if err != nil {
			continue
		}
		switch bucket {
		case leasesBucket:
			if r.runs[record.RunID(key)] == nil || !json.Valid(value) {
				continue
			}
		case adoptedBucket:
			if _, n := binary.Uvarint(value); n <= 0 {
				continue
			}
		case rollupsBucket:
			k, err := metricsstore.ParseRollupKey([]byte(key))
			if err != nil || r.runs[k.Run] == nil || r.unreadable([]byte(key), value) != nil {
				continue
			}
			r.rollups[k.Run] = append(r.rollups[k.Run], []byte(key))
		}
		if err := r.put(r.tx.Bucket([]byte(bucket)), []byte(key), value); err != nil {
			return err
		}
		if err := r.next(); err != nil {
			return err
		}
	}
	return nil
}

func (r *rebuilder) unreadable(rollup, value []byte) error {
	_, err := r.codec.unpack(locationOf("", rollup), value)
	return err
}

// run writes one run and lists it.
func (r *rebuilder) run(run record.RunID, kept *savedRun) error {
	b, err := r.tx.Bucket([]byte(dataBucket)).CreateBucket([]byte(run))
	if err != nil {
		return err
	}
	losses := newLosses()
	for _, err := range kept.lost {
		losses.add(metricsstore.RecordsPart, err)
	}
	r.last = 0
	for _, key := range slices.Sorted(maps.Keys(kept.rows)) {
		if err := r.row(run, b, []byte(key), kept.rows[key], losses); err != nil {
			return err
		}
	}
	for _, key := range r.rollups[run] {
		if err := r.put(b, rollupRef(key), mark()); err != nil {
			return err
		}
	}
	for range losses.of[metricsstore.RollupsPart] - len(r.rollups[run]) {
		losses.add(metricsstore.RollupsPart, errors.New("damaged or not found"))
	}
	if err := r.finish(run, b, losses); err != nil {
		return err
	}
	return r.next()
}

// row writes a row of a run.
func (r *rebuilder) row(run record.RunID, b *bolt.Bucket, key []byte, ref rowRef, losses *losses) error {
	part := partOf(key)
	losses.of[part]++
	if key[0] == rollupRow {
		if r.verify {
			return nil // they are recorded anew
		}
		return r.put(b, key, mark()) // what is lost is made anew by repairing
	}
	value, err := r.walk.f.readAt(ref.at, ref.size)
	if err == nil && r.verify {
		err = readable(r.codec, run, key, value)
	}
	if err == nil && key[0] == blockRow {
		err = r.follows(key, value)
	}
	switch {
	case err == nil:
		return r.put(b, key, value)
	case part != metricsstore.HeaderPart && part != metricsstore.AnnotationPart: // which reading reports, or restore
		losses.add(part, err)
	}
	return nil
}

// follows refuses a block that shares steps with the previous one.
func (r *rebuilder) follows(key, value []byte) error {
	block, err := blockHead(key, value)
	switch {
	case err != nil && !r.verify:
		return nil // and stays as it is
	case err == nil && block.First <= r.last:
		return fmt.Errorf("blocks overlap at step %d", block.First)
	}
	r.last = block.Last
	return err
}

// finish writes what follows from the rows of a run.
func (r *rebuilder) finish(run record.RunID, b *bolt.Bucket, losses *losses) error {
	h, unread := readHeader(r.codec, run, b)
	position := metricsstore.Position{Started: h.Info.StartedAt.UnixNano(), Run: run}
	if unread != nil {
		position = r.position(run)
	}
	if err := r.put(r.tx.Bucket([]byte(runsBucket)), position.Append(nil), mark()); err != nil {
		return err
	}
	if unread == nil && !h.Status.Final() {
		if err := r.put(r.tx.Bucket([]byte(liveBucket)), []byte(run), mark()); err != nil {
			return err
		}
	}
	if r.verify {
		if err := r.restore(run, b, h, unread, losses); err != nil {
			return err
		}
	}
	if losses.any() {
		if err := r.note(run, b, losses); err != nil {
			return err
		}
	}
	if data := b.Get([]byte{totalsRow}); data != nil && !losses.any() && !r.verify {
		return nil
	}
	t, err := countTotals(r.tx, b)
	if err != nil {
		return err
	}
	return r.put(b, []byte{totalsRow}, t.encode(run))
}

// restore writes header and annotation of a run where they cannot be read. Where its counts or roll-ups are lost, the
// header says that nothing was archived yet, so that an archiver sums the log up anew.
func (r *rebuilder) restore(run record.RunID, b *bolt.Bucket, h metricsstore.Header, unread error, losses *losses) error {
	if err := readAnnotation(r.codec, run, b, new(metricsstore.Annotation)); err != nil {
		losses.add(metricsstore.AnnotationPart, err)
		key := []byte{annotationRow}
		if err := r.put(b, key, r.codec.pack(locationOf(run, key), []byte("{}"))); err != nil {
			return err
		}
	}
	isWhole := losses.n[metricsstore.LogPart]+losses.n[metricsstore.GraphPart]+losses.n[metricsstore.RecordsPart] == 0
	switch {
	case unread != nil:
		losses.add(metricsstore.HeaderPart, fmt.Errorf("put together from what else is kept, without parameters: %w", unread))
		m := remains(r.tx, r.codec, run, b)
		h = m.Header()
	case losses.n[metricsstore.RollupsPart] > 0 && isWhole && h.Status.Final():
		h.ArchivedSeq = 0
	default:
		return nil
	}
	r.again = append(r.again, run)
	packed, err := r.codec.packHeader(&h)
	if err != nil {
		return err
	}
	return r.put(b, []byte{headerRow}, packed)
}

// position is where a run whose header cannot be read was listed, or the start according to one of its roll-ups.
func (r *rebuilder) position(run record.RunID) metricsstore.Position {
	if p, ok := r.listed[run]; ok {
		return p
	}
	p := metricsstore.Position{Run: run}
	for _, key := range r.rollups[run] {
		k, _ := metricsstore.ParseRollupKey(key) // it was parsed before
		d, err := (&metricsstore.Rollup{RollupKey: k, Data: r.unpacked(key)}).Unpack()
		if err == nil {
			p.Started = d.Started.UnixNano()
		}
	}
	return p
}

func (r *rebuilder) unpacked(rollup []byte) []byte {
	data, err := r.codec.unpack(locationOf("", rollup), r.tx.Bucket([]byte(rollupsBucket)).Get(rollup))
	if err != nil {
		return nil
	}
	return data
}

// note records with a run what it has lost.
func (r *rebuilder) note(run record.RunID, b *bolt.Bucket, losses *losses) error {
	faults := keptFaults(r.codec, run, b)
	for _, f := range losses.faults() {
		r.notes = append(r.notes, fmt.Sprintf("run %s: %s: %s", run, f.Part, f.Text))
		if !slices.Contains(faults, f) {
			faults = append(faults, f)
		}
	}
	return putFaults(r.codec, run, b, faults)
}
