package metricsstore

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// detailVersion is the first byte of a detail.
const detailVersion = 1

// Known sources of inputs are stored as numbers, others as text.
var sources = [...]string{"", "store", "inline", "local"}

// otherSource is the number of a source that follows as text.
const otherSource = uint64(len(sources))

// maxDetailPart bounds log and error of one detail when it is read, in bytes.
const maxDetailPart = 8 * record.MaxEvidence

// PackDetail makes the row of a detail; the data does not repeat its key. An input takes some 6 bytes.
func PackDetail(revision int, d *record.Detail) (DetailRow, error) {
	row := DetailRow{DetailKey: DetailKey{
		Revision: uint32(revision), Node: d.Node, Epoch: uint16(d.Epoch), Attempt: uint16(d.Attempt),
	}}
	b := append(make([]byte, 0, 8+8*len(d.Inputs)+len(d.Log)), detailVersion)
	b = appendBytes(b, d.Log)
	var failure []byte
	if d.Error != nil {
		var err error
		if failure, err = json.Marshal(d.Error); err != nil {
			return row, fmt.Errorf("metricsstore: error of node %d: %w", d.Node, err)
		}
	}
	b = appendBytes(b, failure)
	b = binary.AppendUvarint(b, uint64(len(d.Inputs)))
	last := dag.NodeID(0)
	for i := range d.Inputs {
		in := &d.Inputs[i]
		b = binary.AppendVarint(b, int64(in.From)-int64(last))
		last = in.From
		b = appendSource(b, in.Source)
		b = binary.AppendVarint(b, in.Bytes)
		b = binary.AppendVarint(b, int64(in.Fetch))
	}
	row.Data = b
	return row, nil
}

func appendSource(b []byte, source string) []byte {
	for i, s := range sources {
		if s == source {
			return binary.AppendUvarint(b, uint64(i))
		}
	}
	return appendBytes(binary.AppendUvarint(b, otherSource), []byte(source))
}

func appendBytes(b, part []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// Unpack is the inverse of PackDetail. It accepts bytes from anywhere; the error is ErrCorrupt.
func (r *DetailRow) Unpack() (record.Detail, error) {
	d := record.Detail{Node: r.Node, Epoch: int(r.Epoch), Attempt: int(r.Attempt)}
	in := fields{rest: r.Data}
	if v := in.byte(); v != detailVersion {
		return d, fmt.Errorf("%w: detail of node %d has version %d, expected %d", ErrCorrupt, r.Node, v, detailVersion)
	}
	if log := in.bytes(maxDetailPart); len(log) > 0 {
		d.Log = log
	}
	if failure := in.bytes(maxDetailPart); len(failure) > 0 {
		d.Error = new(record.ErrorRecord)
		if err := json.Unmarshal(failure, d.Error); err != nil {
			return d, fmt.Errorf("%w: error of node %d: %w", ErrCorrupt, r.Node, err)
		}
	}
	n := in.uvarint()
	if n > uint64(len(in.rest)/4) { // an input takes at least 4 bytes
		in.bad, n = true, 0
	}
	last := int64(0)
	for range n {
		last += in.varint()
		i := record.InputDetail{From: dag.NodeID(last)}
		in.bad = in.bad || last < 0 || last > 1<<32-1
		if number := in.uvarint(); number < otherSource {
			i.Source = sources[number]
		} else {
			in.bad = in.bad || number > otherSource
			i.Source = string(in.bytes(maxDetailPart))
		}
		i.Bytes, i.Fetch = in.varint(), time.Duration(in.varint())
		d.Inputs = append(d.Inputs, i)
	}
	if in.bad || len(in.rest) > 0 {
		return d, fmt.Errorf("%w: detail of node %d is cut off or too long", ErrCorrupt, r.Node)
	}
	return d, nil
}

// PackWorker makes the row of a worker record. The row of a worker that has ended has the greater Rank.
func PackWorker(revision int, w *record.WorkerRecord) (WorkerRow, error) {
	data, err := json.Marshal(w)
	if err != nil {
		return WorkerRow{}, fmt.Errorf("metricsstore: worker %d: %w", w.Worker, err)
	}
	return WorkerRow{Revision: uint32(revision), Worker: uint32(w.Worker), Rank: w.Ended, Data: data}, nil
}

// Unpack is the inverse of PackWorker; the error is ErrCorrupt.
func (r *WorkerRow) Unpack() (record.WorkerRecord, error) {
	var w record.WorkerRecord
	if err := json.Unmarshal(r.Data, &w); err != nil {
		return w, fmt.Errorf("%w: worker %d: %w", ErrCorrupt, r.Worker, err)
	}
	return w, nil
}

// fields reads numbers and bytes one after the other; bad means that one was missing or malformed.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) byte() byte {
	if len(f.rest) == 0 {
		f.bad = true
		return 0
	}
	b := f.rest[0]
	f.rest = f.rest[1:]
	return b
}

func (f *fields) uvarint() uint64 {
	v, n := binary.Uvarint(f.rest)
	if n <= 0 {
		f.bad, f.rest = true, nil
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.rest)
	if n <= 0 {
		f.bad, f.rest = true, nil
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

// bytes reads what appendBytes wrote, at most limit of it. The result is part of what is read.
func (f *fields) bytes(limit uint64) []byte {
	n := f.uvarint()
	if n > limit || n > uint64(len(f.rest)) {
		f.bad, f.rest = true, nil
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}
