package worker

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dagscope/dagscope/engine/record"
)

// ownRecord is this worker's record in one run. It is complete once the run has ended or has been left. Safe for
// concurrent use once begin has returned.
type ownRecord struct {
	slots    atomic.Int32 // the most lanes that took part
	used     usage        // when the job started; set by begin
	finished sync.Once    // of finish

	mu      sync.Mutex
	current record.WorkerRecord   // as of begin, or complete; guarded by mu
	changes []record.WorkerRecord // changes that take has not returned yet; guarded by mu
}

// begin sets what is known when the job starts.
func (o *ownRecord) begin(w record.WorkerRecord) { o.current, o.used = w, readUsage() }

// sawSlot notes that the lane of a slot takes part.
func (o *ownRecord) sawSlot(slot int) {
	for n := o.slots.Load(); int(n) <= slot && !o.slots.CompareAndSwap(n, int32(slot+1)); n = o.slots.Load() {
	}
}

// now returns the record with the present figures.
func (o *ownRecord) now() record.WorkerRecord {
	used := readUsage()
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.current
	w.Slots, w.CPU, w.MemoryBytes = int(o.slots.Load()), used.cpu-o.used.cpu, used.memoryBytes
	return w
}

// announce makes take return the record as begin has set it.
func (o *ownRecord) announce() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.changes = append(o.changes, o.current)
}

// prepare notes how a preparation is going, as of a moment of the run's clock.
func (o *ownRecord) prepare(r record.Preparation, now int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := slices.Clone(o.current.Preparations)
	i := slices.IndexFunc(all, func(p record.Preparation) bool { return p.Key == r.Key })
	if i < 0 {
		i = len(all)
		all = append(all, record.Preparation{Started: now})
	}
	r.Started, r.Ended = all[i].Started, 0
	if r.Done {
		r.Ended = now
	}
	all[i] = r
	o.current.Preparations = all
	o.changes = append(o.changes, o.current)
}

// preparing returns the preparations that continue.
func (o *ownRecord) preparing() []record.Preparation {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.current.Preparations), func(p record.Preparation) bool { return p.Done })
}

// finish completes the record as of a moment of the run's clock. Only the first call counts.
func (o *ownRecord) finish(ended int64) {
	o.finished.Do(func() {
		last := o.now()
		last.Ended = ended
		o.mu.Lock()
		defer o.mu.Unlock()
		o.current = last
		o.changes = append(o.changes, last)
	})
}

// complete returns the record after finish.
func (o *ownRecord) complete() record.WorkerRecord {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.current
}

// take returns the changes since the last call.
func (o *ownRecord) take() []record.WorkerRecord {
	o.mu.Lock()
	defer o.mu.Unlock()
	changes := o.changes
	o.changes = nil
	return changes
}
