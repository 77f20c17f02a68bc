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

// Bounds of the pause before a call is repeated. The pause is drawn evenly from 0 to a bound that doubles, so that
// processes which lost the same server do not all return at once.
const (
	minBackoff = 10 * time.Millisecond
	maxBackoff = time.Second
)

// errMalformed is wrapped by errors about values and replies that no script of this package can have written.
var errMalformed = errors.New("redis: malformed")

// retry calls do until it succeeds, fails permanently, or ctx ends.
func retry(ctx context.Context, do func() error) error {
	bound := minBackoff
	for {
		err := do()
		switch {
		case err == nil || !isTransient(err):
			return err
		case redis.HasErrorPrefix(err, "NOSCRIPT"): // the next try sends the script's text
			if ctx.Err() == nil {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("redis: %w, last: %w", context.Cause(ctx), err)
		case <-time.After(rand.N(bound)):
		}
		bound = min(2*bound, maxBackoff)
	}
}

// transient lists prefixes of a server's errors that will pass: it is starting, failing over, busy, or temporarily out
// of memory.
var transient = []string{
	"NOSCRIPT", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "NOREPLICAS", "BUSY", "OOM",
	"UNBLOCKED", "MISCONF", "ERR max number of clients", "ERR DISABLED",
}

// isTransient reports whether repeating the call may help. An error that does not come from a server is about the
// connection, which may be restored.
func isTransient(err error) bool {
	if errors.Is(err, redis.ErrClosed) || errors.Is(err, redis.Nil) || errors.Is(err, errMalformed) {
		return false
	}
	var answer redis.Error
	if !errors.As(err, &answer) {
		return true
	}
	text := answer.Error()
	return slices.ContainsFunc(transient, func(beginning string) bool {
		// Before version 7, an error within a script appears in the middle of another error's text.
		return strings.HasPrefix(text, beginning) || strings.HasPrefix(text, "ERR Error running script") && strings.Contains(text, ": -"+beginning)
	})
}
