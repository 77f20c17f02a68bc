package web

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// moody is a store that can fall silent: then its calls last as long as their contexts.
type moody struct {
	metricsstore.Store
	silent bool
}

func (m *moody) Run(ctx context.Context, run record.RunID) (metricsstore.Run, error) {
	if m.silent {
		<-ctx.Done()
		return metricsstore.Run{}, errors.Join(ctx.Err(), errors.New("no route"))
	}
	return m.Store.Run(ctx, run)
}

// TestPatience: a store that falls silent is waited for once, then only briefly, until it answers again.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &moody{Store: memory.New()}
		patient := &patientStore{Store: inner}
		store := metricsstore.Store(patient)
		ask := func(ctx context.Context) (time.Duration, error) {
			began := time.Now()
			_, err := store.Run(ctx, "r")
			return time.Since(began), err
		}
		took, err := ask(t.Context())
		require.ErrorIs(t, err, metricsstore.ErrNotFound, "any answer is one")
		assert.Zero(t, took)

		inner.silent = true
		fell := time.Now()
		took, err = ask(t.Context())
		require.ErrorIs(t, err, metricsstore.ErrUnavailable)
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "the request itself continues")
		assert.Equal(t, storePatience, took)
		took, err = ask(t.Context())
		require.ErrorIs(t, err, metricsstore.ErrUnavailable)
		assert.Equal(t, silentPatience, took)
		since, silent := patient.Silent()
		assert.True(t, silent)
		assert.True(t, fell.Equal(since), "since the first call that was not answered")

		inner.silent = false
		_, err = ask(t.Context())
		require.ErrorIs(t, err, metricsstore.ErrNotFound)
		_, silent = patient.Silent()
		assert.False(t, silent)

		inner.silent = true
		gone, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		_, err = ask(gone)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, silent = patient.Silent()
		assert.False(t, silent, "the caller gave up, which says nothing about the store")
	})
}
