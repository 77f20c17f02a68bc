package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/redis"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

// Processes share runs over Redis: each has the same functions, and any of them submits and executes. A run continues
// when one of them ends, is killed or loses its connection. It is not executed with the other examples, because it needs
// a Redis; a test runs it with one.
func Example_redis() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fmt.Println(sumOnRedis(ctx, "redis://127.0.0.1:6379"))
}

func sumOnRedis(ctx context.Context, url string) (sum int, err error) {
	conn, err := redis.Dial(ctx, redis.DialConfig{URL: url})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	store, err := shared.New(shared.Config{Backend: redis.New(conn)})
	if err != nil {
		return 0, err
	}
	pool, err := worker.New(worker.Config{State: store, Find: find})
	if err != nil {
		return 0, err
	}
	e, err := engine.New(engine.Config{Executor: pool, Shared: true})
	if err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	sum, err = sumOfSums(ctx, e)
	stop()
	return sum, errors.Join(err, <-ended)
}

// find names the functions of this process, so that it takes part in runs that others submit.
func find(_ string, function engine.Signature) *engine.Function {
	if function.Name == add.Name() {
		return engine.Functions(add)[0]
	}
	return nil
}

func TestExampleRedis(t *testing.T) {
	sum, err := sumOnRedis(t.Context(), redistest.Start(t).URL())
	require.NoError(t, err)
	assert.Equal(t, 6, sum)
}
