package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// entriesPerRead is how many entries of the index are read at a time, together with what they list.
const entriesPerRead = 256

// Runs implements metricsstore.Store.
func (s *Store) Runs(ctx context.Context, after metricsstore.Position, limit int) ([]metricsstore.Run, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.End()
	var out []metricsstore.Run
	bound := "-"
	if after != (metricsstore.Position{}) {
		bound = "(" + string(after.Append(nil))
	}
	for {
		n := entriesPerRead
		if limit > 0 {
			n = min(n, limit-len(out))
		}
		entries, err := s.entries(ctx, runsIndex, bound, "+", n)
		if err != nil {
			return nil, err
		}
		if out, err = s.runsAt(ctx, out, entries); err != nil {
			return nil, err
		}
		if len(entries) < n || len(out) == limit {
			return out, nil
		}
		bound = "(" + entries[len(entries)-1]
	}
}

// runsAt appends the existing runs at the positions. It skips positions that cannot be read.
func (k *records) runsAt(ctx context.Context, out []metricsstore.Run, positions []string) ([]metricsstore.Run, error) {
	var ids []record.RunID
	var parsed []metricsstore.Position
	for _, text := range positions {
		if p, err := metricsstore.ParsePosition([]byte(text)); err == nil {
			ids, parsed = append(ids, p.Run), append(parsed, p)
		}
	}
	found, err := k.manyFields(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i, values := range found {
		if values == nil {
			continue // not put yet, or deleted
		}
		v := parseView(parsed[i], values)
		if v.parcel != "" {
			v.Run, err = k.view(ctx, ids[i])
			if errors.Is(err, metricsstore.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		if v.Position() == parsed[i] {
			out = append(out, v.Run)
		}
	}
	return out, nil
}

// manyFields reads viewFields of several runs, nil for those that do not exist.
func (k *records) manyFields(ctx context.Context, ids []record.RunID) ([][]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return ask(ctx, k.server, func(ctx context.Context) ([][]string, error) {
		cmds := make([]*goredis.SliceCmd, len(ids))
		_, err := k.cfg.Client.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for i, id := range ids {
				cmds[i] = p.HMGet(ctx, k.key(id, runPart), viewFields...)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		out := make([][]string, len(ids))
		for i, cmd := range cmds {
			if out[i], err = fieldsOf(cmd); err != nil {
				return nil, err
			}
		}
		return out, nil
	})
}

// Rollups implements metricsstore.Store. It reads little more of the index than what the query selects.
func (s *Store) Rollups(ctx context.Context, q metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.End()
	switch {
	case q.Run != "":
		return s.rollupsOf(ctx, &q)
	case q.Merge != metricsstore.MergeNothing:
		return s.mergedRollups(ctx, &q)
	}
	var out []metricsstore.Rollup
	from, to := rollupBounds(&q)
	for {
		entries, err := s.entries(ctx, rollupsIndex, from, to, entriesPerRead)
		if err != nil {
			return nil, err
		}
		page := selectKeys(&q, entries, q.Limit-len(out))
		if out, err = s.rollupsAt(ctx, out, page.keys); err != nil {
			return nil, err
		}
		if page.next == "" || q.Limit > 0 && len(out) == q.Limit {
			return out, nil
		}
		from = page.next
	}
}

// rollupsOf lists the roll-ups of one run.
func (k *records) rollupsOf(ctx context.Context, q *metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	keys, err := k.keysOf(ctx, q, []record.RunID{q.Run})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(keys, metricsstore.RollupKey.Compare)
	if q.Limit > 0 {
		keys = keys[:min(q.Limit, len(keys))]
	}
	return k.rollupsAt(ctx, nil, keys)
}

// keysOf lists the keys of the roll-ups of some runs that a query selects.
func (k *records) keysOf(ctx context.Context, q *metricsstore.RollupQuery, runs []record.RunID) (keys []metricsstore.RollupKey, err error) {
	lists, err := ask(ctx, k.server, func(ctx context.Context) ([]*goredis.StringSliceCmd, error) {
		lists := make([]*goredis.StringSliceCmd, len(runs))
		_, err := k.cfg.Client.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for i, run := range runs {
				lists[i] = p.HKeys(ctx, k.key(run, rollupsPart))
			}
			return nil
		})
		return lists, err
	})
	for i, list := range lists {
		for _, entry := range list.Val() {
			key, err := metricsstore.ParseRollupKey([]byte(entry))
			if err != nil {
				return nil, fmt.Errorf("roll-ups of run %s: %w", runs[i], err)
			}
			if q.Match(key) && (q.After == nil || key.Compare(*q.After) > 0) {
				keys = append(keys, key)
			}
		}
	}
	return keys, err
}

// rollupPage is what a query selects of some entries of the index.
type rollupPage struct {
	keys []metricsstore.RollupKey
	next string // the bound of the following entries, empty for none
}

// selectKeys finds up to limit of the keys that a query selects, all for a limit that is not positive.
func selectKeys(q *metricsstore.RollupQuery, entries []string, limit int) rollupPage {
	var page rollupPage
	var passed *metricsstore.RollupKey // the last one, where it was not selected
	for _, entry := range entries {
		if q.Limit > 0 && len(page.keys) == limit {
			return page
		}
		page.next = "(" + entry
		key, err := metricsstore.ParseRollupKey([]byte(entry))
		if err != nil {
			continue // Check names it, and Compact removes it
		}
		passed = &key
		if q.Match(key) {
			page.keys, passed = append(page.keys, key), nil
		}
	}
	switch {
	case len(entries) < entriesPerRead:
		page.next = ""
	case passed != nil:
		page.next = "[" + string(ahead(q, passed))
	}
	return page
}

// rollupBounds are the bounds of the entries that a query may select.
func rollupBounds(q *metricsstore.RollupQuery) (from, to string) {
	from, to = "-", "+"
	prefix := q.Prefix()
	if len(prefix) > 0 {
		from, to = "["+string(prefix), "("+string(after(prefix))
	}
	if q.After != nil {
		if after := q.After.Append(nil); bytes.Compare(after, prefix) >= 0 {
			from = "(" + string(after)
		}
	}
	return from, to
}

// after is the first key after those that begin with a text that the prefix ends with. A text ends with a 1.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	end[len(end)-1]++
	return end
}

// ahead is a bound that follows a key that is not selected and precedes the next one that is.
func ahead(q *metricsstore.RollupQuery, passed *metricsstore.RollupKey) []byte {
	next := metricsstore.RollupKey{Function: passed.Function, Version: passed.Version, Metric: passed.Metric, Day: math.MinInt32}
	if q.Metric != "" {
		next.Metric = q.Metric
	}
	if q.From != q.To {
		next.Day = q.From
	}
	bound := next.Append(nil)
	switch {
	case bytes.Compare(bound, passed.Append(nil)) > 0:
		return bound
	case q.Metric == "": // the days asked for have passed
		return after(bound[:len(bound)-dayLen])
	case passed.Version == math.MaxInt:
		return after((&metricsstore.RollupQuery{Function: passed.Function}).Prefix())
	}
	next.Version++
	return next.Append(nil)
}

// dayLen is how many bytes of a key follow the metric where no run is named.
const dayLen = 4

// rollupsAt appends the existing ones of some roll-ups.
func (k *records) rollupsAt(ctx context.Context, out []metricsstore.Rollup, keys []metricsstore.RollupKey) ([]metricsstore.Rollup, error) {
	if len(keys) == 0 {
		return out, nil
	}
	found, err := ask(ctx, k.server, func(ctx context.Context) ([]any, error) {
		cmds := make([]*goredis.SliceCmd, len(keys))
		_, err := k.cfg.Client.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for i, key := range keys {
				cmds[i] = p.HMGet(ctx, k.key(key.Run, rollupsPart), string(key.Append(nil)))
			}
			return nil
		})
		values := make([]any, len(keys))
		for i, cmd := range cmds {
			if err == nil {
				values[i] = cmd.Val()[0]
			}
		}
		return values, err
	})
	for i, value := range found {
		if data, ok := value.(string); ok && err == nil {
			out = append(out, metricsstore.Rollup{RollupKey: keys[i], Data: []byte(data)})
		}
	}
	return out, err
}
