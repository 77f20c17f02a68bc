package redis

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answer is an error that a server has answered.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestWhatPasses(t *testing.T) {
	answers := map[string]bool{
		"LOADING Redis is loading the dataset in memory":                                                          true,
		"NOSCRIPT No matching script. Please use EVAL.":                                                           true,
		"READONLY You can't write against a read only replica.":                                                   true,
		"READONLY You can't write against a read only replica. script: 0fcb, on @user_script:1.":                  true,
		"ERR Error running script (call to f_0fcb): @user_script:12: @user_script: 12: -READONLY You can't write": true,
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.":                        true,
		"CLUSTERDOWN The cluster is down":                                                                         true,
		"TRYAGAIN Multiple keys request during rehashing of slot":                                                 true,
		"MOVED 3999 127.0.0.1:6381":                                                                               true,
		"ASK 3999 127.0.0.1:6381":                                                                                 true,
		"NOREPLICAS Not enough good replicas to write.":                                                           true,
		"BUSY Redis is busy running a script.":                                                                    true,
		"OOM command not allowed when used memory > 'maxmemory'.":                                                 true,
		"MISCONF Redis is configured to save RDB snapshots":                                                       true,
		"ERR max number of clients reached":                                                                       true,
		"NOAUTH Authentication required.":                                                                         false,
		"WRONGPASS invalid username-password pair":                                                                false,
		"NOPERM this user has no permissions to run the 'info' command":                                           false,
		"WRONGTYPE Operation against a key holding the wrong kind of value":                                       false,
		"ERR unknown command 'COPY'":                                                                              false,
		"ERR Error running script (call to f_0fcb): @user_script:12: attempt to index a nil value":                false,
		"NOTOVER the run has not ended":                                                                           false,
	}
	for text, want := range answers {
		assert.Equal(t, want, isTransient(answer(text)), text)
	}
	for _, err := range []error{
		io.EOF, io.ErrUnexpectedEOF, &net.OpError{Op: "dial", Err: errors.New("connection refused")}, context.DeadlineExceeded, redis.ErrPoolTimeout,
	} {
		assert.True(t, isTransient(err), err)
	}
	for _, err := range []error{redis.Nil, redis.ErrClosed, errMalformed} {
		assert.False(t, isTransient(err), err)
	}
}

func TestRetryPausesLongerAndLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		begin, tries := time.Now(), 0
		err := retry(ctx, func() error {
			tries++
			return io.EOF
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, time.Minute, time.Since(begin))
		assert.Greater(t, tries, 60, "at most a second apart")
		assert.Less(t, tries, 1000, "and half of that by and large")
	})
	tries := 0
	fatal := errors.New("fatal")
	err := retry(t.Context(), func() error {
		if tries++; tries < 3 {
			return answer("NOSCRIPT No matching script")
		}
		return errors.Join(errMalformed, fatal)
	})
	require.ErrorIs(t, err, fatal)
	assert.Equal(t, 3, tries)
}
