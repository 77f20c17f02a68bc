package engine_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
)

// hall is an executor whose runs are executed elsewhere: a test makes them, ends them, and decides what Find reports.
type hall struct {
	found   chan *show
	broken  chan error // ends Find
	retried func(record.RunID) (execution.Job, execution.Execution, error)
	shows   []*show // as they are submitted
}

func newHall() *hall { return &hall{found: make(chan *show), broken: make(chan error)} }

func (h *hall) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (h *hall) Submit(_ context.Context, job execution.Job) (execution.Execution, error) {
	s := newShow(job)
	h.shows = append(h.shows, s)
	return s, nil
}

func (h *hall) Find(ctx context.Context, found func(execution.Job, execution.Execution)) error {
	for {
		select {
		case s := <-h.found:
			found(s.job, s)
		case err := <-h.broken:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *hall) Retry(_ context.Context, id record.RunID) (execution.Job, execution.Execution, error) {
	return h.retried(id)
}

// show is one run of a hall.
type show struct {
	execution.Execution // nil: methods that no test needs
	job                 execution.Job
	done                chan struct{}
	cancelled           chan struct{}

	mu      sync.Mutex
	steps   []record.Step
	more    chan struct{} // closed and replaced when there are more steps
	records []record.WorkerRecord
	stuck   bool // the log cannot be read
	gone    bool // no state of the run is left: Steps returns ErrUnknownRun
}

func newShow(job execution.Job) *show {
	return &show{job: job, done: make(chan struct{}), cancelled: make(chan struct{}), more: make(chan struct{})}
}

// log appends n steps.
func (s *show) log(n int) *show {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		seq := uint64(len(s.steps) + 1)
		s.steps = append(s.steps, record.Step{Seq: seq, Kind: record.WorkerStarted, Became: dag.NoNode, Worker: uint16(seq)})
	}
	close(s.more)
	s.more = make(chan struct{})
	return s
}

func (s *show) end() *show { close(s.done); return s }

func (s *show) report(w record.WorkerRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, w)
}

func (s *show) Steps(ctx context.Context, after uint64) ([]record.Step, error) {
	for {
		s.mu.Lock()
		steps, more := s.steps[min(after, uint64(len(s.steps))):], s.more
		if s.gone {
			s.mu.Unlock()
			return nil, engine.ErrUnknownRun
		}
		if s.stuck {
			steps = nil
		}
		s.mu.Unlock()
		if len(steps) > 0 {
			return steps, nil
		}
		done := s.done
		if s.stuck {
			done = nil
		}
		select {
		case <-done:
			return nil, io.EOF
		case <-more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *show) TakeDetails() ([]record.Detail, []record.WorkerRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := s.records
	s.records = nil
	return nil, records
}

func (s *show) Done() <-chan struct{}        { return s.done }
func (s *show) End() (record.RunEnd, any)    { return record.RunEnd{Status: record.Succeeded}, nil }
func (s *show) Cancel()                      { close(s.cancelled) }
func (s *show) Forget()                      {}
func (s *show) Progress() execution.Progress { return execution.Progress{Status: record.Running} }
func (s *show) info() record.RunInfo         { return s.job.Info }

// book is what several recorders of a test write into.
type book struct {
	mu    sync.Mutex
	pages map[record.RunID]*page
}

type page struct {
	writer  string // the recorder that has written it
	steps   []uint64
	workers []record.WorkerRecord
	ended   int
	endedAt time.Time
	deleted bool
	missing error // what is missing, according to the engine
}

func newBook() *book { return &book{pages: map[record.RunID]*page{}} }

// change changes the page of a run, and makes one if it has none.
func (b *book) change(id record.RunID, f func(*page)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pages[id] == nil {
		b.pages[id] = &page{}
	}
	f(b.pages[id])
}

func (b *book) page(id record.RunID) (p page) {
	b.change(id, func(q *page) { p = *q })
	return p
}

func (b *book) kept(id record.RunID) []uint64 { return b.page(id).steps }

// scribe is one of the recorders.
type scribe struct {
	*book
	name string
}

func (s scribe) Begin(info record.RunInfo, _ *dag.Graph) error {
	s.change(info.ID, func(p *page) { p.writer = s.name })
	return nil
}

func (s scribe) Adopt(info record.RunInfo, _ *dag.Graph, begin bool) (after uint64, err error) {
	s.change(info.ID, func(p *page) {
		switch {
		case p.deleted && begin:
			err = errors.New("begun again")
		case p.deleted:
			err = engine.ErrUnknownRun
		case p.ended > info.Revision:
			err = record.ErrRecorded
		case p.writer != "":
			err = record.ErrRecording
		default:
			p.writer, after = s.name, uint64(len(p.steps))
		}
	})
	return after, err
}

func (s scribe) Steps(id record.RunID, steps []record.Step) {
	s.change(id, func(p *page) {
		for i := range steps {
			p.steps = append(p.steps, steps[i].Seq)
		}
	})
}

func (s scribe) Details(id record.RunID, _ []record.Detail, workers []record.WorkerRecord) {
	s.change(id, func(p *page) { p.workers = append(p.workers, workers...) })
}

func (s scribe) End(id record.RunID, _ record.RunEnd) error {
	s.change(id, func(p *page) { p.writer, p.ended, p.endedAt = "", p.ended+1, time.Now() })
	return nil
}

func (s scribe) Leave(id record.RunID) error {
	s.change(id, func(p *page) { p.writer = "" })
	return nil
}

// staged runs an engine that adopts, while f works, on a clock that only advances when all goroutines wait. The
// function that f returns is called when the engine has ended.
func staged(t *testing.T, f func(t *testing.T, h *hall, b *book, e *engine.Engine, stop func())) {
	synctest.Test(t, func(t *testing.T) {
		h, b := newHall(), newBook()
		e, err := engine.New(engine.Config{
			Executor: h, Recorder: scribe{b, "here"}, Adopt: true,
			Unrecorded: func(id record.RunID, err error) { b.change(id, func(p *page) { p.missing = err }) },
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		stop := sync.OnceFunc(func() {
			cancel()
			require.NoError(t, <-ended)
		})
		f(t, h, b, e, stop)
		stop()
		time.Sleep(time.Hour) // until no run is remembered
	})
}

func seqs(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i + 1)
	}
	return out
}

// job is a run that another process has submitted.
func job(t *testing.T, id record.RunID) execution.Job {
	t.Helper()
	one := engine.Func0("one", func(context.Context) (int, error) { return 1, nil })
	b := engine.NewBuilder()
	g, err := b.Compile(one.Call(b))
	require.NoError(t, err)
	return execution.Job{Info: record.RunInfo{ID: id, Workflow: "w", StartedAt: time.Now()}, Graph: g}
}

// TestARunWhoseStateIsGoneHasEnded: its record is ended as soon as its executor knows, so that it is not mistaken for
// one that continues; if the executor does not know, the record is left to others.
func TestARunWhoseStateIsGoneHasEnded(t *testing.T) {
	staged(t, func(t *testing.T, h *hall, b *book, e *engine.Engine, _ func()) {
		for _, c := range []struct {
			id    record.RunID
			ends  bool
			ended int
		}{{"ends", true, 1}, {"does not", false, 0}} {
			s := newShow(job(t, c.id)).log(2)
			h.found <- s
			synctest.Wait()
			s.mu.Lock()
			s.gone = true
			s.mu.Unlock()
			s.log(1)
			if c.ends {
				s.end()
			}
			time.Sleep(time.Minute)
			p := b.page(c.id)
			require.Equal(t, c.ended, p.ended, c.id)
			require.Equal(t, seqs(2), p.steps)
			require.ErrorIs(t, p.missing, engine.ErrUnknownRun)
			require.Empty(t, p.writer)
		}
	})
}

func TestAFoundRunWithoutARecorderIsRecorded(t *testing.T) {
	staged(t, func(t *testing.T, h *hall, b *book, e *engine.Engine, _ func()) {
		b.change("r", func(p *page) { p.steps = seqs(3) }) // by a process that has died
		s := newShow(job(t, "r")).log(5)
		h.found <- s
		synctest.Wait()
		r, err := e.Get("r")
		require.NoError(t, err)
		require.Equal(t, s.info(), r.Info())
		require.Equal(t, seqs(5), b.kept("r"), "what was kept is not kept again")
		r.Cancel()
		<-s.cancelled
		s.log(2).end()
		require.NoError(t, r.Wait(t.Context()))
		require.NoError(t, r.WaitRecorded(t.Context()))
		require.Equal(t, seqs(7), b.kept("r"))
		require.Equal(t, 1, b.page("r").ended)
		n := 0
		for event, err := range r.Events(t.Context(), 1) {
			require.NoError(t, err)
			require.Equal(t, record.RunID("r"), event.Run)
			n++
		}
		require.Positive(t, n)
		_, err = e.Get("r")
		require.ErrorIs(t, err, engine.ErrUnknownRun, "it is forgotten")
	})
}

// TestWhoRecordsIsLeftAlone: a run is not adopted as long as another process records it.
func TestWhoRecordsIsLeftAlone(t *testing.T) {
	staged(t, func(t *testing.T, h *hall, b *book, e *engine.Engine, _ func()) {
		b.change("dies", func(p *page) { p.writer, p.steps = "another", seqs(2) })
		b.change("ends", func(p *page) { p.writer, p.steps = "another", seqs(2) })
		dies, ends := newShow(job(t, "dies")).log(4), newShow(job(t, "ends")).log(4)
		h.found <- dies
		h.found <- ends
		time.Sleep(20 * time.Second)
		require.Equal(t, seqs(2), b.kept("dies"))

		b.change("dies", func(p *page) { p.writer = "" })
		time.Sleep(6 * time.Second)
		synctest.Wait()
		require.Equal(t, seqs(4), b.kept("dies"))
		dies.end()

		ends.end()
		time.Sleep(time.Second)
		b.change("ends", func(p *page) { p.writer, p.ended = "", 1 })
		r, err := e.Get("ends")
		require.NoError(t, err)
		began := time.Now()
		require.NoError(t, r.WaitRecorded(t.Context()))
		require.Less(t, time.Since(began), 6*time.Second)
		require.Equal(t, seqs(2), b.kept("ends"), "it was recorded elsewhere")
	})
}

// TestADeletedRunIsNotBegunAgain: another process has recorded it, and then it was deleted.
func TestADeletedRunIsNotBegunAgain(t *testing.T) {
	staged(t, func(t *testing.T, h *hall, b *book, e *engine.Engine, _ func()) {
		b.change("r", func(p *page) { p.writer = "another" })
		s := newShow(job(t, "r")).log(4)
		h.found <- s
		time.Sleep(time.Second)
		s.end()
		b.change("r", func(p *page) { p.writer, p.ended, p.deleted = "", 1, true })
		r, err := e.Get("r")
		require.NoError(t, err)
		require.NoError(t, r.WaitRecorded(t.Context()))
		require.Empty(t, b.kept("r"))
	})
}

// TestAnEngineDoesNotWaitForOtherRecorders when it is to end.
func TestAnEngineDoesNotWaitForOtherRecorders(t *testing.T) {
	staged(t, func(t *testing.T, h *hall, b *book, e *engine.Engine, stop func()) {
		b.change("r", func(p *page) { p.writer = "another" })
		s := newShow(job(t, "r")).log(4)
		h.found <- s
		time.Sleep(time.Second)
		s.end()
		time.Sleep(time.Millisecond)
		began := time.Now()
		stop()
		require.Zero(t, time.Since(began))
		require.NoError(t, b.page("r").missing, "it is for others to say")
	})
}

// TestARunThatCannotBeRecorded is not tried for ever once it has ended.
func TestARunThatCannotBeRecorded(t *testing.T) {
	staged(t, func(t *testing.T, h *hall, b *book, e *engine.Engine, _ func()) {
		b.change("r", func(p *page) { p.writer = "another, which never ends" })
		s := newShow(job(t, "r"))
		h.found <- s
		time.Sleep(time.Hour)
		r, err := e.Get("r")
		require.NoError(t, err)
		s.end()
		began := time.Now()
		require.ErrorIs(t, r.WaitRecorded(t.Context()), record.ErrRecording)
		require.LessOrEqual(t, time.Since(began), 3*time.Minute)
		require.ErrorIs(t, b.page("r").missing, record.ErrRecording)
	})
}

// TestAnEngineLeavesWhatContinues: when an engine ends, it leaves records as they are, except those of runs that have
// ended.
func TestAnEngineLeavesWhatContinues(t *testing.T) {
	staged(t, func(t *testing.T, h *hall, b *book, e *engine.Engine, stop func()) {
		submitted, err := e.Submit(t.Context(), "w", job(t, "").Graph, engine.RunOptions{})
		require.NoError(t, err)
		bare, err := e.Submit(t.Context(), "w", job(t, "").Graph, engine.RunOptions{Unlogged: true})
		require.NoError(t, err)
		b.change("waiting", func(p *page) { p.writer = "another" })
		h.found <- newShow(job(t, "adopted")).log(3)
		h.found <- newShow(job(t, "waiting")).log(3)
		slow := newShow(job(t, "slow")).end()
		slow.stuck = true
		h.found <- slow
		synctest.Wait()
		h.shows[0].log(2)
		synctest.Wait()

		began := time.Now()
		done := make(chan struct{})
		go func() { stop(); close(done) }()
		time.Sleep(3 * time.Second)
		slow.mu.Lock()
		slow.stuck = false
		slow.mu.Unlock()
		slow.log(6)
		<-done
		require.Less(t, time.Since(began), 5*time.Second)
		require.Equal(t, seqs(6), b.kept("slow"))
		require.Equal(t, 1, b.page("slow").ended)
		for _, id := range []record.RunID{submitted.ID(), "adopted"} {
			require.Empty(t, b.page(id).writer, "%s can be adopted by another", id)
			require.Zero(t, b.page(id).ended)
			require.NotEmpty(t, b.kept(id))
		}
		require.Equal(t, "another", b.page("waiting").writer)
		for _, id := range []record.RunID{submitted.ID(), bare.ID(), "adopted", "waiting"} {
			r, err := e.Get(id)
			require.NoError(t, err)
			require.ErrorIs(t, r.WaitRecorded(t.Context()), engine.ErrElsewhere)
		}
		_, err = e.Submit(t.Context(), "w", job(t, "").Graph, engine.RunOptions{})
		require.ErrorIs(t, err, engine.ErrClosed)
	})
}

// TestTheLastWordOfWorkersElsewhere: the engine waits for the last records of workers in other processes, but not for
// long.
func TestTheLastWordOfWorkersElsewhere(t *testing.T) {
	for _, c := range []struct {
		name string
		word time.Duration // after the end
		want time.Duration // the longest time from the end of the run to the end of its record
		kept int
	}{{"soon", 200 * time.Millisecond, 250 * time.Millisecond, 2}, {"never", time.Hour, 1100 * time.Millisecond, 1}} {
		t.Run(c.name, func(t *testing.T) {
			staged(t, func(t *testing.T, h *hall, b *book, e *engine.Engine, _ func()) {
				s := newShow(job(t, "r")).log(1)
				s.report(record.WorkerRecord{Worker: 3, Name: "w"})
				h.found <- s
				synctest.Wait()
				ended := time.Now()
				s.end()
				time.AfterFunc(c.word, func() { s.report(record.WorkerRecord{Worker: 3, Name: "w", Ended: 5}) })
				r, err := e.Get("r")
				require.NoError(t, err)
				require.NoError(t, r.WaitRecorded(t.Context()))
				require.Len(t, b.page("r").workers, c.kept)
				require.LessOrEqual(t, b.page("r").endedAt.Sub(ended), c.want)
			})
		})
	}
}

func TestRetry(t *testing.T) {
	staged(t, func(t *testing.T, h *hall, b *book, e *engine.Engine, _ func()) {
		first := newShow(job(t, "r")).log(2).end()
		h.found <- first
		synctest.Wait()
		require.Equal(t, 1, b.page("r").ended)

		again := job(t, "r")
		again.Info.Revision = 1
		second := newShow(again).log(2).log(3)
		h.retried = func(id record.RunID) (execution.Job, execution.Execution, error) {
			if id != "r" {
				return execution.Job{}, nil, engine.ErrUnknownRun
			}
			h.found <- newShow(again) // Find reports it at once, and this engine must not be given it before Retry returns
			for range 1000 {
				runtime.Gosched()
			}
			return again, second, nil
		}
		_, err := e.Retry(t.Context(), "other")
		require.ErrorIs(t, err, engine.ErrUnknownRun)
		r, err := e.Retry(t.Context(), "r")
		require.NoError(t, err)
		known, err := e.Get("r")
		require.NoError(t, err)
		require.Same(t, r, known)
		h.found <- first // an older revision than the known one changes nothing
		second.end()
		require.NoError(t, r.WaitRecorded(t.Context()))
		require.Equal(t, seqs(5), b.kept("r"))
		require.Equal(t, 2, b.page("r").ended)
	})
}

func TestAnEngineEndsWhenNothingCanBeFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall()
		e, err := engine.New(engine.Config{Executor: h, Adopt: true})
		require.NoError(t, err)
		broken := errors.New("the store says no")
		go func() { h.broken <- broken }()
		require.ErrorIs(t, e.Run(t.Context()), broken)
	})
}

// plain is an executor that is neither a Finder nor a Retrier.
type plain struct{ execution.Executor }

// deaf is a recorder that cannot adopt.
type deaf struct{ record.Recorder }

func TestAdoptNeedsThoseWhoCan(t *testing.T) {
	_, err := engine.New(engine.Config{Executor: plain{}, Adopt: true})
	require.ErrorContains(t, err, "expected a Finder")
	_, err = engine.New(engine.Config{Executor: newHall(), Recorder: deaf{}, Adopt: true})
	require.ErrorContains(t, err, "expected an Adopter")
	e, err := engine.New(engine.Config{Executor: plain{}})
	require.NoError(t, err)
	_, err = e.Retry(t.Context(), "r")
	require.ErrorIs(t, err, engine.ErrUnknownRun)
}
