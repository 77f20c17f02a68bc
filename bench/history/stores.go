package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
	redisrecords "github.com/dagscope/dagscope/metricsstore/redis"
)

// embeddedStore is a data folder.
type embeddedStore struct{ folder string }

func (embeddedStore) name() string { return "embedded" }

func (s embeddedStore) open(ctx context.Context) (metricsstore.Store, error) {
	return embedded.Open(ctx, embedded.Config{Dir: filepath.Join(s.folder, "data")})
}

func (s embeddedStore) keep(ctx context.Context, h history) error {
	return with(ctx, s.open, func(store metricsstore.Store) error { return h.recordInto(ctx, store) })
}

func (s embeddedStore) ask(ctx context.Context) (a answer, took time.Duration, err error) {
	err = with(ctx, s.open, func(store metricsstore.Store) (err error) {
		began := time.Now()
		a, err = askStore(ctx, store)
		took = time.Since(began)
		return err
	})
	return a, took, err
}

// redisStore is a Redis.
type redisStore struct{ addr string }

func (redisStore) name() string { return "redis" }

func (s redisStore) use(f func(metricsstore.Store) error) error {
	client := redis.NewClient(&redis.Options{Addr: s.addr})
	store, err := redisrecords.New(redisrecords.Config{Client: client})
	if err != nil {
		return errors.Join(err, client.Close())
	}
	return errors.Join(f(store), store.Close(), client.Close())
}

func (s redisStore) keep(ctx context.Context, h history) error {
	return s.use(func(store metricsstore.Store) error { return h.recordInto(ctx, store) })
}

func (s redisStore) ask(ctx context.Context) (a answer, took time.Duration, err error) {
	err = s.use(func(store metricsstore.Store) (err error) {
		began := time.Now()
		a, err = askStore(ctx, store)
		took = time.Since(began)
		return err
	})
	return a, took, err
}

func with(ctx context.Context, open func(context.Context) (metricsstore.Store, error), f func(metricsstore.Store) error) error {
	store, err := open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(store), store.Close())
}

// askStore asks for each metric by function.
func askStore(ctx context.Context, store metricsstore.Store) (answer, error) {
	queries, err := metricsstore.NewQueries(store)
	if err != nil {
		return nil, err
	}
	out := answer{}
	for _, m := range metrics {
		q := metricsstore.HistoryQuery{Metric: m, From: begin, To: begin.AddDate(0, 0, days), Quantiles: quantiles}
		found, err := queries.HistoryByFunction(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			d := f.Buckets[0].Distribution
			values := make([]float64, len(d.Quantiles))
			for i := range values {
				values[i] = d.Quantiles[i].Value
			}
			out[cell{f.Function, m}] = figures{int64(d.N), values}
		}
	}
	return out, nil
}
