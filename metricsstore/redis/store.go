package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// Store keeps runs in Redis. Safe for concurrent use by any number of goroutines and processes.
//
// Its methods are the calls of metricsstore.Store, each counted by calls. What they share is below it, in layers that
// only call those below: upkeep, records, runIndex, server.
type Store struct {
	*upkeep
	calls      backend.Calls
	changes    *metricsstore.Changes
	subscriber *subscriber
}

// New makes a store of what is kept under a prefix. It does not call Redis; the first call may return ErrVersion. The
// error is metricsstore.ErrInvalid.
func New(cfg Config) (*Store, error) {
	if cfg.Client == nil {
		return nil, fmt.Errorf("%w: Client is nil", metricsstore.ErrInvalid)
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "dagscope:"
	}
	if strings.ContainsAny(cfg.Prefix, "{}") {
		return nil, fmt.Errorf("%w: prefix %q has braces, which a cluster reads as the part of a key that places it", metricsstore.ErrInvalid, cfg.Prefix)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &records{&runIndex{&server{keyspace: keyspace(cfg.Prefix), cfg: cfg, closing: make(chan struct{})}}, rand.Text(), looseAtRead}
	s := &Store{upkeep: &upkeep{r}, changes: metricsstore.NewChanges()}
	s.subscriber = newSubscriber(s)
	return s, nil
}

// begin counts a call of a store whose format is known; after nil, the caller calls s.calls.End.
func (s *Store) begin(ctx context.Context) error {
	if err := s.calls.Begin(ctx); err != nil {
		return err
	}
	if err := s.checkFormat(ctx); err != nil {
		s.calls.End()
		return err
	}
	return nil
}

// change makes a call that changes a run, and notifies those who wait for it. f reports whether it has changed
// anything.
func (s *Store) change(ctx context.Context, run record.RunID, f func() (bool, error)) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.calls.End()
	changed, err := f()
	if changed || err != nil && !backend.Refused(err) { // a call that failed may have taken effect
		s.changes.Notify(run)
	}
	return err
}

// Changed implements metricsstore.Store. The first call takes up to 0.5 s: it makes a connection on which other
// processes report changes, usually within a millisecond. When that connection was lost and is restored, every run
// counts as changed.
func (s *Store) Changed(run record.RunID) <-chan struct{} {
	s.subscriber.await()
	return s.changes.Wait(run)
}

// ChangedSince implements metricsstore.Store. It lists what was reported on the same connection; while that is down,
// any run may have changed.
func (s *Store) ChangedSince(ctx context.Context, number uint64) (metricsstore.ChangeList, error) {
	if err := s.begin(ctx); err != nil {
		return metricsstore.ChangeList{}, err
	}
	defer s.calls.End()
	s.subscriber.await()
	list := s.changes.Since(number)
	list.Partial = list.Partial || !s.subscriber.isSubscribed.Load()
	return list, nil
}

// Close implements metricsstore.Store. Calls that Redis does not answer give up. The client stays open.
func (s *Store) Close() error {
	s.subscriber.close(s.closing)
	err := s.calls.Close(func() error { return nil })
	s.asking.Wait()
	s.changes.Close()
	return err
}
