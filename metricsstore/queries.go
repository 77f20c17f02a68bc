package metricsstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// Queries answers questions about what a Store keeps. Safe for concurrent use.
type Queries struct {
	store  Store
	unpack *Unpacker
}

// NewQueries makes Queries over a store; it fails only where decompression cannot be set up.
func NewQueries(s Store) (*Queries, error) {
	u, err := NewUnpacker()
	if err != nil {
		return nil, err
	}
	return &Queries{store: s, unpack: u}, nil
}

// Run returns one run; see Store.Run.
func (q *Queries) Run(ctx context.Context, run record.RunID) (Run, error) {
	return q.store.Run(ctx, run)
}

// Status is the status of a run, Paused included: a live run is kept as Running, and only its log says whether it has
// been paused since. It reads that log, some 50 ns a step; other runs cost nothing. Of ended runs it is Header.StatusAt.
func (q *Queries) Status(ctx context.Context, r *Run) (record.Status, error) {
	status := r.StatusAt(time.Now())
	if r.Status != record.Running {
		return status, nil
	}
	err := NewLogReader(q.store, q.unpack, r.Info.ID, 0).Each(ctx, func(steps []record.Step) error {
		for i := range steps {
			switch steps[i].Kind {
			case record.RunPaused:
				status = record.Paused
			case record.RunResumed:
				status = record.Running
			}
		}
		return nil
	})
	return status, err
}

// Limits of pages.
const (
	DefaultPage = 50
	MaxPage     = 1000
)

// RunOrder is what runs are sorted by.
type RunOrder string

// Orders of runs. Ties are broken by the start, the latest first.
const (
	ByStart    RunOrder = "started"
	ByMakespan RunOrder = "makespan"
	ByTasks    RunOrder = "tasks"
	ByBytes    RunOrder = "bytes" // of outputs
	ByWorkflow RunOrder = "workflow"
	ByStatus   RunOrder = "status"
	ByAdded    RunOrder = "added" // to the store, see Header.Added
)

// RunQuery asks for a page of runs.
type RunQuery struct {
	RunFilter
	Sort      RunOrder // default ByStart
	Ascending bool     // default the latest, or the greatest, first
	Limit     int      // 1 to MaxPage; default DefaultPage
	Cursor    string   // RunPage.Next of the page before; empty for the first
}

// RunPage is one page of runs.
type RunPage struct {
	Runs []Run `json:"runs"`
	// Next asks for the following page; empty on the last.
	Next string `json:"next,omitempty"`
}

// Runs returns a page of runs. The error is ErrInvalid for an unknown order, a limit out of range, or a cursor that
// is not from a page of the same query. It reads all runs, unless they are sorted by start, the latest first.
func (q *Queries) Runs(ctx context.Context, r RunQuery) (RunPage, error) {
	p, err := r.pager(r.latestFirst())
	if err != nil {
		return RunPage{}, err
	}
	for after := p.after(); !p.done; {
		runs, err := q.store.Runs(ctx, after, 256)
		if err != nil {
			return RunPage{}, err
		}
		for i := range runs {
			e := newEntry(&runs[i], "")
			p.add(&e)
		}
		if len(runs) == 0 || runs[len(runs)-1].Info.StartedAt.Before(r.From) {
			break
		}
		after = runs[len(runs)-1].Position()
	}
	found, next := p.page()
	page := RunPage{Next: next}
	for i := range found {
		run, err := q.store.Run(ctx, found[i].ID)
		if errors.Is(err, ErrNotFound) {
			continue // deleted in the meantime
		}
		if err != nil {
			return RunPage{}, err
		}
		page.Runs = append(page.Runs, run)
	}
	return page, nil
}

// Page makes a page of runs, and RunPage.Next, from entries in the order of their start: the latest first, or the
// earliest first where r.EarliestFirst. It reads no more of them than it needs. The error is that of Queries.Runs.
func (r RunQuery) Page(entries iter.Seq[*Entry]) (found []Entry, next string, err error) {
	p, err := r.pager(r.latestFirst() || r.EarliestFirst())
	if err != nil {
		return nil, "", err
	}
	for e := range entries {
		if p.add(e); p.done {
			break
		}
	}
	found, next = p.page()
	return found, next, nil
}

func (r *RunQuery) byStart() bool     { return r.Sort == ByStart || r.Sort == "" }
func (r *RunQuery) latestFirst() bool { return r.byStart() && !r.Ascending }

// EarliestFirst reports whether runs are sorted by start, the earliest first.
func (r *RunQuery) EarliestFirst() bool { return r.byStart() && r.Ascending }

// pager collects a page.
type pager struct {
	query   *RunQuery
	limit   int
	less    func(a, b *Entry) int
	mark    []any  // the query that a cursor belongs to
	at      *Entry // the last run of the page before, nil for none
	found   []Entry
	ordered bool // entries come in the order of the page
	full    bool // found holds one more than the page, sorted, and maybe others after those
	done    bool // later entries do not belong to the page
}

func (r RunQuery) pager(ordered bool) (*pager, error) {
	if r.Sort == "" {
		r.Sort = ByStart
	}
	p := &pager{query: &r, mark: []any{r.RunFilter, r.Sort, r.Ascending}, ordered: ordered}
	var err error
	if p.less, err = r.order(); err != nil {
		return nil, err
	}
	if p.limit, err = pageLimit(r.Limit); err != nil {
		return nil, err
	}
	if r.Cursor != "" {
		p.at = new(Entry)
		err = openCursor(r.Cursor, p.mark, p.at)
	}
	return p, err
}

// after is the position after which the page begins, where entries come with the latest first.
func (p *pager) after() Position {
	if p.ordered && p.at != nil {
		return p.at.Position()
	}
	return Position{}
}

// add adds an entry.
func (p *pager) add(e *Entry) {
	if p.query.Match(e) && (p.at == nil || p.less(e, p.at) > 0) && !(p.full && p.less(e, &p.found[p.limit]) > 0) {
		if p.found = append(p.found, *e); len(p.found) >= 4*(p.limit+1) {
			p.cut()
		}
	}
	p.done = p.ordered && len(p.found) > p.limit
}

// cut keeps the first runs, one more than the page has.
func (p *pager) cut() {
	slices.SortFunc(p.found, func(a, b Entry) int { return p.less(&a, &b) })
	p.found = p.found[:min(p.limit+1, len(p.found))]
	p.full = len(p.found) > p.limit
}

func (p *pager) page() (found []Entry, next string) {
	p.cut()
	found = p.found[:min(p.limit, len(p.found))]
	if p.full {
		next = sealCursor(p.mark, found[p.limit-1])
	}
	return found, next
}

func (r *RunQuery) order() (func(a, b *Entry) int, error) {
	number := func(of func(*Entry) int64) func(a, b *Entry) int {
		return func(a, b *Entry) int { return cmp.Compare(of(b), of(a)) }
	}
	by := map[RunOrder]func(a, b *Entry) int{
		ByStart:    func(*Entry, *Entry) int { return 0 },
		ByMakespan: number(func(e *Entry) int64 { return e.MakespanNS }),
		ByTasks:    number(func(e *Entry) int64 { return e.Tasks }),
		ByBytes:    number(func(e *Entry) int64 { return e.OutputBytes }),
		ByAdded:    number(func(e *Entry) int64 { return e.AddedNS }),
		ByWorkflow: func(a, b *Entry) int { return cmp.Compare(b.Workflow, a.Workflow) },
		ByStatus:   func(a, b *Entry) int { return cmp.Compare(b.Status, a.Status) },
	}[r.Sort]
	if by == nil {
		return nil, invalid("order %q, expected started, makespan, tasks, bytes, workflow, status or added", r.Sort)
	}
	start := func(a, b *Entry) int { return a.Position().Compare(b.Position()) }
	return func(a, b *Entry) int {
		c := by(a, b)
		if r.Ascending {
			c = -c
			if r.Sort == ByStart {
				return -start(a, b)
			}
		}
		return cmp.Or(c, start(a, b))
	}, nil
}

func pageLimit(limit int) (int, error) {
	if limit == 0 {
		return DefaultPage, nil
	}
	if limit < 1 || limit > MaxPage {
		return 0, invalid("limit %d, expected 1 to %d", limit, MaxPage)
	}
	return limit, nil
}

// cursor is where a page ended, with a mark of the query that it belongs to.
type cursor struct {
	Query string          `json:"q"`
	At    json.RawMessage `json:"at"`
}

func queryMark(query any) string {
	b, _ := json.Marshal(query) // plain data
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func sealCursor(query, at any) string {
	position, _ := json.Marshal(at) // plain data
	b, _ := json.Marshal(cursor{Query: queryMark(query), At: position})
	return base64.RawURLEncoding.EncodeToString(b)
}

func openCursor(text string, query, at any) error {
	b, err := base64.RawURLEncoding.DecodeString(text)
	var c cursor
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil || c.Query != queryMark(query) || json.Unmarshal(c.At, at) != nil {
		return invalid("the cursor is not from a page of this query")
	}
	return nil
}
