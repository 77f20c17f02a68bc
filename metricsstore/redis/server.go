package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/metricsstore"
)

// ErrVersion: what is kept was written by a newer version of the program.
var ErrVersion = errors.New("redis: the data is of a newer version")

// Config is what New needs. Client is required; the zero value of the rest means the defaults.
type Config struct {
	// Client reaches a server or a cluster. It stays the caller's, who closes it after the store. It must read from
	// masters.
	Client goredis.UniversalClient
	// Prefix begins every key, so that other programs may use the same Redis; without '{' and '}'. Default
	// "dagscope:".
	Prefix string
	// Log gets warnings while Redis does not answer; default none.
	Log *slog.Logger
}

const (
	// stagedFor is how long values wait for the call that they belong to. What an interrupted call has staged is gone
	// after that.
	stagedFor = time.Hour
	// fencedFor is how long a call may take between its announcement and its end at most.
	fencedFor = 24 * time.Hour
)

// Bounds of the time before the store asks again.
const (
	minWait = 5 * time.Millisecond
	maxWait = time.Second
)

// server calls the Redis, again and again where that can help. It knows keys and no runs.
type server struct {
	keyspace
	cfg        Config
	fits       atomic.Bool    // the format was checked
	merging    sync.Mutex     // held while runs are merged
	complained atomic.Int64   // when, in Unix ns; see complain
	closing    chan struct{}  // closed by Close: nothing is tried again
	asking     sync.WaitGroup // the calls of once
}

// checkFormat refuses what a newer version of the program has written. It asks Redis once.
func (s *server) checkFormat(ctx context.Context) error {
	if s.fits.Load() {
		return nil
	}
	kept, err := ask(ctx, s, func(ctx context.Context) (string, error) {
		if err := s.cfg.Client.SetNX(ctx, s.index(formatIndex), formatVersion, 0).Err(); err != nil {
			return "", err
		}
		return s.cfg.Client.Get(ctx, s.index(formatIndex)).Result()
	})
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(kept)
	if err != nil || version < 1 {
		return fmt.Errorf("%w: %s is %q, expected a version", metricsstore.ErrCorrupt, s.index(formatIndex), kept)
	}
	if version > formatVersion {
		return fmt.Errorf("%w: %d, this program knows %d", ErrVersion, version, formatVersion)
	}
	if version < formatVersion {
		if err := s.upgrade(ctx); err != nil {
			return err
		}
	}
	s.fits.Store(true)
	return nil
}

// upgrade makes a store of an older format one of this format.
func (s *server) upgrade(ctx context.Context) error {
	x := &runIndex{s}
	if err := x.buildHistory(ctx); err != nil {
		return err
	}
	_, err := ask(ctx, s, func(ctx context.Context) (string, error) {
		return s.cfg.Client.Set(ctx, s.index(formatIndex), formatVersion, 0).Result()
	})
	return err
}

// ask calls Redis, and again after errors that pass, until ctx ends or the store is closed.
func ask[T any](ctx context.Context, s *server, f func(context.Context) (T, error)) (T, error) {
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
func (s *server) complain(err error) {
	now, last := time.Now().UnixNano(), s.complained.Load()
	if (last == 0 || now-last >= int64(complainEvery)) && s.complained.CompareAndSwap(last, now) {
		s.cfg.Log.Warn("Redis does not answer as it should and is asked again", "error", err)
	}
}

// once calls Redis once. It returns when ctx ends, which a client that waits for an answer does not; the call then ends
// by the timeouts of the client, and Close waits for it.
func once[T any](ctx context.Context, s *server, f func(context.Context) (T, error)) (T, error) {
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
func (s *server) tx(ctx context.Context, queue func(goredis.Pipeliner) error) ([]goredis.Cmder, error) {
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
