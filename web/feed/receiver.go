package feed

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
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
	// MaxJournal bounds the journal, in bytes. 0 means 1 GiB. MaxRecords bounds the records in it; 0 means 200,000.
	MaxJournal int64
	MaxRecords int
	// Settle is how long after a part that is not in the run of its record the run is made again, so that it is not made for
	// each request; later if that takes long. 0 means 200 ms.
	Settle time.Duration
	// Quiet is after how long without parts a record counts as over although its root has not ended. 0 means 10 min.
	Quiet time.Duration
	// Late is for how long after its last part a record can be added to. 0 means 1 h; less if the journal is half full.
	Late time.Duration
}

// Receiver accepts records and makes runs of them. Safe for concurrent use.
type Receiver struct {
	cfg      Config
	source   Source
	importer *importer.Importer
	opening  sync.Mutex
	journal  *journal // nil until this process owns the folder

	mu      sync.Mutex
	items   map[string]*item
	waiting map[string]*item        // those of them whose runs are not over, or lack parts
	pending int64                   // bytes of requests that are being written
	old     map[string]record.RunID // records whose parts are not in the journal any more, or cannot be made a run of
	retired time.Time               // when files of the journal were last looked for that can go
}

// item is what is known of a record in the journal.
type item struct {
	refs  []ref
	bytes int64
	parts int // with those that came again
	busy  int // requests with more of it that are being written
	run   record.RunID
	// first and last are when parts came that are not in the run yet, and when any came last.
	first, last time.Time
	took        time.Duration // how long it took to make the run
	made        time.Time     // when that was, zero if never
	over        bool          // the run says that nothing comes any more, or is complete
}

// New returns a Receiver, of which Run has to be called.
func New(cfg Config, source Source) (*Receiver, error) {
	if cfg.Store == nil || cfg.Dir == "" {
		return nil, errors.New("feed: Store or Dir is missing, expected both")
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
	if cfg.MaxRecords <= 0 {
		cfg.MaxRecords = 200_000
	}
	keeper, err := importer.New(importer.Config{Store: cfg.Store})
	if err != nil {
		return nil, err
	}
	return &Receiver{cfg: cfg, source: source, importer: keeper, items: map[string]*item{}, waiting: map[string]*item{}}, nil
}

// Errors of Accept.
var (
	ErrBusy  = errors.New("the journal is full until runs are made of what it has")
	ErrOwner = errors.New("another process has the data folder open and receives what is sent to it")
)

// open opens the journal if this process owns its folder.
func (r *Receiver) open(ctx context.Context) error {
	r.opening.Lock()
	defer r.opening.Unlock()
	if r.journal != nil {
		return nil
	}
	if !r.cfg.Owns() {
		return ErrOwner
	}
	old, err := importer.Received(ctx, r.cfg.Store, r.source.System, r.source.KeyOf)
	if err != nil {
		return err
	}
	retired, err := readRetired(r.cfg.Dir)
	if err != nil {
		return err
	}
	var seen []string // retired records that the journal still has lines of
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	j, err := openJournal(r.cfg.Dir, min(r.cfg.MaxJournal/16, 16<<20), func(at ref, text []byte) {
		key, parts := r.source.Read(text)
		switch {
		case key == "":
			r.cfg.Log.Error("a line of a journal cannot be read and is left out", "of", r.source.Records, "file", at.in.name, "byte", at.at)
		case retired[key]:
			seen = append(seen, key)
		default:
			r.addLine(key, at, parts, now)
		}
	})
	if err == nil {
		err = writeRetired(r.cfg.Dir, seen)
	}
	if err != nil {
		clear(r.items)
		clear(r.waiting)
		return err
	}
	for key, t := range r.items {
		t.run = old[key]
		delete(old, key)
	}
	for _, key := range seen {
		if _, isRun := old[key]; !isRun {
			old[key] = "" // it was set aside
		}
	}
	r.old, r.journal = old, j
	return nil
}

// addLine adds a line of the journal to its record. The caller holds mu.
func (r *Receiver) addLine(key string, at ref, parts int, now time.Time) {
	t := r.items[key]
	if t == nil {
		t = &item{}
		r.items[key] = t
	}
	t.refs = append(t.refs, at)
	t.bytes += int64(at.size)
	t.parts += parts
	t.last, t.over = now, false
	if t.first.IsZero() {
		t.first = now
	}
	if t.parts >= r.source.Least {
		r.waiting[key] = t
	}
}

// Accept keeps lines of a request, and returns those that come too late: their records are over, or too large. The others
// are on disk when it returns. The error is ErrBusy, ErrOwner, that of ctx, or one of the disk.
func (r *Receiver) Accept(ctx context.Context, lines []Line) (late []Line, err error) {
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	lines, size, late, err := r.admit(lines)
	if err != nil {
		return nil, err
	}
	texts := make([][]byte, len(lines))
	for i := range lines {
		texts[i] = lines[i].Text
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
		t := r.items[lines[i].Key]
		if t == nil { // it was set aside in the meantime
			late = append(late, lines[i])
			continue
		}
		t.busy--
		if err == nil {
			r.addLine(lines[i].Key, refs[i], lines[i].Parts, now)
		} else if t.busy == 0 && len(t.refs) == 0 {
			delete(r.items, lines[i].Key)
		}
	}
	if len(refs) > 0 {
		r.journal.unpin(refs)
	}
	return late, err
}

// admit returns the lines that can be kept, their size, and those that come too late or are too many.
func (r *Receiver) admit(lines []Line) (kept []Line, size int64, refused []Line, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh := 0
	for _, l := range lines {
		_, isOld := r.old[l.Key]
		t := r.items[l.Key]
		if isOld || t != nil && t.bytes+int64(len(l.Text)) > r.cfg.MaxJournal/4 {
			refused = append(refused, l)
			continue
		}
		if t == nil {
			fresh++
		}
		kept = append(kept, l)
		size += int64(len(l.Text))
	}
	if r.journal.bytes()+r.pending+size > r.cfg.MaxJournal || len(r.items)+fresh > r.cfg.MaxRecords {
		return nil, 0, nil, ErrBusy
	}
	r.pending += size
	for _, l := range kept {
		if r.items[l.Key] == nil {
			r.items[l.Key] = &item{}
		}
		r.items[l.Key].busy++ // so that it is not retired meanwhile
	}
	return kept, size, refused, nil
}
