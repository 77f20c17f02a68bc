package metricsstore

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/digest"
)

// The first byte of a roll-up.
const (
	rollupVersion = 1 // of one run
	mergedVersion = 2 // of several
)

// RollupDigest is what a roll-up holds.
type RollupDigest struct {
	Workflow string
	Started  time.Time // of the run, or of the first of several
	Last     time.Time // of the last of several
	Runs     int       // number of runs
	Revision int       // of the run; 0 for several
	Digest   []byte    // in the format of digest.Sketch.MergeBinary
}

// PackRollup encodes the digest of one metric of one function of a run.
func PackRollup(h *Header, d FunctionDigest) (Rollup, error) {
	b := append(make([]byte, 0, 256), rollupVersion)
	b = appendBytes(b, []byte(h.Info.Workflow))
	b = binary.AppendVarint(b, h.Info.StartedAt.UnixNano())
	b = binary.AppendUvarint(b, uint64(h.Info.Revision))
	b, err := d.Sketch.AppendBinary(b)
	if err != nil {
		return Rollup{}, fmt.Errorf("metricsstore: %s of %s: %w", d.Metric, d.Function, err)
	}
	key := RollupKey{
		Function: d.Function, Version: d.Version, Metric: d.Metric, Day: DayOf(h.Info.StartedAt), Run: h.Info.ID,
	}
	return Rollup{RollupKey: key, Data: b}, nil
}

// Unpack is the inverse of PackRollup. It accepts bytes from anywhere; the digest in them is checked by package
// digest when it is merged. The error is ErrCorrupt.
func (r *Rollup) Unpack() (RollupDigest, error) {
	in := fields{rest: r.Data}
	v := in.byte()
	if v != rollupVersion && v != mergedVersion {
		return RollupDigest{}, fmt.Errorf("%w: roll-up of %s has version %d, expected %d or %d", ErrCorrupt, r.Run, v, rollupVersion, mergedVersion)
	}
	d := RollupDigest{Workflow: string(in.bytes(1 << 16)), Started: time.Unix(0, in.varint()).UTC()}
	d.Last, d.Runs = d.Started, 1
	if v == mergedVersion {
		d.Last, d.Runs = time.Unix(0, in.varint()).UTC(), int(in.uvarint())
	} else {
		d.Revision = int(in.uvarint())
	}
	d.Digest = in.rest
	if in.bad {
		return RollupDigest{}, fmt.Errorf("%w: roll-up of %s is cut off", ErrCorrupt, r.Run)
	}
	return d, nil
}

// MergeInto merges the digest into a sketch; the errors are those of Unpack and, wrapped as ErrCorrupt, of
// digest.Sketch.MergeBinary.
func (d *RollupDigest) MergeInto(s *digest.Sketch) error {
	if err := s.MergeBinary(d.Digest); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}
