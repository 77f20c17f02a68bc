package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// checks is how often the check of a run is tried that changes during it.
const checks = 5

// upkeep checks, compacts and repairs what is kept.
type upkeep struct{ *records }

// checkRun checks all that is kept of a run. A run that is deleted during the check is in order.
func (u *upkeep) checkRun(ctx context.Context, run record.RunID) error {
	var found error
	var before []string
	for range checks {
		totals, err := u.totals(ctx, run)
		if errors.Is(err, metricsstore.ErrNotFound) {
			return u.checkGone(ctx, run)
		}
		if err != nil {
			return err
		}
		if found != nil && slices.Equal(before, totals) {
			return found // nothing has changed during the check
		}
		before = totals
		if found = (&runCheck{store: u.records, run: run}).check(ctx, totals); found == nil {
			return nil
		}
	}
	return found
}

// checkGone distinguishes a run that was deleted, though it may have been begun again, from one without a header.
func (u *upkeep) checkGone(ctx context.Context, run record.RunID) error {
	names, err := ask(ctx, u.server, func(ctx context.Context) ([]string, error) {
		return u.cfg.Client.HKeys(ctx, u.key(run, runPart)).Result()
	})
	if err == nil && len(names) > 0 && !slices.Contains(names, headerField) {
		err = fmt.Errorf("%w: there is no header", metricsstore.ErrCorrupt)
	}
	return err
}

// totals reads what differs after each change, once all rows are where they belong.
func (k *records) totals(ctx context.Context, run record.RunID) ([]string, error) {
	for {
		values, err := k.fields(ctx, run, append(slices.Clone(viewFields), versionField, leaseField)...)
		if err != nil {
			return nil, err
		}
		if values == nil {
			return nil, backend.NotFound(run)
		}
		parcel := values[len(viewFields)-1]
		if parcel == "" {
			return values, nil
		}
		if err := k.drain(ctx, run, parcel); err != nil {
			return nil, err
		}
	}
}

// runCheck checks one run once.
type runCheck struct {
	store *records
	run   record.RunID
	kept  metricsstore.Run
}

// check compares what is kept with the totals.
func (c *runCheck) check(ctx context.Context, totals []string) error {
	v := parseView(metricsstore.Position{Run: c.run}, totals)
	if v.found > 0 {
		return fmt.Errorf("%w: %s", metricsstore.ErrCorrupt, v.Damaged())
	}
	c.kept = v.Run
	if lease := totals[len(totals)-1]; lease != "" {
		if err := unmarshal(lease, new(metricsstore.Lease)); err != nil {
			return fmt.Errorf("%w: lease: %w", metricsstore.ErrCorrupt, err)
		}
	}
	if err := c.listed(ctx, runsIndex, []string{position(&c.kept.Header)}); err != nil {
		return err
	}
	log, err := c.log(ctx, totals[2])
	if err != nil {
		return err
	}
	details, rest, err := c.details(ctx)
	if err != nil {
		return err
	}
	for _, part := range []func(context.Context) (int, error){c.workers, c.attachments} {
		n, err := part(ctx)
		if err != nil {
			return err
		}
		rest += n
	}
	digests, err := c.rollups(ctx)
	if err != nil {
		return err
	}
	found := []string{
		strconv.FormatUint(log.steps, 10), strconv.Itoa(details), strconv.Itoa(log.bytes), strconv.Itoa(digests), strconv.Itoa(rest),
	}
	if !slices.Equal(found, totals[3:8]) {
		return fmt.Errorf("%w: steps, details, and bytes of log, roll-ups and the rest are said to be %s, found are %s",
			metricsstore.ErrCorrupt, totals[3:8], found)
	}
	return nil
}

// listed: the index has the entries.
func (c *runCheck) listed(ctx context.Context, part string, entries []string) error {
	scores, err := ask(ctx, c.store.server, func(ctx context.Context) ([]any, error) {
		return c.store.cfg.Client.Do(ctx, texts(append([]string{"ZMSCORE", c.store.index(part)}, entries...)...)...).Slice()
	})
	if err != nil {
		return err
	}
	for i, score := range scores {
		if score == nil {
			return fmt.Errorf("%w: %q is kept and not listed", metricsstore.ErrCorrupt, entries[i])
		}
	}
	return nil
}

// log checks the blocks.
func (c *runCheck) log(ctx context.Context, lastKept string) (logTotals, error) {
	s := c.store
	var t logTotals
	last := uint64(0)
	err := c.eachPage(ctx, headsPart, blocksPerRead, func(heads []string) error {
		values, err := c.blocks(ctx, heads)
		if err != nil {
			return err
		}
		for i, head := range heads {
			value, _ := values[i].(string)
			b, err := parseBlock(head, value)
			if err != nil {
				return err
			}
			if b.First <= last {
				return fmt.Errorf("%w: blocks overlap at step %d", metricsstore.ErrCorrupt, b.First)
			}
			last = b.Last
			t.add(b.First, b.Last, len(b.Data))
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	n, err := ask(ctx, s.server, func(ctx context.Context) (int64, error) {
		return s.cfg.Client.HLen(ctx, s.key(c.run, blocksPart)).Result()
	})
	switch {
	case err != nil:
	case n != int64(t.blocks):
		err = fmt.Errorf("%w: %d blocks are kept, %d are listed", metricsstore.ErrCorrupt, n, t.blocks)
	case t.blocks > 0 && lastKept != packSeq(last):
		err = fmt.Errorf("%w: the last step is said to be %x, found is %x", metricsstore.ErrCorrupt, lastKept, packSeq(last))
	}
	return t, err
}

// blocks reads the values of blocks, nil for one that does not exist.
func (c *runCheck) blocks(ctx context.Context, heads []string) ([]any, error) {
	fields := make([]string, len(heads))
	for i, head := range heads {
		fields[i] = head[:min(8, len(head))]
	}
	return ask(ctx, c.store.server, func(ctx context.Context) ([]any, error) {
		return c.store.cfg.Client.HMGet(ctx, c.store.key(c.run, blocksPart), fields...).Result()
	})
}

// details checks the details and counts them and their bytes.
func (c *runCheck) details(ctx context.Context) (count, bytes int, err error) {
	last := ""
	err = c.eachPage(ctx, detailsPart, detailsPerRead, func(rows []string) error {
		for _, row := range rows {
			d, err := parseDetail(row)
			if err != nil {
				return err
			}
			key := string(d.Append(nil))
			if key == last {
				return fmt.Errorf("%w: two details of %+v", metricsstore.ErrCorrupt, d.DetailKey)
			}
			last = key
			count++
			bytes += len(d.Data)
		}
		return nil
	})
	return count, bytes, err
}

// eachPage calls f for the members of a sorted set of the run, up to n at a time.
func (c *runCheck) eachPage(ctx context.Context, part string, n int64, f func([]string) error) error {
	s := c.store
	for from := "-"; ; {
		page, err := ask(ctx, s.server, func(ctx context.Context) ([]string, error) {
			return s.cfg.Client.ZRangeByLex(ctx, s.key(c.run, part), &goredis.ZRangeBy{Min: from, Max: "+", Count: n}).Result()
		})
		if err != nil || len(page) == 0 {
			return err
		}
		if err := f(page); err != nil {
			return err
		}
		from = "(" + page[len(page)-1]
	}
}

// workers checks the worker rows and counts their bytes.
func (c *runCheck) workers(ctx context.Context) (bytes int, err error) {
	s := c.store
	rows, err := ask(ctx, s.server, func(ctx context.Context) (map[string]string, error) {
		return s.cfg.Client.HGetAll(ctx, s.key(c.run, workersPart)).Result()
	})
	for key, value := range rows {
		row, bad := parseWorker(key, value)
		err = errors.Join(err, bad)
		bytes += len(row.Data)
	}
	return bytes, err
}

// attachments counts the bytes of attachments.
func (c *runCheck) attachments(ctx context.Context) (bytes int, err error) {
	s := c.store
	names, err := ask(ctx, s.server, func(ctx context.Context) ([]string, error) {
		return s.cfg.Client.SMembers(ctx, s.key(c.run, namesPart)).Result()
	})
	for _, name := range names {
		n, bad := ask(ctx, s.server, func(ctx context.Context) (int64, error) {
			return s.cfg.Client.StrLen(ctx, s.key(c.run, attachmentPart, name)).Result()
		})
		err = errors.Join(err, bad)
		bytes += int(n)
	}
	return bytes, err
}

// rollups checks the roll-ups and counts their bytes.
func (c *runCheck) rollups(ctx context.Context) (bytes int, err error) {
	s := c.store
	rows, err := ask(ctx, s.server, func(ctx context.Context) (map[string]string, error) {
		return s.cfg.Client.HGetAll(ctx, s.key(c.run, rollupsPart)).Result()
	})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	var entries []string
	day := metricsstore.DayOf(c.kept.Info.StartedAt)
	for entry, data := range rows {
		key, err := metricsstore.ParseRollupKey([]byte(entry))
		if err != nil {
			return 0, err
		}
		if key.Run != c.run || key.Day != day {
			return 0, fmt.Errorf("%w: the roll-up %+v is kept under another run or day", metricsstore.ErrCorrupt, key)
		}
		entries = append(entries, entry)
		bytes += len(data)
	}
	return bytes, c.listed(ctx, rollupsIndex, entries)
}
