package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/metricsstore"
)

// Bounds of the time before the store asks again.
const (
	minWait = 5 * time.Millisecond
	maxWait = time.Second
)

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

// ask calls Redis, and again after errors that pass, until ctx ends or the store is closed.
func ask[T any](ctx context.Context, s *Store, f func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	for wait := minWait; ; wait = min(2*wait, maxWait) {
		out, err := once(ctx, s, f)
		if err == nil {
			return out, nil
		}
		if ctx.Err() != nil {
			return none, errors.Join(ctx.Err(), failed(err))
		}
		if !passing(err) {
			return none, failed(err)
		}
		if wait >= maxWait {
			s.complain(err)
		}
		select {
		case <-ctx.Done():
			return none, errors.Join(ctx.Err(), failed(err))
		case <-s.closing:
			return none, fmt.Errorf("%w: %w", metricsstore.ErrClosed, err)
		case <-time.After(wait):
		}
	}
}

// complainEvery is the shortest time between two warnings that Redis does not answer: every call of a store finds
// that out.
const complainEvery = time.Minute

// complain logs why calls wait.
func (s *Store) complain(err error) {
	now, last := time.Now().UnixNano(), s.complained.Load()
	if (last == 0 || now-last >= int64(complainEvery)) && s.complained.CompareAndSwap(last, now) {
		s.cfg.Log.Warn("Redis does not answer as it should and is asked again", "error", err)
	}
}

// once calls Redis once. It returns when ctx ends, which a client that waits for an answer does not; the call then ends
// by the timeouts of the client, and Close waits for it.
func once[T any](ctx context.Context, s *Store, f func(context.Context) (T, error)) (T, error) {
	if ctx.Done() == nil {
		return f(ctx)
	}
	type answer struct {
		out T
		err error
	}
	answers := make(chan answer, 1)
	s.asking.Go(func() {
		out, err := f(ctx)
		answers <- answer{out, err}
	})
	select {
	case a := <-answers:
		return a.out, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// failed marks an error as one of Redis, unless the store itself has made it.
func failed(err error) error {
	if errors.Is(err, metricsstore.ErrCorrupt) {
		return err
	}
	return fmt.Errorf("redis: %w", err)
}

// passing reports whether an error is likely to pass: the server is gone, starts, or another one takes its place.
func passing(err error) bool {
	if errors.Is(err, goredis.ErrClosed) {
		return false
	}
	var answer goredis.Error
	if !errors.As(err, &answer) {
		var network net.Error
		return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
			errors.Is(err, goredis.ErrPoolTimeout) || errors.Is(err, goredis.ErrPoolExhausted)
	}
	for _, prefix := range []string{
		"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "NOREPLICAS", "BUSY", "EXECABORT",
		"max number of clients",
	} {
		if goredis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

// tx runs commands as one transaction. Where the server refuses one of them, the error is the one it gave for that.
func (s *Store) tx(ctx context.Context, queue func(goredis.Pipeliner) error) ([]goredis.Cmder, error) {
	cmds, err := s.cfg.Client.TxPipelined(ctx, queue)
	if goredis.IsExecAbortError(err) {
		for _, cmd := range cmds {
			if cause := cmd.Err(); cause != nil && !goredis.IsExecAbortError(cause) {
				return cmds, cause
			}
		}
	}
	return cmds, err
}
