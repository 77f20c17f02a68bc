package metricsstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// RecordQuery asks for a page of records of one run.
type RecordQuery struct {
	Run      record.RunID
	Function string           // empty for all
	Outcomes []record.Outcome // any of them; empty for all
	Node     *dag.NodeID      // nil for all
	Worker   *int             // nil for all
	// Sort by a metric, the greatest first; empty for the order of the log. Records that lack the metric come last.
	Sort      Metric
	Ascending bool // the least first
	Limit     int  // 1 to MaxPage; default DefaultPage
	Cursor    string
}

// RecordPage is one page of records.
type RecordPage struct {
	Records []record.TaskMetrics `json:"records"`
	// Total is how many records the query selects on all pages.
	Total int    `json:"total"`
	Next  string `json:"next,omitempty"`
	// AsOf is the last step that the page is computed from.
	AsOf uint64 `json:"as_of"`
}

// numbered is a record with its number among all records of the run, and the value it is sorted by.
type numbered struct {
	Number int   `json:"n"`
	Known  bool  `json:"k"`
	Value  int64 `json:"v"`
	record record.TaskMetrics
}

// Records returns a page of records. A live run may have more on the next call; a cursor stays valid. The error is
// ErrInvalid as for Runs, ErrCorrupt where the log cannot be read.
func (q *Queries) Records(ctx context.Context, r RecordQuery) (RecordPage, error) {
	limit, err := pageLimit(r.Limit)
	if err != nil {
		return RecordPage{}, err
	}
	if r.Sort != "" {
		if _, err := ParseMetric(string(r.Sort)); err != nil {
			return RecordPage{}, err
		}
	}
	query := []any{r.Run, r.Function, r.Outcomes, r.Node, r.Worker, r.Sort, r.Ascending}
	var at *numbered
	if r.Cursor != "" {
		at = new(numbered)
		if err := openCursor(r.Cursor, query, at); err != nil {
			return RecordPage{}, err
		}
	}
	found, asOf, err := q.selectRecords(ctx, &r)
	if err != nil {
		return RecordPage{}, err
	}
	slices.SortFunc(found, r.compare)
	page := RecordPage{Total: len(found), AsOf: asOf}
	if at != nil {
		from, exact := slices.BinarySearchFunc(found, *at, r.compare)
		if exact {
			from++
		}
		found = found[from:]
	}
	for _, f := range found[:min(limit, len(found))] {
		page.Records = append(page.Records, f.record)
	}
	if len(found) > limit {
		page.Next = sealCursor(query, found[limit-1])
	}
	return page, nil
}

func (r *RecordQuery) compare(a, b numbered) int {
	if a.Known != b.Known {
		if a.Known {
			return -1
		}
		return 1
	}
	c := cmp.Compare(b.Value, a.Value)
	if r.Ascending {
		c = -c
	}
	return cmp.Or(c, cmp.Compare(a.Number, b.Number))
}

func (r *RecordQuery) match(m *record.TaskMetrics) bool {
	return (r.Function == "" || r.Function == m.Task.Function) &&
		(len(r.Outcomes) == 0 || slices.Contains(r.Outcomes, m.Outcome)) &&
		(r.Node == nil || *r.Node == m.Node) && (r.Worker == nil || *r.Worker == m.Worker)
}

func (q *Queries) selectRecords(ctx context.Context, r *RecordQuery) (found []numbered, asOf uint64, err error) {
	n := 0
	asOf, err = q.EachRecord(ctx, r.Run, func(records []record.TaskMetrics) error {
		for i := range records {
			m := &records[i]
			if r.match(m) {
				f := numbered{Number: n, record: *m}
				f.Value, f.Known = r.Sort.Of(m)
				found = append(found, f)
			}
			n++
		}
		return nil
	})
	return found, asOf, err
}

// EachRecord calls f for all records of a run in the order of the log, some at a time, and returns the last step that
// it has read. What f gets is valid until its next call.
func (q *Queries) EachRecord(ctx context.Context, run record.RunID, each func([]record.TaskMetrics) error) (asOf uint64, err error) {
	decoder, log, err := q.Decode(ctx, run)
	if err != nil {
		return 0, err
	}
	var records []record.TaskMetrics
	err = log.Each(ctx, func(steps []record.Step) error {
		records = decoder.Metrics(records[:0], steps)
		if err := decoder.Err(); err != nil {
			return fmt.Errorf("%w: run %s: %w", ErrCorrupt, run, err)
		}
		return each(records)
	})
	return log.After(), err
}

// Decode returns what is needed to read a run from its first step: a decoder and the log.
func (q *Queries) Decode(ctx context.Context, run record.RunID) (*record.Decoder, *LogReader, error) {
	kept, err := q.store.Run(ctx, run)
	if err != nil {
		return nil, nil, err
	}
	g, err := q.Graph(ctx, run)
	if err != nil {
		return nil, nil, err
	}
	return record.NewDecoder(g, kept.Info), NewLogReader(q.store, q.unpack, run, 0), nil
}

// Graph returns the shape of a run's graph.
func (q *Queries) Graph(ctx context.Context, run record.RunID) (*dag.Graph, error) {
	shape, err := q.store.Attachment(ctx, run, AttachShape)
	if err != nil {
		return nil, err
	}
	g, err := dag.DecodeShape(shape)
	if err != nil {
		return nil, fmt.Errorf("%w: shape of run %s: %w", ErrCorrupt, run, err)
	}
	return g, nil
}

// End returns how a run ended and what it returned; ErrNotFound where no end was recorded.
func (q *Queries) End(ctx context.Context, run record.RunID) (record.RunEnd, error) {
	var end record.RunEnd
	data, err := q.store.Attachment(ctx, run, AttachEnd)
	if err != nil {
		return end, err
	}
	if err := json.Unmarshal(data, &end); err != nil {
		return end, fmt.Errorf("%w: end of run %s: %w", ErrCorrupt, run, err)
	}
	return end, nil
}

// Detail returns what is known of an attempt in addition to its step; ErrNotFound where nothing is.
func (q *Queries) Detail(ctx context.Context, run record.RunID, key DetailKey) (record.Detail, error) {
	rows, err := q.store.Details(ctx, run, key, 1)
	if err != nil {
		return record.Detail{}, err
	}
	if len(rows) == 0 || rows[0].DetailKey != key {
		return record.Detail{}, fmt.Errorf("%w: detail of node %d, epoch %d, attempt %d of run %s", ErrNotFound, key.Node, key.Epoch, key.Attempt, run)
	}
	return rows[0].Unpack()
}

// detailsInPage is how many details EachDetail reads at a time.
const detailsInPage = 512

// EachDetail calls f for all details of a run in the order of node, epoch and attempt, and of revisions before that.
func (q *Queries) EachDetail(ctx context.Context, run record.RunID, each func(*record.Detail) error) error {
	from := DetailKey{}
	for {
		rows, err := q.store.Details(ctx, run, from, detailsInPage+1)
		if err != nil {
			return err
		}
		for i := range rows[:min(detailsInPage, len(rows))] {
			d, err := rows[i].Unpack()
			if err != nil {
				return err
			}
			if err := each(&d); err != nil {
				return err
			}
		}
		if len(rows) <= detailsInPage {
			return nil
		}
		from = rows[detailsInPage].DetailKey
	}
}

// Workers returns the worker records of a run.
func (q *Queries) Workers(ctx context.Context, run record.RunID) ([]record.WorkerRecord, error) {
	rows, err := q.store.Workers(ctx, run)
	if err != nil {
		return nil, err
	}
	out := make([]record.WorkerRecord, len(rows))
	for i := range rows {
		if out[i], err = rows[i].Unpack(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
