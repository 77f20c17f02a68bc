package redis

import (
	"context"
	"errors"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// Delete implements metricsstore.Store. All keys of the run are removed at once and freed in the background; a run
// has some ten, however large it is.
func (s *Store) Delete(ctx context.Context, run record.RunID) error {
	return s.change(ctx, run, func() (bool, error) { return s.delete(ctx, run) })
}

func (s *Store) delete(ctx context.Context, run record.RunID) (changed bool, err error) {
	for seen := false; ; seen = true {
		kept, positions, err := s.doomed(ctx, run)
		if err != nil {
			return false, err
		}
		if kept.version == "" {
			if seen {
				return true, nil // another process was faster
			}
			return false, backend.NotFound(run)
		}
		if !kept.header.Status.Final() {
			return false, fmt.Errorf("%w: %s is %s", metricsstore.ErrLive, run, kept.header.Status)
		}
		names, rollups, err := s.belongings(ctx, run)
		if err != nil {
			return false, err
		}
		ticket, err := s.doom(ctx, run, positions)
		if err != nil {
			return false, err
		}
		keys := s.keys(run, runPart, fencePart, headsPart, blocksPart, detailsPart, workersPart, rollupsPart, namesPart)
		for _, name := range names {
			keys = append(keys, s.key(run, attachmentPart, name))
		}
		if kept.parcel != "" {
			keys = append(keys, s.key(run, stagedPart, kept.parcel))
		}
		got, err := s.eval(ctx, deleteScript, keys, kept.version, kept.parcel, ticket, s.index(newsIndex), s.message(run))
		if err != nil {
			return false, err
		}
		switch got.word {
		case "gone", "none": // or by a try before, of which nothing was heard
			return true, s.settle(ctx, run, positions, rollups)
		case "changed", "fenced":
		default:
			return false, got.unexpected()
		}
	}
}

// doomed reads the state of a run that is to be deleted, and where it is listed. A run whose state is damaged counts
// as ended, and is searched for in the list.
func (k *records) doomed(ctx context.Context, run record.RunID) (kept state, positions []string, err error) {
	kept, err = k.state(ctx, run)
	if !errors.Is(err, metricsstore.ErrCorrupt) {
		return kept, []string{position(&kept.header)}, err
	}
	values, err := k.fields(ctx, run, versionField, parcelField)
	if err != nil || values == nil {
		return state{}, nil, err
	}
	kept = state{version: values[0], parcel: values[1], header: metricsstore.Header{Status: record.Interrupted}}
	positions, err = k.listed(ctx, run)
	return kept, positions, err
}

// belongings lists attachments and keys of roll-ups of a run.
func (k *records) belongings(ctx context.Context, run record.RunID) (names, rollups []string, err error) {
	type lists struct{ names, rollups []string }
	found, err := ask(ctx, k.server, func(ctx context.Context) (lists, error) {
		var names, rollups *goredis.StringSliceCmd
		_, err := k.tx(ctx, func(p goredis.Pipeliner) error {
			names, rollups = p.SMembers(ctx, k.key(run, namesPart)), p.HKeys(ctx, k.key(run, rollupsPart))
			return nil
		})
		return lists{names.Val(), rollups.Val()}, err
	})
	return found.names, found.rollups, err
}
