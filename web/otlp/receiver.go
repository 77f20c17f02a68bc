package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/records/otlp"
)

// Config of a Receiver. Store and Dir are required.
type Config struct {
	Store metricsstore.Store
	// Dir is the folder of the journal. Only one process may use it at a time.
	Dir string
	// Owns reports whether this process may use Dir now; nil means always. Requests are refused until it does.
	Owns func() bool
	Log  *slog.Logger // nil for none
	// MaxBody bounds a request, also decompressed, in bytes. 0 means 16 MiB.
	MaxBody int64
	// MaxJournal bounds the journal, in bytes. 0 means 1 GiB. MaxTraces bounds the traces in it; 0 means 200,000.
	MaxJournal int64
	MaxTraces  int
	// Settle is how long after a span that is not in the run of its trace the run is made again, so that it is not made for
	// each request; later if that takes long. 0 means 200 ms.
	Settle time.Duration
	// Quiet is after how long without spans a trace counts as over although its root has not ended. 0 means 10 min.
	Quiet time.Duration
	// Late is for how long after its last span a trace can be added to. 0 means 1 h; less if the journal is half full.
	Late time.Duration
}

// Receiver accepts traces and makes runs of them. Safe for concurrent use.
type Receiver struct {
	cfg      Config
	importer *importer.Importer
	opening  sync.Mutex
	journal  *journal // nil until this process owns the folder

	mu      sync.Mutex
	traces  map[string]*traced
	waiting map[string]*traced      // those of them whose runs are not over, or lack spans
	pending int64                   // bytes of requests that are being written
	old     map[string]record.RunID // traces whose spans are not in the journal any more, or cannot be made a run of
	retired time.Time               // when files of the journal were last looked for that can go
}

// traced is what is known of a trace in the journal.
type traced struct {
	refs  []ref
	bytes int64
	spans int // with those that came again
	busy  int // requests with more of it that are being written
	run   record.RunID
	// first and last are when spans came that are not in the run yet, and when any came last.
	first, last time.Time
	took        time.Duration // how long it took to make the run
	made        time.Time     // when that was, zero if never
	over        bool          // the run says that nothing comes any more, or is complete
}

// New returns a Receiver, of which Run has to be called.
func New(cfg Config) (*Receiver, error) {
	if cfg.Store == nil || cfg.Dir == "" {
		return nil, errors.New("otlp: Store or Dir is missing, expected both")
	}
	if cfg.Owns == nil {
		cfg.Owns = func() bool { return true }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{{&cfg.Settle, 200 * time.Millisecond}, {&cfg.Quiet, 10 * time.Minute}, {&cfg.Late, time.Hour}} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 16 << 20
	}
	if cfg.MaxJournal <= 0 {
		cfg.MaxJournal = 1 << 30
	}
	if cfg.MaxTraces <= 0 {
		cfg.MaxTraces = 200_000
	}
	keeper, err := importer.New(importer.Config{Store: cfg.Store})
	if err != nil {
		return nil, err
	}
	return &Receiver{cfg: cfg, importer: keeper, traces: map[string]*traced{}, waiting: map[string]*traced{}}, nil
}

// Errors of accept.
var (
	errBusy  = errors.New("the journal of traces is full until runs are made of them")
	errOwner = errors.New("another process has the data folder open and receives its traces")
)

// open opens the journal if this process owns its folder.
func (r *Receiver) open(ctx context.Context) error {
	r.opening.Lock()
	defer r.opening.Unlock()
	if r.journal != nil {
		return nil
	}
	if !r.cfg.Owns() {
		return errOwner
	}
	old, err := importer.Traces(ctx, r.cfg.Store, otlp.System)
	if err != nil {
		return err
	}
	retired, err := readRetired(r.cfg.Dir)
	if err != nil {
		return err
	}
	var seen []string // retired traces that the journal still has lines of
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	j, err := openJournal(r.cfg.Dir, min(r.cfg.MaxJournal/16, 16<<20), func(at ref, text []byte) {
		trace := traceOf(text)
		switch {
		case trace == "":
			r.cfg.Log.Error("a line of the journal of traces cannot be read and is left out", "file", at.in.name, "byte", at.at)
		case retired[trace]:
			seen = append(seen, trace)
		default:
			r.addLine(trace, at, spansOf(text), now)
		}
	})
	if err == nil {
		err = writeRetired(r.cfg.Dir, seen)
	}
	if err != nil {
		clear(r.traces)
		clear(r.waiting)
		return err
	}
	for trace, t := range r.traces {
		t.run = old[trace]
		delete(old, trace)
	}
	for _, trace := range seen {
		if _, isRun := old[trace]; !isRun {
			old[trace] = "" // it was set aside
		}
	}
	r.old, r.journal = old, j
	return nil
}

// addLine adds a line of the journal to its trace. The caller holds mu.
func (r *Receiver) addLine(trace string, at ref, spans int, now time.Time) {
	t := r.traces[trace]
	if t == nil {
		t = &traced{}
		r.traces[trace] = t
	}
	t.refs = append(t.refs, at)
	t.bytes += int64(at.size)
	t.spans += spans
	t.last, t.over = now, false
	if t.first.IsZero() {
		t.first = now
	}
	if t.spans >= minSpans {
		r.waiting[trace] = t
	}
}

// accept keeps the spans of a request and returns how many were rejected, and why. They are on disk when it returns.
func (r *Receiver) accept(ctx context.Context, s *splitter) (rejected int, why string, err error) {
	if err := r.open(ctx); err != nil {
		return 0, "", err
	}
	lines, size, late, err := r.admit(s.lines())
	if err != nil {
		return 0, "", err
	}
	texts := make([][]byte, len(lines))
	for i := range lines {
		texts[i] = lines[i].text
	}
	var refs []ref
	if len(lines) > 0 {
		refs, err = r.journal.append(texts)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending -= size
	now := time.Now()
	for i := range lines {
		t := r.traces[lines[i].trace]
		if t == nil { // it was set aside in the meantime
			late += lines[i].spans
			continue
		}
		t.busy--
		if err == nil {
			r.addLine(lines[i].trace, refs[i], lines[i].spans, now)
		} else if t.busy == 0 && len(t.refs) == 0 {
			delete(r.traces, lines[i].trace)
		}
	}
	if len(refs) > 0 {
		r.journal.unpin(refs)
	}
	if err != nil {
		return 0, "", err
	}
	return s.lost + late, reasons(s.lost, late), nil
}

// reasons says why spans are rejected.
func reasons(lost, late int) string {
	var out []string
	if lost > 0 {
		out = append(out, fmt.Sprintf("%d spans have no valid traceId or spanId, expected 16 and 8 bytes that are not all zero", lost))
	}
	if late > 0 {
		out = append(out, fmt.Sprintf("%d spans are of traces to which nothing can be added any more: they are over, or too large", late))
	}
	return strings.Join(out, "; ")
}

// admit returns the lines that can be kept, their size, and the number of spans that come too late or are too many.
func (r *Receiver) admit(lines []line) (kept []line, size int64, refused int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh := 0
	for _, l := range lines {
		_, isOld := r.old[l.trace]
		t := r.traces[l.trace]
		if isOld || t != nil && t.bytes+int64(len(l.text)) > r.cfg.MaxJournal/4 {
			refused += l.spans
			continue
		}
		if t == nil {
			fresh++
		}
		kept = append(kept, l)
		size += int64(len(l.text))
	}
	if r.journal.bytes()+r.pending+size > r.cfg.MaxJournal || len(r.traces)+fresh > r.cfg.MaxTraces {
		return nil, 0, 0, errBusy
	}
	r.pending += size
	for _, l := range kept {
		if r.traces[l.trace] == nil {
			r.traces[l.trace] = &traced{}
		}
		r.traces[l.trace].busy++ // so that it is not retired meanwhile
	}
	return kept, size, refused, nil
}
