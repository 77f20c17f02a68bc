package worker

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

func TestPresence(t *testing.T) {
	client := redistest.Start(t).Client(t)
	self := Present{
		Snapshot: worker.Snapshot{
			Name: "w1", Host: "h", PID: 7, Width: 2, Slots: 3, Busy: 1, StartedAt: time.Unix(1000, 0).UTC(),
			Running: map[record.RunID]int{"r1": 1}, TasksDone: 9, CPU: time.Second, MemoryBytes: 1 << 20,
		},
		Functions: []string{"blur", "grey@2"},
	}
	text, err := json.Marshal(self)
	require.NoError(t, err)
	assert.Equal(t, `{"name":"w1","host":"h","pid":7,"width":2,"slots":3,"busy":1,"leaked":0,"warm":false,`+
		`"started_at":"1970-01-01T00:16:40Z","running":{"r1":1},"tasks_done":9,"cpu_ns":1000000000,"memory_bytes":1048576,`+
		`"functions":["blur","grey@2"]}`, string(text), "what processes of other versions read")
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error)
	go func() {
		over <- Presence{Client: client, Prefix: "p:", Describe: func() Present { return self }}.Run(ctx)
	}()
	var got []Present
	require.Eventually(t, func() bool {
		var err error
		got, err = ListPresent(t.Context(), client, "p:")
		require.NoError(t, err)
		return len(got) == 1
	}, 20*time.Second, 10*time.Millisecond)
	assert.WithinDuration(t, time.Now(), got[0].LastBeat, 10*time.Second)
	got[0].LastBeat = time.Time{}
	assert.Equal(t, self, got[0])
	others, err := ListPresent(t.Context(), client, "q:")
	require.NoError(t, err)
	assert.Empty(t, others, "under another prefix")

	stop()
	require.NoError(t, <-over)
	got, err = ListPresent(t.Context(), client, "p:")
	require.NoError(t, err)
	assert.Empty(t, got, "it has said farewell")
}

func TestListPresentReportsTheLost(t *testing.T) {
	client := redistest.Start(t).Client(t)
	now, err := client.Time(t.Context()).Result()
	require.NoError(t, err)
	at := func(ago time.Duration) string { return strconv.FormatInt(now.Add(-ago).Unix(), 10) }
	require.NoError(t, client.HSet(t.Context(), "p:workers",
		"c", at(0)+` {"name":"c"}`,
		"b", at(30*time.Second)+` {"name":"b"}`,
		"a", at(6*time.Minute)+` {"name":"a"}`,
		"x", "nonsense",
		"y", at(0)+" nonsense",
	).Err())
	got, err := ListPresent(t.Context(), client, "p:")
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, "b", got[0].Name)
	assert.True(t, got[0].Lost)
	assert.Equal(t, "c", got[1].Name)
	assert.False(t, got[1].Lost)
	left, err := client.HLen(t.Context(), "p:workers").Result()
	require.NoError(t, err)
	assert.EqualValues(t, 2, left, "entries that are too old or unreadable are deleted")
}

// TestPresenceWithoutRedis: it continues, and ends with its context.
func TestPresenceWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	server.Kill()
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	assert.NoError(t, Presence{Client: client, Prefix: "p:", Describe: func() Present { return Present{Snapshot: worker.Snapshot{Name: "w"}} }}.Run(ctx))
	_, err := ListPresent(t.Context(), client, "p:")
	assert.ErrorContains(t, err, "list workers")
}
