package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// maxBodies bounds the encoded bodies, in bytes, that a feed keeps for subscribers at the same cursor: the snapshot of
// some 40,000 rows.
const maxBodies = 1 << 20

// feed holds the table of one run for all its subscribers, and follows its log as long as the log can grow.
type feed struct {
	hub         *Hub
	run         record.RunID
	info        record.RunInfo
	incarnation string

	// Guarded by Hub.mu:
	uses      int    // subscribers
	left      uint64 // when the last subscriber left, as a value of Hub.leaves
	following bool
	stop      context.CancelFunc // stops the goroutine that follows the log

	// Guarded by mu, which is taken after Hub.mu:
	mu       sync.Mutex
	table    *runtable.Table
	caughtUp bool   // the table has everything that the log had when following began
	complete bool   // the log has ended
	sent     uint64 // Seq of the publication before the latest
	latest   uint64 // Seq of the latest publication
	failure  error  // why no more steps will come
	bodies   []body // oldest first
	summary  json.RawMessage
	version  uint64 // of summary
	wanted   bool   // the summary is to be requested soon
	polled   time.Time
	asking   bool // a request for the summary is being made
	watchers map[*subscription]struct{}
}

// body is the shared part of the frame that leads from one cursor to the next.
type body struct {
	from, next runtable.Cursor
	data       []byte
}

func newFeed(h *Hub, info record.RunInfo, g *dag.Graph) *feed {
	return &feed{
		hub: h, run: info.ID, info: info, incarnation: incarnation(info), table: runtable.New(g),
		watchers: map[*subscription]struct{}{},
	}
}

// incarnation names the log that is kept under a run's ID: it stays the same as long as a cursor into the log stays
// valid, even across restarts of this process.
func incarnation(info record.RunInfo) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d %d", info.ID, info.Revision, info.StartedAt.UnixNano())
	if info.Origin != nil { // a longer recording takes the place of a shorter one
		fmt.Fprintf(h, " %s", info.Origin.Digest)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// follow keeps the table up to date with the log until the run has ended, ctx ends, or the log cannot be read.
func (f *feed) follow(ctx context.Context) {
	for {
		err := f.read(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, io.EOF):
			f.end()
			f.awaitNext(ctx)
			return
		case f.damaged(ctx, err):
			f.hub.faults.warn(ctx, fault{"run can be shown in part only", string(f.run)}, err)
			f.end()
			f.awaitNext(ctx)
			return
		case !transient(err):
			f.fail(err)
			return
		}
		f.hub.faults.warn(ctx, fault{"log of a run cannot be read, trying again", string(f.run)}, err)
		if !pause(ctx, retryAfter) {
			return
		}
	}
}

// awaitNext waits for the recording that takes the place of one that grows, and ends the subscriptions when it is there.
func (f *feed) awaitNext(ctx context.Context) {
	for f.info.Origin != nil {
		left := f.info.Origin.GrowsUntil.Sub(f.hub.cfg.Now())
		if left <= 0 {
			return
		}
		changed := f.hub.cfg.Store.Changed(f.run)
		if !f.hub.stillExists(ctx, f) {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

func unreadable(err error) bool {
	return errors.Is(err, metricsstore.ErrCorrupt) || errors.Is(err, codec.ErrMalformed)
}

func transient(err error) bool {
	return !unreadable(err) && !errors.Is(err, metricsstore.ErrNotFound) && !errors.Is(err, metricsstore.ErrClosed)
}

// damaged reports whether err means that no more steps can be read of a run that has ended.
func (f *feed) damaged(ctx context.Context, err error) bool {
	if !unreadable(err) {
		return false
	}
	kept, err := f.hub.cfg.Store.Run(ctx, f.run)
	return err == nil && kept.Status.Final()
}

// read follows the log from the last step of the table on.
func (f *feed) read(ctx context.Context) error {
	log := metricsstore.NewLogReader(f.hub.cfg.Store, f.hub.unpack, f.run, f.seq())
	if err := f.drain(ctx, log); err != nil {
		return err
	}
	if kept, err := f.hub.cfg.Store.Run(ctx, f.run); err == nil && kept.Status.Final() && kept.ArchivedSeq <= log.After() {
		return io.EOF
	}
	f.catchUp()
	for {
		f.publish()
		if !pause(ctx, f.hub.cfg.PatchEvery) {
			return ctx.Err()
		}
		steps, err := log.Follow(ctx)
		if err == nil {
			err = f.take(steps)
		}
		if err == nil {
			err = f.drain(ctx, log)
		}
		if err != nil {
			return err
		}
	}
}

// drain applies all steps that the log has at the moment, and publishes at least every PatchEvery.
func (f *feed) drain(ctx context.Context, log *metricsstore.LogReader) error {
	began := time.Now()
	return log.Each(ctx, func(steps []record.Step) error {
		err := f.take(steps)
		if err == nil && time.Since(began) > f.hub.cfg.PatchEvery {
			f.publish()
			began = time.Now()
		}
		return err
	})
}

func (f *feed) take(steps []record.Step) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.complete = false
	return f.table.Steps(steps)
}

func (f *feed) seq() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.table.Seq()
}

func (f *feed) rows() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.table.Rows()
}

// canGrow reports whether the store has more steps of the run than the table. It is false if the log has a gap there.
func (f *feed) canGrow(kept *metricsstore.Run) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.complete || f.table.Seq() < kept.LastSeq && kept.Steps == kept.LastSeq
}

func (f *feed) catchUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.caughtUp = true
}

// publish wakes the subscribers.
func (f *feed) publish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.published()
}

// published is publish; the caller holds mu.
func (f *feed) published() {
	if seq := f.table.Seq(); seq != f.latest {
		f.sent, f.latest = f.latest, seq
	}
	// Bodies within a batch stay valid; bodies that begin a batch would lead to an outdated step.
	f.bodies = slices.DeleteFunc(f.bodies, func(b body) bool { return !b.from.More() })
	for s := range f.watchers {
		s.wakeOwner()
	}
}

// end marks the log as complete.
func (f *feed) end() {
	f.mu.Lock()
	f.table.Complete()
	f.caughtUp, f.complete = true, true
	f.published()
	f.mu.Unlock()
	f.hub.poll(f)
}

// fail ends all subscriptions with an error, and makes the next subscriber start with a new feed.
func (f *feed) fail(err error) {
	f.refuse(err)
	f.hub.forget(f)
}

func (f *feed) refuse(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failure = err
	f.published()
}

// setSummary wakes the subscribers if the summary differs from the one before.
func (f *feed) setSummary(summary json.RawMessage) (version uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.polled = time.Now()
	if !bytes.Equal(summary, f.summary) {
		f.summary = summary
		f.version++
		for s := range f.watchers {
			s.wakeOwner()
		}
	}
	return f.version
}

// bodyAt returns the body of the next frame for a cursor. The caller holds mu.
func (f *feed) bodyAt(c runtable.Cursor) body {
	size := 0
	for i := range f.bodies {
		if f.bodies[i].from == c {
			return f.bodies[i]
		}
		size += len(f.bodies[i].data)
	}
	b := body{from: c}
	b.data, b.next = f.table.AppendBody(nil, c, runtable.DefaultFrameRows)
	f.hub.counts.encoded.Add(1)
	for size += len(b.data); size > maxBodies && len(f.bodies) > 0; {
		size -= len(f.bodies[0].data)
		f.bodies = slices.Delete(f.bodies, 0, 1)
	}
	f.bodies = append(f.bodies, b)
	return b
}

// now is the run's clock. The caller holds mu.
func (f *feed) now() int64 {
	if f.complete {
		return f.table.End()
	}
	return max(int64(f.hub.cfg.Now().Sub(f.info.StartedAt)), f.table.End())
}

// pause waits for d; it returns false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
