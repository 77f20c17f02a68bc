package worker_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// TestLog follows an attempt that writes part of a character, the rest of it, a flood, and a last word before it ends.
func TestLog(t *testing.T) {
	pool, err := worker.New(worker.Config{State: memory.New(), Width: 1})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()

	say, said := make(chan string), make(chan struct{})
	talk := engine.Func0("talk", func(ctx context.Context) (int, error) {
		for s := range say {
			if _, err := io.WriteString(engine.Task(ctx).Output, s); err != nil {
				return 0, err
			}
			said <- struct{}{}
		}
		return 1, nil
	})
	write := func(s string) {
		say <- s
		<-said
	}
	r, err := e.Submit(t.Context(), "one", build(t, func(b *engine.Builder) engine.AnyRef { return talk.Call(b) }), engine.RunOptions{})
	require.NoError(t, err)
	patient, impatient := t.Context(), expired()
	next := func(after worker.LogPosition) worker.LogPart { return pool.Log(patient, r.ID(), 0, after) }

	write("caf\xc3")
	part := next(worker.LogPosition{})
	require.Equal(t, worker.LogPart{Text: []byte("caf"), Next: worker.LogPosition{Attempt: 1, Offset: 3}, Running: true}, part)
	require.Equal(t, part.Next, pool.Log(impatient, r.ID(), 0, part.Next).Next, "nothing is new")
	require.Zero(t, pool.Log(impatient, r.ID(), 1, worker.LogPosition{}), "another task")
	write("\xa9")
	part = next(part.Next)
	require.Equal(t, "é", string(part.Text))

	for range 5 {
		write(strings.Repeat("y\n", record.MaxEvidence/2))
	}
	part = next(part.Next)
	require.Len(t, part.Text, record.MaxEvidence)
	require.EqualValues(t, 4*record.MaxEvidence, part.Missed)

	write("last")
	close(say)
	require.NoError(t, r.WaitRecorded(t.Context()))
	require.True(t, pool.Follows(r.ID(), 0, part.Next))
	require.Equal(t, worker.LogPart{Text: []byte("last"), Next: worker.LogPosition{Attempt: 1, Offset: part.Next.Offset + 4}}, next(part.Next))
	require.False(t, pool.Follows(r.ID(), 0, part.Next), "the rest is returned once")
	require.Equal(t, worker.LogPart{Next: part.Next}, next(part.Next))
	stop()
	require.NoError(t, <-ended)
}

// expired is a context that ended long ago.
func expired() context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	cancel()
	return ctx
}
