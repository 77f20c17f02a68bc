package web

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

const (
	// storePatience is how long one call of a store over a network may take. Such stores retry until their context ends;
	// without a bound, a page would load for as long as the store is down.
	storePatience = 5 * time.Second
	// silentPatience is the bound while the store is known to be down, so that requests fail fast.
	silentPatience = 250 * time.Millisecond
)

// patientStore bounds each call that reads a store, and remembers whether the store answers. A call that is not answered
// in time fails with metricsstore.ErrUnavailable. Safe for concurrent use.
type patientStore struct {
	metricsstore.Store
	silent atomic.Int64 // when the first call that was not answered began, in Unix ns; 0 while the store answers
}

// Silent returns since when the store has not answered; silent is false while it does.
func (s *patientStore) Silent() (since time.Time, silent bool) {
	ns := s.silent.Load()
	return time.Unix(0, ns), ns != 0
}

// patiently makes a call within the bound and records whether the store answered.
func patiently[T any](ctx context.Context, s *patientStore, call func(context.Context) (T, error)) (T, error) {
	patience := storePatience
	if s.silent.Load() != 0 {
		patience = silentPatience
	}
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := call(bounded)
	switch {
	case ctx.Err() != nil: // the caller gave up, which says nothing about the store
	case err != nil && bounded.Err() != nil:
		s.silent.CompareAndSwap(0, began.UnixNano())
		return out, fmt.Errorf("%w within %v: %v", metricsstore.ErrUnavailable, patience, err)
	default:
		s.silent.Store(0)
	}
	return out, err
}

// Run implements metricsstore.Store.
func (s *patientStore) Run(ctx context.Context, run record.RunID) (metricsstore.Run, error) {
	return patiently(ctx, s, func(ctx context.Context) (metricsstore.Run, error) { return s.Store.Run(ctx, run) })
}

// Runs implements metricsstore.Store.
func (s *patientStore) Runs(ctx context.Context, after metricsstore.Position, limit int) ([]metricsstore.Run, error) {
	return patiently(ctx, s, func(ctx context.Context) ([]metricsstore.Run, error) { return s.Store.Runs(ctx, after, limit) })
}

// Attachment implements metricsstore.Store.
func (s *patientStore) Attachment(ctx context.Context, run record.RunID, name string) ([]byte, error) {
	return patiently(ctx, s, func(ctx context.Context) ([]byte, error) { return s.Store.Attachment(ctx, run, name) })
}

// Log implements metricsstore.Store.
func (s *patientStore) Log(ctx context.Context, run record.RunID, after uint64, limit int) ([]metricsstore.Block, error) {
	return patiently(ctx, s, func(ctx context.Context) ([]metricsstore.Block, error) { return s.Store.Log(ctx, run, after, limit) })
}

// Details implements metricsstore.Store.
func (s *patientStore) Details(ctx context.Context, run record.RunID, from metricsstore.DetailKey, limit int) ([]metricsstore.DetailRow, error) {
	return patiently(ctx, s, func(ctx context.Context) ([]metricsstore.DetailRow, error) {
		return s.Store.Details(ctx, run, from, limit)
	})
}

// Workers implements metricsstore.Store.
func (s *patientStore) Workers(ctx context.Context, run record.RunID) ([]metricsstore.WorkerRow, error) {
	return patiently(ctx, s, func(ctx context.Context) ([]metricsstore.WorkerRow, error) { return s.Store.Workers(ctx, run) })
}

// Rollups implements metricsstore.Store.
func (s *patientStore) Rollups(ctx context.Context, q metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	return patiently(ctx, s, func(ctx context.Context) ([]metricsstore.Rollup, error) { return s.Store.Rollups(ctx, q) })
}

// ChangedSince implements metricsstore.Store.
func (s *patientStore) ChangedSince(ctx context.Context, number uint64) (metricsstore.ChangeList, error) {
	return patiently(ctx, s, func(ctx context.Context) (metricsstore.ChangeList, error) { return s.Store.ChangedSince(ctx, number) })
}

// Annotate implements metricsstore.Store.
func (s *patientStore) Annotate(ctx context.Context, run record.RunID, a metricsstore.Annotation) error {
	_, err := patiently(ctx, s, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.Store.Annotate(ctx, run, a) })
	return err
}
