package metricsstore

import (
	"fmt"

	"github.com/dagscope/dagscope/engine/record"
)

// invalid says what was expected of an argument.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// ValidateBegin checks the arguments of Store.Begin.
func (h *Header) ValidateBegin() error {
	if err := h.validate(); err != nil {
		return err
	}
	if h.Status.Final() || h.Rollup != 0 || h.ArchivedSeq != 0 {
		return invalid("run %s begins as %q with roll-up %d of step %d, expected a status that is not final and zeros",
			h.Info.ID, h.Status, h.Rollup, h.ArchivedSeq)
	}
	return nil
}

func (h *Header) validate() error {
	if _, err := record.ParseRunID(string(h.Info.ID)); err != nil {
		return invalid("%v", err)
	}
	if y := h.Info.StartedAt.Year(); y < 1970 || y > 2200 {
		return invalid("run %s started at %s, expected 1970 to 2200", h.Info.ID, h.Info.StartedAt)
	}
	if h.Info.Revision < 0 || int64(h.Info.Revision) > 1<<32-1 {
		return invalid("run %s has revision %d, expected 0 to 2^32-1", h.Info.ID, h.Info.Revision)
	}
	return nil
}

// Validate checks the batch of Store.Append.
func (b *Batch) Validate() error {
	for i := range b.Blocks {
		if err := b.Blocks[i].validate(); err != nil {
			return err
		}
	}
	return nil
}

func (b *Block) validate() error {
	if b.First < 1 || b.Last < b.First || b.Last == 1<<64-1 {
		return invalid("a block holds steps %d to %d, expected 1 <= first <= last", b.First, b.Last)
	}
	return nil
}

// Validate checks the arguments of Store.Archive.
func (a *Archive) Validate(run record.RunID) error {
	if err := a.Header.validate(); err != nil {
		return err
	}
	if a.Header.Info.ID != run || !a.Header.Status.Final() || a.Header.Rollup < 1 || a.Owner == "" {
		return invalid("run %s is archived by %q as %s, %q, roll-up %d, expected an owner, the same run, a final status and a roll-up",
			run, a.Owner, a.Header.Info.ID, a.Header.Status, a.Header.Rollup)
	}
	for i := range a.Blocks {
		if err := a.Blocks[i].validate(); err != nil {
			return err
		}
		if i > 0 && a.Blocks[i].First != a.Blocks[i-1].Last+1 {
			return invalid("blocks of an archive jump from step %d to %d", a.Blocks[i-1].Last, a.Blocks[i].First)
		}
	}
	day := DayOf(a.Header.Info.StartedAt)
	for i := range a.Rollups {
		k := a.Rollups[i].RollupKey
		if k.Run != run || k.Day != day || k.Function == "" || k.Metric == "" {
			return invalid("roll-up %+v of run %s, expected function, metric and day %d", k, run, day)
		}
	}
	return nil
}

// Check decides what Store.Archive does, given the kept header and the owner of the lease, empty for none: apply the
// archive, change nothing, or refuse. Where it applies, a.Header has got what must stay of the kept one.
func (a *Archive) Check(kept *Header, owner string) (apply bool, err error) {
	switch {
	case owner != a.Owner:
		return false, fmt.Errorf("%w: run %s is archived by %q, the lease belongs to %q", ErrLease, kept.Info.ID, a.Owner, owner)
	case a.Header.Info.Revision != kept.Info.Revision || !a.Header.Info.StartedAt.Equal(kept.Info.StartedAt):
		return false, fmt.Errorf("%w: run %s is at revision %d and was given %d", ErrStale, kept.Info.ID, kept.Info.Revision, a.Header.Info.Revision)
	case a.Header.Rollup <= kept.Rollup:
		return false, nil
	case a.Header.Rollup > kept.Rollup+1:
		return false, fmt.Errorf("%w: run %s is at roll-up %d and was given %d", ErrStale, kept.Info.ID, kept.Rollup, a.Header.Rollup)
	}
	a.Header.AddedAt = kept.AddedAt
	return true, nil
}

// CheckBegin decides what Store.Begin does with a run that is kept already: replace the kept header, change nothing,
// or refuse. Where it replaces, h has got what must stay of the kept one.
func (h *Header) CheckBegin(kept *Header) (replace bool, err error) {
	h.Rollup = kept.Rollup // it counts over all revisions
	h.AddedAt = kept.AddedAt
	if !kept.Status.Final() {
		if sameHeader(h, kept) {
			return false, nil
		}
		return false, fmt.Errorf("%w: %s has begun differently", ErrExists, h.Info.ID)
	}
	if h.Info.Revision <= kept.Info.Revision || !h.Info.StartedAt.Equal(kept.Info.StartedAt) {
		return false, fmt.Errorf("%w: %s ended at revision %d", ErrExists, h.Info.ID, kept.Info.Revision)
	}
	return true, nil
}
