package metricsstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// recording is one run that is being recorded.
type recording struct {
	recorder *Recorder
	strategy Strategy

	// sending is held while the store is called, so that a run's calls are made one by one. It guards the fields up
	// to mu and is taken before mu.
	sending turn
	packer  *Packer
	blocks  []Block // packed and not kept yet
	spare   stepBuffer

	mu      sync.Mutex
	header  Header
	fold    *Fold
	folding error // why fold does not cover all steps
	upload  Upload
	steps   stepBuffer // not packed yet
	since   time.Time  // when the first of steps came
	queued  int        // len(blocks), for those who do not hold sending
	cut     bool       // steps were dropped: the log has ended
	rows    []row      // details and worker records that wait
	size    int        // of their data
	rowsAt  time.Time  // when the strategy wants them sent, zero for not by time
	retryAt time.Time  // the store has failed and is not called before this
	failure error      // how it failed
	backoff time.Duration
	renewAt time.Time
	adopted bool // the record was begun by another recorder
	working bool
	ended   bool // set while holding sending, too: the lease is not renewed any more
}

// turn is a lock that is held by one goroutine at a time, for as long as a store may take to answer. It is a channel
// and not a sync.Mutex so that a goroutine that waits for it is durably blocked, and tests can let time pass.
type turn chan struct{}

func newTurn() turn  { return make(turn, 1) }
func (t turn) take() { t <- struct{}{} }
func (t turn) give() { <-t }

// try takes the turn if it is free.
func (t turn) try() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

// row is either a detail or a worker record.
type row struct {
	detail DetailRow
	worker *WorkerRow
}

func (r *row) bytes() int {
	if r.worker != nil {
		return len(r.worker.Data)
	}
	return len(r.detail.Data)
}

// stepBuffer keeps copies of steps; their lists of nodes are copied into shared slices.
type stepBuffer struct {
	steps []record.Step
	nodes []dag.NodeID
}

func (b *stepBuffer) add(steps []record.Step) {
	first := len(b.steps)
	b.steps = append(b.steps, steps...)
	for i := first; i < len(b.steps); i++ {
		s := &b.steps[i]
		if n := len(s.Readied); n > 0 {
			b.nodes = append(b.nodes, s.Readied...)
			s.Readied = b.nodes[len(b.nodes)-n:]
		}
	}
}

func (b *stepBuffer) reset() { b.steps, b.nodes = b.steps[:0], b.nodes[:0] }

func newRecording(r *Recorder, strategy Strategy, h Header, g *dag.Graph) (*recording, error) {
	p, err := r.packer()
	if err != nil {
		return nil, err
	}
	rec := &recording{recorder: r, sending: newTurn(), strategy: strategy, packer: p, header: h, fold: NewFold(g)}
	rec.upload.Strategy = strategy.String()
	return rec, nil
}

// renew extends the lease.
func (rec *recording) renew(ctx context.Context) error {
	rec.mu.Lock()
	rec.renewAt = time.Now().Add(rec.recorder.cfg.Lease / 3)
	rec.mu.Unlock()
	return rec.recorder.acquire(ctx, rec.header.Info.ID)
}

// resume reads what earlier revisions of the run have logged into the fold.
func (rec *recording) resume(ctx context.Context) error {
	run, err := rec.recorder.cfg.Store.Run(ctx, rec.header.Info.ID)
	if err != nil {
		return err
	}
	rec.upload.Steps, rec.upload.StepsKept = int64(run.Steps), int64(run.Steps)
	rec.upload.Details, rec.upload.DetailsKept = int64(run.Details), int64(run.Details)
	return rec.recorder.archiver.fold(ctx, rec.header.Info.ID, rec.fold)
}

func (rec *recording) addSteps(steps []record.Step) {
	if len(steps) == 0 {
		return
	}
	full := rec.recorder.cfg.BlockSteps
	rec.mu.Lock()
	rec.upload.Steps += int64(len(steps))
	if rec.folding == nil {
		rec.folding = rec.fold.Steps(steps)
	}
	if rec.cut {
		rec.mu.Unlock()
		return
	}
	before := len(rec.steps.steps)
	if before == 0 {
		rec.since = time.Now()
	}
	rec.mu.Unlock()
	after := before
	for len(steps) > 0 {
		n, left := rec.addSome(steps, full)
		steps, after = steps[n:], left
	}
	if before == 0 || before < full && after >= full {
		rec.recorder.wakeRun()
	}
	if after >= maxUnpacked*full {
		_ = rec.flushSteps() // the failure is counted; the steps keep waiting
	}
}

// addSome adds steps up to the end of a block, and packs the block at once unless the store is being called. It
// returns how many steps it has added, how many wait, and full where those fill a block.
func (rec *recording) addSome(steps []record.Step, full int) (n, waiting int) {
	rec.mu.Lock()
	if rec.cut { // already, by a pack in this call
		rec.mu.Unlock()
		return len(steps), 0
	}
	have := len(rec.steps.steps)
	n = min(max(full-have, 1), len(steps))
	whole := have == 0 && n == full && rec.queued < maxBlocks && rec.sending.try()
	if !whole {
		rec.steps.add(steps[:n])
		have += n
	}
	rec.mu.Unlock()
	switch {
	case whole: // nothing waits, so the order is kept
		rec.blocks = append(rec.blocks, rec.packer.Pack(steps[:n]))
		rec.mu.Lock()
		rec.queued = len(rec.blocks)
		rec.mu.Unlock()
		rec.sending.give()
		return n, full
	case have >= full && rec.sending.try():
		rec.pack()
		rec.sending.give()
		return n, full
	}
	return n, have
}

// flushSteps packs all steps and hands the blocks to the store, unless it has failed lately. When too many blocks
// wait, the log ends here.
func (rec *recording) flushSteps() error {
	rec.sending.take()
	defer rec.sending.give()
	rec.pack()
	for len(rec.blocks) > 0 {
		n := min(len(rec.blocks), blocksPerCall)
		kept := int64(rec.blocks[n-1].Last - rec.blocks[0].First + 1)
		err := rec.send(Batch{Blocks: rec.blocks[:n]}, func() { rec.upload.StepsKept += kept })
		if errors.Is(err, ErrConflict) && rec.yield() == nil {
			continue
		}
		if err != nil {
			return err
		}
		rec.blocks = slices.Delete(rec.blocks, 0, n)
		rec.mu.Lock()
		rec.queued = len(rec.blocks)
		rec.mu.Unlock()
	}
	return nil
}

// pack packs the steps that wait into blocks. The caller holds sending.
func (rec *recording) pack() {
	rec.mu.Lock()
	buffer := rec.steps
	rec.steps, rec.since = rec.spare, time.Time{}
	rec.mu.Unlock()
	for chunk := range slices.Chunk(buffer.steps, rec.recorder.cfg.BlockSteps) {
		if len(rec.blocks) < maxBlocks {
			rec.blocks = append(rec.blocks, rec.packer.Pack(chunk))
			continue
		}
		rec.mu.Lock()
		rec.cut = true
		rec.steps.reset()
		rec.mu.Unlock()
		break
	}
	buffer.reset()
	rec.spare = buffer
	rec.mu.Lock()
	rec.queued = len(rec.blocks)
	rec.mu.Unlock()
}

// backoffError means that the store is not called because it has failed lately.
type backoffError struct {
	until  time.Time
	latest error // the latest failure
}

func (e backoffError) Error() string {
	return "metricsstore: the store is left alone until " + e.until.Format(time.RFC3339Nano) + ", it has failed: " + e.latest.Error()
}

func (e backoffError) Unwrap() error { return e.latest }

// leftAlone returns why the store is not to be called now, nil where it may be.
func (rec *recording) leftAlone() error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if time.Now().Before(rec.retryAt) {
		return backoffError{rec.retryAt, rec.failure}
	}
	return nil
}

// send calls the store once, unless it has failed lately; kept is called under mu when the store has the batch. The
// caller holds sending.
func (rec *recording) send(b Batch, kept func()) error {
	if err := rec.leftAlone(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), rec.recorder.cfg.Timeout)
	defer cancel()
	err := rec.recorder.cfg.Store.Append(ctx, rec.header.Info.ID, b)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.upload.Calls++
	if err != nil {
		rec.upload.Failures++
		rec.backoff = min(max(rec.backoff*2, minBackoff), maxBackoff)
		rec.retryAt, rec.failure = time.Now().Add(rec.backoff), err
		return err
	}
	rec.retryAt, rec.backoff = time.Time{}, 0
	kept()
	return nil
}

// due returns when the recording has to work next; ok is false while it works and once its run has ended.
func (rec *recording) due(now time.Time) (at time.Time, ok bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.working || rec.ended {
		return now, false
	}
	at = rec.renewAt
	for _, t := range []time.Time{rec.stepsDue(now), rec.rowsDue()} {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	rec.working = !at.After(now)
	return at, true
}

// stepsDue is when steps have to be sent, zero for never. The caller holds mu.
func (rec *recording) stepsDue(now time.Time) time.Time {
	var at time.Time
	switch n := len(rec.steps.steps); {
	case rec.queued > 0 || n >= rec.recorder.cfg.BlockSteps:
		at = now
	case n > 0:
		at = rec.since.Add(rec.recorder.cfg.FlushAfter)
	default:
		return at
	}
	return later(at, rec.retryAt)
}

// rowsDue is when details have to be sent, zero for never. The caller holds mu.
func (rec *recording) rowsDue() time.Time {
	if rec.rowsAt.IsZero() || len(rec.rows) == 0 {
		return time.Time{}
	}
	return later(rec.rowsAt, rec.retryAt)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// keepLease renews the lease of a run that has not ended. Where that fails for good, archiving the run fails later
// and reports it.
func (rec *recording) keepLease() {
	rec.sending.take()
	defer rec.sending.give()
	rec.mu.Lock()
	ended := rec.ended
	rec.mu.Unlock()
	if ended {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), rec.recorder.cfg.Timeout)
	defer cancel()
	_ = rec.renew(ctx)
}

// work does what was due at a moment. Errors are counted, and what failed becomes due again.
func (rec *recording) work(now time.Time) {
	rec.mu.Lock()
	steps, rows, lease := rec.stepsDue(now), rec.rowsDue(), rec.renewAt
	rec.mu.Unlock()
	past := func(at time.Time) bool { return !at.IsZero() && !at.After(now) }
	if past(steps) {
		_ = rec.flushSteps()
	}
	if past(rows) {
		_ = rec.flushRows(allRows)
	}
	if past(lease) {
		rec.keepLease()
	}
	rec.mu.Lock()
	rec.working = false
	rec.mu.Unlock()
}
