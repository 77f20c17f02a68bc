package redis

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/metricsstore"
)

// longest is how long Redis may work on one script or transaction, during which it serves no other client.
const longest = 10 * time.Millisecond

// meter notes how much of a processor the server took for each call. The slow log would count the time in which other
// processes had the processor, too.
type meter struct {
	server goredis.UniversalClient // without the meter
	t      testing.TB
	worst  time.Duration
	what   string
}

// spent is the processor time of the server's main thread so far.
func (m *meter) spent() time.Duration {
	info, err := m.server.Info(m.t.Context(), "cpu").Result()
	require.NoError(m.t, err)
	total := 0.0
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys_main_thread" || name == "used_cpu_user_main_thread" {
			seconds, err := strconv.ParseFloat(value, 64)
			require.NoError(m.t, err)
			total += seconds
		}
	}
	return time.Duration(total * float64(time.Second))
}

func (m *meter) note(before time.Duration, cmd goredis.Cmder) {
	if d := m.spent() - before; d > m.worst {
		m.worst, m.what = d, fmt.Sprint(cmd.Args()[:min(4, len(cmd.Args()))])
	}
}

func (m *meter) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (m *meter) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		defer m.note(m.spent(), cmd)
		return next(ctx, cmd)
	}
}

func (m *meter) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		defer m.note(m.spent(), cmds[len(cmds)/2])
		return next(ctx, cmds)
	}
}

// TestNothingIsSlow: whatever is done with a run of 100,000 tasks, and however its log and details came, keeps Redis
// from other clients for less than 10 ms at a time.
func TestNothingIsSlow(t *testing.T) {
	g := graph(100_000)
	steps := enginetest.SimulateSteps(g, 7, 16)
	blocks := slices.Concat(packed(t, steps[:40_000], 1), packed(t, steps[40_000:], 1024))
	var details []metricsstore.DetailRow
	for i := range steps {
		details = append(details, metricsstore.DetailRow{
			DetailKey: metricsstore.DetailKey{Node: dag.NodeID(i), Attempt: 1}, Data: bytes.Repeat([]byte{byte(i)}, 200),
		})
	}
	server := redistest.Start(t)
	var m *meter
	for range 3 { // a busy machine makes calls longer, and none shorter
		client := server.Client(t)
		m = &meter{server: server.Client(t), t: t}
		client.AddHook(m)
		live(t, open(t, client, prefix()), "r", g.AppendShape(nil), blocks, details)
		t.Logf("the longest call took %s: %q", m.worst, m.what)
		if m.worst < longest {
			break
		}
	}
	assert.Less(t, m.worst, longest, "%q", m.what)
	assert.NotZero(t, m.worst)
}

// live makes every kind of call for a run.
func live(t *testing.T, s *Store, run record.RunID, shape []byte, blocks []metricsstore.Block, details []metricsstore.DetailRow) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, s.Begin(ctx, header(run), shape))
	for some := range slices.Chunk(blocks, 64) {
		require.NoError(t, s.Append(ctx, run, metricsstore.Batch{Blocks: some}))
	}
	require.NoError(t, s.Append(ctx, run, metricsstore.Batch{Details: details}))
	kept, err := s.Details(ctx, run, metricsstore.DetailKey{}, 0)
	require.NoError(t, err)
	assert.Len(t, kept, len(details))
	a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s})
	require.NoError(t, err)
	h, err := a.Rebuild(ctx, run)
	require.NoError(t, err)
	assert.Equal(t, record.Succeeded, h.Status)
	log, err := s.Log(ctx, run, 0, 0)
	require.NoError(t, err)
	assert.Less(t, len(log), 200, "packed again")
	require.NoError(t, s.Check(ctx))
	require.NoError(t, s.Delete(ctx, run))
}
