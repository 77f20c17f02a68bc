package embedded

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// losses collects what of a run cannot be read.
type losses struct {
	n, of map[metricsstore.Part]int
	first map[metricsstore.Part]error // why
}

func newLosses() *losses {
	return &losses{n: map[metricsstore.Part]int{}, of: map[metricsstore.Part]int{}, first: map[metricsstore.Part]error{}}
}

func (l *losses) add(part metricsstore.Part, err error) {
	if l.n[part]++; l.n[part] == 1 {
		l.first[part] = err
	}
}

func (l *losses) any() bool { return len(l.n) > 0 }

// faults describes them, by part.
func (l *losses) faults() []metricsstore.Fault {
	var out []metricsstore.Fault
	for _, part := range slices.Sorted(maps.Keys(l.n)) {
		f := metricsstore.NewFault(part, l.first[part])
		switch part {
		case metricsstore.LogPart, metricsstore.DetailsPart, metricsstore.WorkersPart, metricsstore.RollupsPart:
			f.Text = fmt.Sprintf("%d of %d cannot be read: %s", l.n[part], l.of[part], f.Text)
		case metricsstore.RecordsPart:
			if l.n[part] > 1 {
				f.Text = fmt.Sprintf("%s, and %d more", f.Text, l.n[part]-1)
			}
		}
		out = append(out, f)
	}
	return out
}

// partOf is the part of a run that a row belongs to.
func partOf(key []byte) metricsstore.Part {
	switch key[0] {
	case annotationRow:
		return metricsstore.AnnotationPart
	case blockRow:
		return metricsstore.LogPart
	case detailRow:
		return metricsstore.DetailsPart
	case headerRow:
		return metricsstore.HeaderPart
	case rollupRow:
		return metricsstore.RollupsPart
	case workerRow:
		return metricsstore.WorkersPart
	case attachmentRow:
		if string(key[1:]) == metricsstore.AttachShape {
			return metricsstore.GraphPart
		}
		return metricsstore.EndPart
	}
	return metricsstore.RecordsPart
}

// readable returns why the value of a row of a run cannot be read.
func readable(c *codec, run record.RunID, key, value []byte) (err error) {
	if !fitsRun(key) {
		return fmt.Errorf("a key of an unknown kind, % x", key)
	}
	switch key[0] {
	case annotationRow:
		return c.unpackJSON(locationOf(run, key), value, new(metricsstore.Annotation))
	case faultsRow:
		return c.unpackJSON(locationOf(run, key), value, new([]metricsstore.Fault))
	case blockRow:
		_, err = c.unpackBlock(run, key, value)
	case workerRow:
		_, err = c.unpackWorker(run, key, value)
	case totalsRow:
		return nil // they are recounted
	case headerRow:
		_, err = c.unpackHeader(value)
	default:
		_, err = c.unpack(locationOf(run, key), value)
	}
	return err
}

// keptFaults are the recorded losses of a run.
func keptFaults(c *codec, run record.RunID, b *bolt.Bucket) []metricsstore.Fault {
	var faults []metricsstore.Fault
	key := []byte{faultsRow}
	if value := b.Get(key); value != nil && c.unpackJSON(locationOf(run, key), value, &faults) != nil {
		return []metricsstore.Fault{{Part: metricsstore.RecordsPart, Text: "what was lost cannot be read"}}
	}
	return faults
}

func putFaults(c *codec, run record.RunID, b *bolt.Bucket, faults []metricsstore.Fault) error {
	data, err := json.Marshal(faults)
	if err != nil {
		return err
	}
	key := []byte{faultsRow}
	return b.Put(key, c.pack(locationOf(run, key), data))
}

// forgetFault records that a part is complete again.
func (w *write) forgetFault(run record.RunID, b *bolt.Bucket, part metricsstore.Part) error {
	faults := keptFaults(w.codec, run, b)
	if len(faults) == 0 {
		return nil
	}
	faults = slices.DeleteFunc(faults, func(f metricsstore.Fault) bool { return f.Part == part })
	if len(faults) == 0 {
		return b.Delete([]byte{faultsRow})
	}
	return putFaults(w.codec, run, b, faults)
}
