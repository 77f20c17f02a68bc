package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Bounds of the pause before a call is repeated. It is anything up to a bound that doubles, so that many processes that
// lost the same server do not come back all at once.
const (
	shortestPause = 10 * time.Millisecond
	longestPause  = time.Second
)

// errMalformed: Redis holds, or answers, what no script has written.
var errMalformed = errors.New("redis: malformed")

// retry calls do until it succeeds, fails for a reason that does not pass, or ctx ends.
func retry(ctx context.Context, do func() error) error {
	bound := shortestPause
	for {
		err := do()
		switch {
		case err == nil || !passes(err):
			return err
		case redis.HasErrorPrefix(err, "NOSCRIPT"): // the next try brings the script along
			if ctx.Err() == nil {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("redis: %w, last: %w", context.Cause(ctx), err)
		case <-time.After(rand.N(bound)):
		}
		bound = min(2*bound, longestPause)
	}
}

// passing are the answers of a server, by their beginning, that it will not give for ever: it starts, gives its place to
// another one, is busy, or its memory is full for the moment.
var passing = []string{
	"NOSCRIPT", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "NOREPLICAS", "BUSY", "OOM",
	"UNBLOCKED", "MISCONF", "ERR max number of clients", "ERR DISABLED",
}

// passes reports whether an error may be gone when the call is repeated. What is no answer of a server is about the
// connection to it, which may come back.
func passes(err error) bool {
	if errors.Is(err, redis.ErrClosed) || errors.Is(err, redis.Nil) || errors.Is(err, errMalformed) {
		return false
	}
	var answer redis.Error
	if !errors.As(err, &answer) {
		return true
	}
	said := answer.Error()
	return slices.ContainsFunc(passing, func(beginning string) bool {
		// Before version 7 an error within a script is told in the middle of another one.
		return strings.HasPrefix(said, beginning) || strings.HasPrefix(said, "ERR Error running script") && strings.Contains(said, ": -"+beginning)
	})
}
