package metricsstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Config of a Recorder. Store is required; the zero value of the rest means the defaults.
type Config struct {
	Store Store
	// FlushAfter is how long a step waits at most before it is handed to the store; default 40 ms.
	FlushAfter time.Duration
	// BlockSteps is how many steps a full block has, 1 to MaxBlockSteps; default 1,024, which is what the
	// in-process log delivers at a time, so that full blocks are packed without being copied.
	BlockSteps int
	// Upload is for runs that do not name a strategy; default periodic=2s.
	Upload Strategy
	// Timeout bounds one call of the store; default 5 s. The end of a run waits for at most five times as long.
	Timeout time.Duration
	// Lease is how long a run stays with this recorder after the last renewal; default 15 s.
	Lease time.Duration
}

// Bounds of what waits while the store fails or cannot keep up.
const (
	maxUnpacked     = 16       // full blocks of steps that wait to be packed
	maxBlocks       = 4096     // packed blocks of one run, some 45 MB; what comes after that is dropped
	maxWaiting      = 1 << 16  // details of one run
	maxWaitingBytes = 64 << 20 // and the sum of their sizes
	blocksPerCall   = 64
	minBackoff      = 50 * time.Millisecond
	maxBackoff      = 5 * time.Second
)

func (c Config) withDefaults() (Config, error) {
	if c.Store == nil {
		return c, invalid("Store is nil")
	}
	if c.FlushAfter <= 0 {
		c.FlushAfter = 40 * time.Millisecond
	}
	if c.BlockSteps == 0 {
		c.BlockSteps = 1024
	}
	if c.BlockSteps < 1 || c.BlockSteps > MaxBlockSteps {
		return c, invalid("BlockSteps is %d, expected 1 to %d", c.BlockSteps, MaxBlockSteps)
	}
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Lease <= 0 {
		c.Lease = 15 * time.Second
	}
	c.Upload = c.Upload.withDefaults()
	return c, nil
}

// Recorder implements record.Recorder over a Store: it packs steps into blocks, uploads details by the strategy of
// the run, sums up, and archives the run when it ends. Safe for concurrent use by several runs.
//
// While Run runs, a step is in the store at most FlushAfter and one call after it was delivered. Steps and Details
// wait for the store only where the strategy says so and where too much waits already, and then for one call. When
// the store fails, what waits is kept within bounds and tried again; Header.Upload counts what is dropped in the end,
// and the log ends before the first step that was dropped.
type Recorder struct {
	cfg      Config
	owner    string
	archiver *Archiver
	wake     chan struct{} // of capacity 1; sent to when something is due earlier than Run expects

	mu      sync.Mutex
	runs    map[record.RunID]*recording
	opening map[record.RunID]bool // whose recording is being made, and not among runs yet
	packers []*Packer             // of runs that have ended, for reuse: making one costs more than recording a short run
}

// maxPackers bounds how many idle packers are kept.
const maxPackers = 8

// packer returns an idle packer, or a new one.
func (r *Recorder) packer() (*Packer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.packers); n > 0 {
		p := r.packers[n-1]
		r.packers = r.packers[:n-1]
		return p, nil
	}
	return NewPacker()
}

// remove forgets a run that has ended.
func (r *Recorder) remove(rec *recording) {
	rec.sending.take() // from here on, rec.packer is not used
	p := rec.packer
	rec.packer = nil
	rec.sending.give()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.runs, rec.header.Info.ID)
	if len(r.packers) < maxPackers {
		r.packers = append(r.packers, p)
	}
}

// NewRecorder makes a recorder. Run must run for steps to be flushed by time. It fails where the configuration is
// incomplete or out of range.
func NewRecorder(cfg Config) (*Recorder, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	owner := "recorder-" + rand.Text()
	a, err := NewArchiver(ArchiverConfig{Store: cfg.Store, Owner: owner, Lease: cfg.Lease, BlockSteps: cfg.BlockSteps})
	if err != nil {
		return nil, err
	}
	return &Recorder{
		cfg: cfg, owner: owner, archiver: a, wake: make(chan struct{}, 1), runs: map[record.RunID]*recording{}, opening: map[record.RunID]bool{},
	}, nil
}

// Begin implements record.Recorder. It refuses runs with unknown strategies and what the store refuses. A revision
// above 0 continues the log of the run.
func (r *Recorder) Begin(info record.RunInfo, g *dag.Graph) error {
	if err := r.open(info.ID); err != nil {
		return err
	}
	defer r.opened(info.ID)
	rec, shape, err := r.prepare(info, g)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Timeout)
	defer cancel()
	if err := r.cfg.Store.Begin(ctx, rec.header, shape); err != nil {
		return err
	}
	if err := rec.renew(ctx); err != nil {
		return err
	}
	if info.Revision > 0 {
		if err := rec.resume(ctx); err != nil {
			return err
		}
	}
	r.add(rec)
	return nil
}

// prepare makes the recording of a run, and the shape of its graph.
func (r *Recorder) prepare(info record.RunInfo, g *dag.Graph) (*recording, []byte, error) {
	strategy := r.cfg.Upload
	if info.Upload != "" {
		var err error
		if strategy, err = ParseStrategy(info.Upload); err != nil {
			return nil, nil, err
		}
	}
	info.Upload = strategy.String()
	rec, err := newRecording(r, strategy, Header{
		Info: info, Status: record.Running, AddedAt: time.Now().UTC(),
		Graph: SizeOf(g),
	}, g)
	return rec, g.AppendShape(nil), err
}

// open makes sure that a run is recorded once at a time. After nil, the caller calls opened when the run is among
// runs, or will not be.
func (r *Recorder) open(id record.RunID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runs[id] != nil || r.opening[id] {
		return fmt.Errorf("%w: %s is being recorded", ErrExists, id)
	}
	r.opening[id] = true
	return nil
}

func (r *Recorder) opened(id record.RunID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.opening, id)
}

// add makes a run one of those that are recorded.
func (r *Recorder) add(rec *recording) {
	r.mu.Lock()
	r.runs[rec.header.Info.ID] = rec
	r.mu.Unlock()
	r.wakeRun()
}

// acquire acquires the lease of a run, or extends it.
func (r *Recorder) acquire(ctx context.Context, run record.RunID) error {
	now := time.Now()
	return r.cfg.Store.Acquire(ctx, run, Lease{Owner: r.owner, Until: now.Add(r.cfg.Lease)}, now)
}

func (r *Recorder) recording(id record.RunID) *recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs[id]
}

// Steps implements record.Recorder.
func (r *Recorder) Steps(run record.RunID, steps []record.Step) {
	if rec := r.recording(run); rec != nil {
		rec.addSteps(steps)
	}
}

// Details implements record.Recorder.
func (r *Recorder) Details(run record.RunID, details []record.Detail, workers []record.WorkerRecord) {
	if rec := r.recording(run); rec != nil {
		rec.addDetails(details, workers)
	}
}

// End implements record.Recorder: it flushes, archives, and releases the lease. An error means that something could
// not be kept; what was kept until then stays, and an Archiver can finish the run later.
func (r *Recorder) End(run record.RunID, end record.RunEnd) error {
	rec := r.recording(run)
	if rec == nil {
		return fmt.Errorf("%w: run %s was not begun here", ErrNotFound, run)
	}
	defer r.remove(rec)
	return rec.end(end)
}

// Upload counts how much of a run under way has been delivered and kept so far.
func (r *Recorder) Upload(run record.RunID) (Upload, bool) {
	rec := r.recording(run)
	if rec == nil {
		return Upload{}, false
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.upload, true
}

// Run flushes what is due until ctx ends; then it flushes everything once and returns. Runs may still be recorded
// after that, without flushes by time.
func (r *Recorder) Run(ctx context.Context) error {
	var calls sync.WaitGroup
	defer calls.Wait()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(r.startDue(&calls)))
		select {
		case <-timer.C:
		case <-r.wake:
		case <-ctx.Done():
			calls.Wait()
			return r.flushAll()
		}
	}
}

// startDue starts what is due and returns when it has to be called again.
func (r *Recorder) startDue(calls *sync.WaitGroup) time.Time {
	now := time.Now()
	next := now.Add(time.Hour)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.runs {
		at, ok := rec.due(now)
		if !ok {
			continue // at work, and it wakes Run when it is done; or ended
		}
		if at.After(now) {
			if at.Before(next) {
				next = at
			}
			continue
		}
		calls.Go(func() {
			rec.work(now)
			r.wakeRun()
		})
	}
	return next
}

func (r *Recorder) flushAll() error {
	r.mu.Lock()
	var all []*recording
	for _, rec := range r.runs {
		all = append(all, rec)
	}
	r.mu.Unlock()
	var errs []error
	for _, rec := range all {
		rec.mu.Lock()
		rec.retryAt = time.Time{}
		rec.mu.Unlock()
		errs = append(errs, rec.flushSteps(), rec.flushRows(allRows))
	}
	return errors.Join(errs...)
}

// wakeRun makes Run check what is due.
func (r *Recorder) wakeRun() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
