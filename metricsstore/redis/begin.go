package redis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// Begin implements metricsstore.Store.
func (s *Store) Begin(ctx context.Context, h metricsstore.Header, shape []byte) error {
	if err := h.ValidateBegin(); err != nil {
		return err
	}
	if len(shape) > backend.MaxValue {
		return backend.TooLarge("the shape of the graph", len(shape))
	}
	annotation, err := json.Marshal(metricsstore.Annotation{Tags: h.Info.Tags})
	if err != nil {
		return fmt.Errorf("redis: tags of run %s: %w", h.Info.ID, err)
	}
	text := string(shape)
	return s.change(ctx, h.Info.ID, func() (bool, error) { return s.beginRun(ctx, h, string(annotation), text) })
}

func (s *Store) beginRun(ctx context.Context, given metricsstore.Header, annotation, shape string) (changed bool, err error) {
	run, version := given.Info.ID, rand.Text()
	for {
		kept, err := s.state(ctx, run)
		if err != nil {
			return false, err
		}
		h := given
		if kept.version != "" {
			if replace, err := h.CheckBegin(&kept.header); err != nil {
				return false, err
			} else if !replace {
				_, err := s.announce(ctx, &h, false, nil) // in case the index has lost it
				return false, err
			}
		}
		got, err := s.putRun(ctx, &h, kept.version, version, annotation, shape)
		if err != nil {
			return false, err
		}
		switch got.word {
		case "kept":
			return true, nil
		case "changed", "fenced", "lost":
		default:
			return false, got.unexpected()
		}
	}
}

// putRun announces a run and puts it in place, unless it has changed since that was decided.
func (k *records) putRun(ctx context.Context, h *metricsstore.Header, was, version, annotation, shape string) (reply, error) {
	header, err := json.Marshal(h)
	if err != nil {
		return reply{}, fmt.Errorf("redis: header of run %s: %w", h.Info.ID, err)
	}
	run := h.Info.ID
	staged := k.key(run, stagedPart, rand.Text())
	if err := k.stageText(ctx, staged, shape); err != nil {
		return reply{}, err
	}
	announced, err := k.announce(ctx, h, false, nil)
	if err != nil {
		return reply{}, err
	}
	keys := append(k.keys(run, runPart, fencePart, namesPart), staged, k.key(run, attachmentPart, metricsstore.AttachShape))
	return k.eval(ctx, beginScript, keys, texts(
		was, version, announced.ticket, string(header), annotation, metricsstore.AttachShape, k.index(newsIndex), k.message(run),
	)...)
}

// amend changes fields of a run, and decides again where the run has changed in between. Where change returns
// nothing, nothing is set. Other processes are notified on the channel, unless that is empty.
func (k *records) amend(ctx context.Context, run record.RunID, channel string, change func(*state) (fields []string, err error)) error {
	for version := rand.Text(); ; {
		kept, err := k.state(ctx, run)
		if err != nil {
			return err
		}
		if kept.version == "" {
			return backend.NotFound(run)
		}
		fields, err := change(&kept)
		if err != nil || len(fields) == 0 {
			return err
		}
		got, err := k.eval(ctx, amendScript, k.keys(run, runPart), texts(append([]string{kept.version, version, channel, k.message(run)}, fields...)...)...)
		if err != nil {
			return err
		}
		switch got.word {
		case "kept":
			return nil
		case "changed":
		default:
			return got.unexpected()
		}
	}
}

// Annotate implements metricsstore.Store.
func (s *Store) Annotate(ctx context.Context, run record.RunID, a metricsstore.Annotation) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("redis: annotation of run %s: %w", run, err)
	}
	return s.change(ctx, run, func() (bool, error) {
		err := s.amend(ctx, run, s.index(newsIndex), func(*state) ([]string, error) { return []string{annotationField, string(data)}, nil })
		return err == nil, err
	})
}

// Acquire implements metricsstore.Store.
func (s *Store) Acquire(ctx context.Context, run record.RunID, l metricsstore.Lease, now time.Time) error {
	if err := l.Validate(); err != nil {
		return err
	}
	data, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("%w: lease of run %s: %w", metricsstore.ErrInvalid, run, err)
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.calls.End()
	return s.amend(ctx, run, "", func(kept *state) ([]string, error) {
		if !l.Grant(kept.lease, now) {
			return nil, fmt.Errorf("%w: %q has that of run %s", metricsstore.ErrLease, kept.lease.Owner, run)
		}
		return []string{leaseField, string(data)}, nil
	})
}

// Release implements metricsstore.Store.
func (s *Store) Release(ctx context.Context, run record.RunID, owner string) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.calls.End()
	return s.amend(ctx, run, "", func(kept *state) ([]string, error) {
		if kept.lease.Owner != owner {
			return nil, nil
		}
		return []string{leaseField, ""}, nil
	})
}
