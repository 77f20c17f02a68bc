package metricsstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// Queries answers questions about what a Store keeps. Safe for concurrent use.
type Queries struct {
	store  Store
	unpack *Unpacker
}

// NewQueries answers from a store.
func NewQueries(s Store) (*Queries, error) {
	u, err := NewUnpacker()
	if err != nil {
		return nil, err
	}
	return &Queries{store: s, unpack: u}, nil
}

// Run gives one run.
func (q *Queries) Run(ctx context.Context, run engine.RunID) (Run, error) {
	return q.store.Run(ctx, run)
}

// Limits of pages.
const (
	DefaultPage = 50
	MaxPage     = 1000
)

// RunFilter selects runs. Its zero value selects all.
type RunFilter struct {
	Workflow string          `json:"workflow,omitempty"`
	Status   []engine.Status `json:"status,omitempty"` // any of them
	Tag      string          `json:"tag,omitempty"`
	// From and To bound the run's start, From included, To not; zero for no bound.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Text is searched for, without regard to case, in ID, workflow, tags, note, parameters and error.
	Text string `json:"text,omitempty"`
}

// Match reports whether the filter selects a run.
func (f *RunFilter) Match(r *Run) bool {
	start := r.Info.StartedAt
	return (f.Workflow == "" || f.Workflow == r.Info.Workflow) &&
		(len(f.Status) == 0 || slices.Contains(f.Status, r.Status)) &&
		(f.Tag == "" || slices.Contains(r.Annotation.Tags, f.Tag)) &&
		(f.From.IsZero() || !start.Before(f.From)) && (f.To.IsZero() || start.Before(f.To)) &&
		(f.Text == "" || r.contains(strings.ToLower(f.Text)))
}

func (r *Run) contains(lower string) bool {
	texts := append([]string{string(r.Info.ID), r.Info.Workflow, r.Annotation.Note}, r.Annotation.Tags...)
	for k, v := range r.Info.Params {
		texts = append(texts, k+"="+v)
	}
	if r.Error != nil {
		texts = append(texts, r.Error.Message, r.Error.Task)
	}
	return slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(strings.ToLower(s), lower) })
}

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

// Runs gives a page of runs. The error is ErrInvalid for an unknown order, a limit out of range, or a cursor that
// is not from a page of the same query.
func (q *Queries) Runs(ctx context.Context, r RunQuery) (RunPage, error) {
	p, err := r.pager()
	if err != nil {
		return RunPage{}, err
	}
	for after := p.start(); ; {
		runs, err := q.store.Runs(ctx, after, 256)
		if err != nil {
			return RunPage{}, err
		}
		for i := range runs {
			if !p.add(&runs[i]) {
				return p.page(), nil
			}
		}
		if len(runs) == 0 {
			return p.page(), nil
		}
		after = runs[len(runs)-1].Position()
	}
}

// Page is Runs for runs that are at hand, given by Position, the latest first. It takes no more of them than it needs.
func (r RunQuery) Page(runs iter.Seq[*Run]) (RunPage, error) {
	p, err := r.pager()
	if err != nil {
		return RunPage{}, err
	}
	for run := range runs {
		if !p.add(run) {
			break
		}
	}
	return p.page(), nil
}

// pager puts a page together out of runs that come by Position, the latest first.
type pager struct {
	query *RunQuery
	limit int
	less  func(a, b *Run) int
	mark  []any // what a cursor belongs to
	at    *Run  // the last run of the page before, nil for none
	found []*Run
}

func (r RunQuery) pager() (*pager, error) {
	if r.Sort == "" {
		r.Sort = ByStart
	}
	p := &pager{query: &r, mark: []any{r.RunFilter, r.Sort, r.Ascending}}
	var err error
	if p.less, err = r.order(); err != nil {
		return nil, err
	}
	if p.limit, err = pageLimit(r.Limit); err != nil {
		return nil, err
	}
	if r.Cursor != "" {
		p.at = new(Run)
		err = openCursor(r.Cursor, p.mark, p.at)
	}
	return p, err
}

// ordered reports whether runs are wanted in the order in which they come.
func (p *pager) ordered() bool { return p.query.Sort == ByStart && !p.query.Ascending }

// start is the position behind which the page begins.
func (p *pager) start() Position {
	if p.ordered() && p.at != nil {
		return p.at.Position()
	}
	return Position{}
}

// add takes one more run, and reports whether later ones may belong to the page.
func (p *pager) add(r *Run) bool {
	if p.query.Match(r) && (p.at == nil || p.less(r, p.at) > 0) {
		if p.found = append(p.found, r); len(p.found) >= 4*(p.limit+1) && !p.ordered() {
			p.cut()
		}
	}
	past := !p.query.From.IsZero() && r.Info.StartedAt.Before(p.query.From)
	return !past && !(p.ordered() && len(p.found) > p.limit)
}

// cut keeps the first runs, one more than the page has.
func (p *pager) cut() {
	slices.SortFunc(p.found, p.less)
	p.found = p.found[:min(p.limit+1, len(p.found))]
}

func (p *pager) page() RunPage {
	p.cut()
	var page RunPage
	for _, r := range p.found[:min(p.limit, len(p.found))] {
		page.Runs = append(page.Runs, *r)
	}
	if len(p.found) > p.limit {
		page.Next = sealCursor(p.mark, page.Runs[p.limit-1].key())
	}
	return page
}

// key is what a cursor has to hold of a run.
func (r *Run) key() Run {
	return Run{Header: Header{
		Info:   engine.RunInfo{ID: r.Info.ID, Workflow: r.Info.Workflow, StartedAt: r.Info.StartedAt},
		Status: r.Status, AddedAt: r.Added(), Counts: Counts{MakespanNS: r.MakespanNS(), Tasks: r.Counts.Tasks, OutputBytes: r.Counts.OutputBytes},
		Graph: r.Graph,
	}}
}

func (r *RunQuery) order() (func(a, b *Run) int, error) {
	number := func(of func(*Run) int64) func(a, b *Run) int {
		return func(a, b *Run) int { return cmp.Compare(of(b), of(a)) }
	}
	by := map[RunOrder]func(a, b *Run) int{
		ByStart:    func(*Run, *Run) int { return 0 },
		ByMakespan: number(func(r *Run) int64 { return r.MakespanNS() }),
		ByTasks:    number(func(r *Run) int64 { return max(r.Counts.Tasks, int64(r.Graph.Tasks)) }),
		ByBytes:    number(func(r *Run) int64 { return r.Counts.OutputBytes }),
		ByAdded:    number(func(r *Run) int64 { return r.Added().UnixNano() }),
		ByWorkflow: func(a, b *Run) int { return cmp.Compare(b.Info.Workflow, a.Info.Workflow) },
		ByStatus:   func(a, b *Run) int { return cmp.Compare(b.Status, a.Status) },
	}[r.Sort]
	if by == nil {
		return nil, invalid("order %q, expected started, makespan, tasks, bytes, workflow, status or added", r.Sort)
	}
	start := func(a, b *Run) int {
		switch p, q := a.Position(), b.Position(); {
		case p == q:
			return 0
		case p.Before(q):
			return -1
		}
		return 1
	}
	return func(a, b *Run) int {
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
