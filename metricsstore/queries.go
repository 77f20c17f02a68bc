package metricsstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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
	if r.Sort == "" {
		r.Sort = ByStart
	}
	less, err := r.order()
	if err != nil {
		return RunPage{}, err
	}
	limit, err := pageLimit(r.Limit)
	if err != nil {
		return RunPage{}, err
	}
	query := []any{r.RunFilter, r.Sort, r.Ascending}
	var at *Run
	if r.Cursor != "" {
		at = new(Run)
		if err := openCursor(r.Cursor, query, at); err != nil {
			return RunPage{}, err
		}
	}
	found, err := q.scan(ctx, &r, at, limit+1)
	if err != nil {
		return RunPage{}, err
	}
	slices.SortFunc(found, func(a, b Run) int { return less(&a, &b) })
	if at != nil {
		behind, _ := slices.BinarySearchFunc(found, at, func(a Run, at *Run) int {
			if less(&a, at) <= 0 {
				return -1
			}
			return 1
		})
		found = found[behind:]
	}
	page := RunPage{Runs: found[:min(limit, len(found))]}
	if len(found) > limit {
		page.Next = sealCursor(query, page.Runs[limit-1].key())
	}
	return page, nil
}

// scan reads the runs that the filter selects, from the cursor on and no more than needed where they are wanted in
// the order of the store.
func (q *Queries) scan(ctx context.Context, r *RunQuery, at *Run, need int) ([]Run, error) {
	var found []Run
	ordered := r.Sort == ByStart && !r.Ascending
	after := Position{}
	if ordered && at != nil {
		after = at.Position()
	}
	for {
		runs, err := q.store.Runs(ctx, after, 256)
		if err != nil || len(runs) == 0 {
			return found, err
		}
		for i := range runs {
			if r.Match(&runs[i]) {
				found = append(found, runs[i])
			}
			past := !r.From.IsZero() && runs[i].Info.StartedAt.Before(r.From)
			if past || ordered && len(found) >= need {
				return found, nil
			}
		}
		after = runs[len(runs)-1].Position()
	}
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
