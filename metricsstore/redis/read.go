package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// Bounds of what one command or script reads.
const (
	blocksPerRead  = 128
	bytesPerRead   = 1 << 20
	detailsPerRead = 512
)

// Run implements metricsstore.Store.
func (s *Store) Run(ctx context.Context, run record.RunID) (metricsstore.Run, error) {
	if err := s.begin(ctx); err != nil {
		return metricsstore.Run{}, err
	}
	defer s.calls.End()
	return s.view(ctx, run)
}

func (k *records) view(ctx context.Context, run record.RunID) (metricsstore.Run, error) {
	for {
		values, err := k.fields(ctx, run, viewFields...)
		if err != nil {
			return metricsstore.Run{}, err
		}
		if values == nil {
			return metricsstore.Run{}, backend.NotFound(run)
		}
		v := parseView(metricsstore.Position{Run: run}, values)
		if v.parcel == "" && v.Lacks(metricsstore.HeaderPart) {
			at, err := k.listed(ctx, run)
			if err != nil || len(at) == 0 {
				return v.Run, err
			}
			p, err := metricsstore.ParsePosition([]byte(at[0]))
			return parseView(p, values).Run, err
		}
		if v.parcel == "" {
			return v.Run, nil
		}
		if err := k.drain(ctx, run, v.parcel); err != nil {
			return metricsstore.Run{}, err
		}
	}
}

// Attachment implements metricsstore.Store.
func (s *Store) Attachment(ctx context.Context, run record.RunID, name string) ([]byte, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.End()
	type answer struct {
		there int64
		data  *goredis.StringCmd
	}
	got, err := ask(ctx, s.server, func(ctx context.Context) (a answer, err error) {
		var there *goredis.IntCmd
		_, err = s.tx(ctx, func(p goredis.Pipeliner) error {
			there, a.data = p.Exists(ctx, s.key(run, runPart)), p.Get(ctx, s.key(run, attachmentPart, name))
			return nil
		})
		a.there = there.Val()
		if errors.Is(err, goredis.Nil) {
			err = nil
		}
		return a, err
	})
	switch {
	case err != nil:
		return nil, err
	case got.there == 0:
		return nil, backend.NotFound(run)
	case got.data.Err() != nil:
		return nil, fmt.Errorf("%w: %s of run %s", metricsstore.ErrNotFound, name, run)
	}
	return []byte(got.data.Val()), nil
}

// Log implements metricsstore.Store.
func (s *Store) Log(ctx context.Context, run record.RunID, after uint64, limit int) ([]metricsstore.Block, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.End()
	for {
		out, err := s.log(ctx, run, after, limit)
		if !errors.Is(err, errAgain) {
			return out, err
		}
	}
}

// log reads page by page. The error is errAgain where the blocks were replaced in between by others that overlap
// them.
func (k *records) log(ctx context.Context, run record.RunID, after uint64, limit int) (out []metricsstore.Block, err error) {
	keys := k.keys(run, runPart, headsPart, blocksPart)
	for {
		n := blocksPerRead
		if limit > 0 {
			n = min(n, limit-len(out))
		}
		got, err := k.eval(ctx, logScript, keys, packSeq(after), n, bytesPerRead)
		if err != nil {
			return nil, err
		}
		switch got.word {
		case "none":
			return nil, backend.NotFound(run)
		case "damaged":
			return nil, fmt.Errorf("%w: run %s: block % x is listed and missing", metricsstore.ErrCorrupt, run, got.text(0))
		}
		for i := 0; i+1 < len(got.rest); i += 2 {
			b, err := parseBlock(got.text(i), got.text(i+1))
			if err != nil {
				return nil, fmt.Errorf("run %s: %w", run, err)
			}
			if len(out) > 0 && b.First <= after {
				return nil, errAgain
			}
			out, after = append(out, b), b.Last
		}
		if got.word == "end" || len(out) == limit || after == math.MaxUint64 {
			return out, nil
		}
	}
}

// Details implements metricsstore.Store.
func (s *Store) Details(ctx context.Context, run record.RunID, from metricsstore.DetailKey, limit int) ([]metricsstore.DetailRow, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.End()
	var out []metricsstore.DetailRow
	incarnation := ""
	for bound := "[" + string(from.Append(nil)); ; {
		n := detailsPerRead
		if limit > 0 {
			n = min(n, limit-len(out))
		}
		was, page, err := readRows(ctx, s.records, run, func(ctx context.Context, p goredis.Pipeliner) *goredis.StringSliceCmd {
			return p.ZRangeByLex(ctx, s.key(run, detailsPart), &goredis.ZRangeBy{Min: bound, Max: "+", Count: int64(n)})
		})
		if err != nil {
			return nil, err
		}
		if incarnation != "" && was != incarnation {
			return nil, backend.NotFound(run) // the run that this call began to read was deleted
		}
		incarnation = was
		for _, row := range page.Val() {
			detail, err := parseDetail(row)
			if err != nil {
				return nil, fmt.Errorf("run %s: %w", run, err)
			}
			out = append(out, detail)
			bound = "(" + row
		}
		if len(page.Val()) < n || len(out) == limit {
			return out, nil
		}
	}
}

// Workers implements metricsstore.Store.
func (s *Store) Workers(ctx context.Context, run record.RunID) ([]metricsstore.WorkerRow, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.End()
	_, kept, err := readRows(ctx, s.records, run, func(ctx context.Context, p goredis.Pipeliner) *goredis.MapStringStringCmd {
		return p.HGetAll(ctx, s.key(run, workersPart))
	})
	if err != nil {
		return nil, err
	}
	out := make([]metricsstore.WorkerRow, 0, len(kept.Val()))
	for _, key := range slices.Sorted(maps.Keys(kept.Val())) {
		row, err := parseWorker(key, kept.Val()[key])
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", run, err)
		}
		out = append(out, row)
	}
	return out, nil
}

// readRows runs a command that reads rows of a run, once all that are kept are where they belong. It also returns the
// incarnation of the run.
func readRows[C goredis.Cmder](
	ctx context.Context, k *records, run record.RunID, command func(context.Context, goredis.Pipeliner) C,
) (incarnation string, rows C, err error) {
	type answer struct {
		fields []string
		rows   C
	}
	for {
		got, err := ask(ctx, k.server, func(ctx context.Context) (a answer, err error) {
			var fields *goredis.SliceCmd
			_, err = k.tx(ctx, func(p goredis.Pipeliner) error {
				fields = p.HMGet(ctx, k.key(run, runPart), incarnationField, parcelField)
				a.rows = command(ctx, p)
				return nil
			})
			if err == nil {
				a.fields, err = fieldsOf(fields)
			}
			return a, err
		})
		if err != nil {
			return "", rows, err
		}
		if got.fields == nil {
			return "", rows, backend.NotFound(run)
		}
		if got.fields[1] == "" {
			return got.fields[0], got.rows, nil
		}
		if err := k.drain(ctx, run, got.fields[1]); err != nil {
			return "", rows, err
		}
	}
}
