package metricsstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// ArchiverConfig is the configuration of an Archiver. Store is required; the zero value of the rest means the
// defaults.
type ArchiverConfig struct {
	Store Store
	// Owner is the name under which leases are held; default a random one.
	Owner string
	// Lease is how long a run is reserved while it is archived; default 15 s.
	Lease time.Duration
	// BlockSteps is how many steps the blocks of an archived run have, 1 to MaxBlockSteps; default 1,000.
	BlockSteps int
	// Live reports, for Sweep, that a run is still executed although no process records it at the moment; default
	// false for all. Its record waits for a Recorder to adopt it.
	Live func(record.RunID) bool
}

// Archiver archives runs from what is kept of them. Safe for concurrent use by several goroutines and processes: the
// lease of a run decides who archives it, and doing so twice changes nothing.
type Archiver struct {
	cfg    ArchiverConfig
	unpack *Unpacker
}

// NewArchiver makes an archiver. It fails where the configuration is incomplete; it does not call the store.
func NewArchiver(cfg ArchiverConfig) (*Archiver, error) {
	c, err := Config{Store: cfg.Store, Lease: cfg.Lease, BlockSteps: cfg.BlockSteps}.withDefaults()
	if err != nil {
		return nil, err
	}
	cfg.Lease, cfg.BlockSteps = c.Lease, c.BlockSteps
	if cfg.Live == nil {
		cfg.Live = func(record.RunID) bool { return false }
	}
	if cfg.Owner == "" {
		cfg.Owner = "archiver-" + rand.Text()
	}
	u, err := NewUnpacker()
	if err != nil {
		return nil, err
	}
	return &Archiver{cfg: cfg, unpack: u}, nil
}

// Rebuild archives a run from its log: one that has not ended and whose lease is free, one that got steps after it
// was archived, or one that was archived by a program that summed up less. A run whose log does not contain its end
// becomes interrupted. Rebuild returns the header as it is kept afterwards. The error is ErrLease where another
// process has the lease, so that the run may well be live.
func (a *Archiver) Rebuild(ctx context.Context, run record.RunID) (Header, error) {
	release, err := a.acquire(ctx, run)
	if err != nil {
		return Header{}, err
	}
	defer release()
	kept, err := a.cfg.Store.Run(ctx, run)
	if err != nil {
		return Header{}, err
	}
	h := kept.Header
	f, damage := a.refold(ctx, run)
	if damage != nil && !errors.Is(damage, ErrCorrupt) {
		return h, damage
	}
	if h.Status.Final() && (damage != nil || f.Seq() <= h.ArchivedSeq && !h.lacksRollups()) {
		return h, damage
	}
	// What is damaged stays damaged: the run ends nevertheless, with what can be read.
	if h.Damage = ""; damage != nil {
		h.Damage = cutText(damage.Error())
	}
	finishHeader(&h, &kept, f)
	return h, errors.Join(damage, a.archive(ctx, &h, f, nil))
}

// finishHeader fills in what the log says about how a run ended.
func finishHeader(h *Header, kept *Run, f *Fold) {
	u := &h.Upload
	u.Steps, u.StepsKept = max(u.Steps, int64(kept.Steps)), int64(kept.Steps)
	u.Details, u.DetailsKept = max(u.Details, int64(kept.Details)), int64(kept.Details)
	if u.Strategy == "" {
		u.Strategy = h.Info.Upload
	}
	if h.Status.Final() && h.Status != record.Interrupted {
		return
	}
	status, ended, ok := f.Finished()
	if !ok {
		status, ended = record.Interrupted, f.Counts().LastEnd
	}
	h.Status, h.EndedAt = status, h.Info.StartedAt.Add(time.Duration(ended))
}

// Sweep rebuilds every run that needs it and whose lease is free, and returns those that it archived. A run that
// cannot be rebuilt stays as it is, and the error names it. Runs that have not ended and were added at before or later
// are left alone (none of them where before is zero): a run is listed some time before its recorder has the lease,
// and would be ended as interrupted in between. Runs that are ArchiverConfig.Live are left alone as well.
func (a *Archiver) Sweep(ctx context.Context, before time.Time) ([]record.RunID, error) {
	var done []record.RunID
	var errs []error
	for after := (Position{}); ; {
		runs, err := a.cfg.Store.Runs(ctx, after, 256)
		if err != nil {
			return done, errors.Join(append(errs, err)...)
		}
		for i := range runs {
			r := &runs[i]
			isDone := r.Status.Final() && (r.LastSeq <= r.ArchivedSeq && !r.lacksRollups() || r.Damaged() != "")
			isNew := !r.Status.Final() && !before.IsZero() && !r.Added().Before(before)
			if isDone || isNew || a.cfg.Live(r.Info.ID) {
				continue
			}
			h, err := a.Rebuild(ctx, r.Info.ID)
			if err == nil && h.Rollup > r.Rollup {
				done = append(done, r.Info.ID)
			}
			if err != nil && !errors.Is(err, ErrLease) && !errors.Is(err, ErrNotFound) {
				errs = append(errs, err)
			}
		}
		if len(runs) == 0 {
			return done, errors.Join(errs...)
		}
		after = runs[len(runs)-1].Position()
	}
}

func (a *Archiver) acquire(ctx context.Context, run record.RunID) (release func(), err error) {
	now := time.Now()
	if err := a.cfg.Store.Acquire(ctx, run, Lease{Owner: a.cfg.Owner, Until: now.Add(a.cfg.Lease)}, now); err != nil {
		return nil, err
	}
	return func() {
		// If this fails, the lease expires by itself.
		_ = a.cfg.Store.Release(context.WithoutCancel(ctx), run, a.cfg.Owner)
	}, nil
}

// refold folds a run from the start of its log. If the error is ErrCorrupt, the fold holds what could be read.
func (a *Archiver) refold(ctx context.Context, run record.RunID) (*Fold, error) {
	shape, err := a.cfg.Store.Attachment(ctx, run, AttachShape)
	if err != nil {
		return nil, err
	}
	g, err := dag.DecodeShape(shape)
	if err != nil {
		return &Fold{}, fmt.Errorf("%w: shape of run %s: %w", ErrCorrupt, run, err)
	}
	f := NewFold(g)
	return f, a.fold(ctx, run, f)
}

// fold adds the part of a run's log to the fold that the fold has not seen.
func (a *Archiver) fold(ctx context.Context, run record.RunID, f *Fold) error {
	return NewLogReader(a.cfg.Store, a.unpack, run, f.Seq()).Each(ctx, func(steps []record.Step) error {
		if err := f.Steps(steps); err != nil {
			return fmt.Errorf("run %s: %w", run, err)
		}
		return nil
	})
}

// archive replaces header and roll-ups of a run whose lease is held, and its log by full blocks.
func (a *Archiver) archive(ctx context.Context, h *Header, f *Fold, attachments map[string][]byte) error {
	kept, err := a.cfg.Store.Run(ctx, h.Info.ID)
	if err != nil {
		return err
	}
	h.Rollup, h.ArchivedSeq, h.Counts, h.RollupFormat = kept.Rollup+1, f.Seq(), f.Counts(), rollupFormat
	archive := Archive{Owner: a.cfg.Owner, Header: *h, Attachments: attachments}
	if archive.Rollups, err = rollups(h, f); err != nil {
		return err
	}
	if archive.Blocks, err = a.repack(ctx, h.Info.ID); err != nil {
		return err
	}
	return a.cfg.Store.Archive(ctx, h.Info.ID, archive)
}

// rollups are the digests of a fold as they are kept. Of an imported run, metrics of its schedule are left out unless
// they were measured: they were computed.
func rollups(h *Header, f *Fold) ([]Rollup, error) {
	var out []Rollup
	for _, d := range f.Digests() {
		if !d.Metric.MeasuredIn(&h.Info) {
			continue
		}
		r, err := PackRollup(h, d)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// repack returns the log in full blocks, nil where it has hardly more blocks than that.
func (a *Archiver) repack(ctx context.Context, run record.RunID) ([]Block, error) {
	blocks, err := a.cfg.Store.Log(ctx, run, 0, 0)
	if err != nil || len(blocks) == 0 || blocks[0].First != 1 {
		return nil, err
	}
	n := 1
	for n < len(blocks) && blocks[n].First == blocks[n-1].Last+1 {
		n++
	}
	if full := int(blocks[n-1].Last)/a.cfg.BlockSteps + 1; n < 2*full+8 {
		return nil, nil
	}
	p, err := NewPacker()
	if err != nil {
		return nil, err
	}
	var out []Block
	var waiting []record.Step
	for i := range blocks[:n] {
		steps, err := a.unpack.Unpack(nil, blocks[i])
		if err != nil {
			return nil, nil // what cannot be read stays as it is
		}
		if waiting = append(waiting, steps...); len(waiting) >= a.cfg.BlockSteps {
			out = append(out, p.Pack(waiting))
			waiting = waiting[:0]
		}
	}
	if len(waiting) > 0 {
		out = append(out, p.Pack(waiting))
	}
	return out, nil
}
