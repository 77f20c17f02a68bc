package redis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// asideFor is how long copies of damaged data stay: memory is expensive.
const asideFor = 30 * 24 * time.Hour

// Repair implements metricsstore.Repairer: from each run that Check finds damaged, what cannot be read is removed in
// one transaction. A copy of all that was kept of the run stays for asideFor. Runs that are recorded at the same time
// are repaired as well.
func (s *Store) Repair(ctx context.Context) (out metricsstore.Repaired, err error) {
	if err := s.begin(ctx); err != nil {
		return out, err
	}
	defer s.calls.End()
	kept, err := s.scan(ctx)
	if err != nil {
		return out, err
	}
	var again []record.RunID
	for _, run := range slices.Sorted(maps.Keys(kept)) {
		found := s.checkKept(ctx, run, kept[run])
		if ctx.Err() != nil {
			return out, found
		}
		if found == nil {
			continue
		}
		out.Damage = append(out.Damage, fmt.Sprintf("run %s: %s", run, found))
		done, err := s.repairRun(ctx, run, kept[run])
		if err != nil {
			return out, fmt.Errorf("run %s: %w", run, err)
		}
		s.changes.Notify(run)
		out.Aside = append(out.Aside, done.aside)
		out.Lost = append(out.Lost, done.lost...)
		if done.isUnsummed {
			again = append(again, run)
		}
	}
	if err := s.checkIndex(ctx); err != nil {
		out.Damage = append(out.Damage, err.Error())
	}
	if err := errors.Join(s.listAll(ctx), s.forgetAll(ctx)); err != nil {
		return out, err
	}
	return out, s.sumUp(ctx, again, &out)
}

// sumUp archives runs anew whose roll-ups are lost.
func (s *Store) sumUp(ctx context.Context, runs []record.RunID, out *metricsstore.Repaired) error {
	a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s})
	if err != nil {
		return err
	}
	for _, run := range runs {
		if _, err := a.Rebuild(ctx, run); err != nil {
			out.Lost = append(out.Lost, fmt.Sprintf("run %s cannot be summed up anew: %s", run, err))
			continue
		}
		if err := s.forgetFault(ctx, run, metricsstore.RollupsPart); err != nil {
			return err
		}
	}
	return nil
}

// forgetFault records that a part of a run is complete again.
func (u *upkeep) forgetFault(ctx context.Context, run record.RunID, part metricsstore.Part) error {
	values, err := u.fields(ctx, run, faultsField, versionField)
	if err != nil || values == nil {
		return err
	}
	var faults []metricsstore.Fault
	if err := unmarshal(values[0], &faults); err != nil {
		return fmt.Errorf("%w: run %s: %w", metricsstore.ErrCorrupt, run, err)
	}
	text, err := encodeFaults(slices.DeleteFunc(faults, func(f metricsstore.Fault) bool { return f.Part == part }))
	if err != nil {
		return err
	}
	_, err = ask(ctx, u.server, func(ctx context.Context) (int64, error) {
		return u.cfg.Client.HSet(ctx, u.key(run, runPart), faultsField, text).Result()
	})
	return err
}

// checkKept checks a run, or the remains of one that does not exist.
func (u *upkeep) checkKept(ctx context.Context, run record.RunID, parts []string) error {
	if slices.Contains(parts, runPart) {
		return u.checkRun(ctx, run)
	}
	return u.checkRest(ctx, run, parts)
}

// repaired is what was done about a run.
type repaired struct {
	aside      string
	lost       []string
	isUnsummed bool // its roll-ups have to be made anew
}

// repairRun removes from a run what cannot be read, once no other call changes it in between.
func (u *upkeep) repairRun(ctx context.Context, run record.RunID, parts []string) (out repaired, err error) {
	parts = slices.DeleteFunc(slices.Clone(parts), isTemporary)
	if out.aside, err = u.setAside(ctx, run, parts); err != nil {
		return out, err
	}
	if !slices.Contains(parts, runPart) {
		_, err := ask(ctx, u.server, func(ctx context.Context) (int64, error) {
			return u.cfg.Client.Unlink(ctx, u.keys(run, parts...)...).Result()
		})
		out.lost = []string{fmt.Sprintf("run %s: its header and counts were missing", run)}
		return out, err
	}
	if _, err := u.totals(ctx, run); err != nil && !errors.Is(err, metricsstore.ErrNotFound) { // the rows are moved to where they belong
		return out, err
	}
	for {
		var m *mending
		_, err := ask(ctx, u.server, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, u.cfg.Client.Watch(ctx, func(tx *goredis.Tx) error {
				m = newMending(u.records, tx, run)
				return m.mend(ctx)
			}, u.keys(run, runPart, headsPart, blocksPart, detailsPart, workersPart, rollupsPart, namesPart)...)
		})
		if errors.Is(err, goredis.TxFailedErr) {
			continue // another call has changed it
		}
		if err == nil {
			out.lost, out.isUnsummed = m.lost, m.isUnsummed
		}
		return out, err
	}
}

// setAside copies keys of a run and returns what the names of the copies begin with.
func (u *upkeep) setAside(ctx context.Context, run record.RunID, parts []string) (string, error) {
	moment := time.Now().UTC().Format("20060102T150405Z") + "-" + rand.Text()[:4]
	_, err := ask(ctx, u.server, func(ctx context.Context) ([]goredis.Cmder, error) {
		return u.tx(ctx, func(p goredis.Pipeliner) error {
			for _, part := range parts {
				aside := u.key(run, asidePart, moment, part)
				p.Copy(ctx, u.key(run, part), aside, 0, true)
				p.PExpire(ctx, aside, asideFor)
			}
			return nil
		})
	})
	return u.key(run, asidePart, moment), err
}

// note records what was lost of a part, n of which cannot be read.
func (m *mending) note(part metricsstore.Part, n int, err error) {
	if n == 0 && err == nil {
		return
	}
	if err == nil {
		err = errors.New("not listed")
	}
	f := metricsstore.NewFault(part, err)
	if n > 0 {
		f.Text = fmt.Sprintf("%d cannot be read: %s", n, f.Text)
	}
	m.lost = append(m.lost, fmt.Sprintf("run %s: %s: %s", m.run, f.Part, f.Text))
	if !slices.Contains(m.faults, f) {
		m.faults = append(m.faults, f)
	}
}

// encodeFaults encodes faults as they are kept with a run.
func encodeFaults(faults []metricsstore.Fault) (string, error) {
	data, err := json.Marshal(faults)
	return string(data), err
}
