package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/web/webhook"
)

// TestWebhooks: of runs that all take equally long, one that does not end is late and has been slow, and one that fails
// has failed. The receiver is down for the first try. On a busy machine others may have been slow before, by chance.
func TestWebhooks(t *testing.T) {
	w := newWorld(t)
	hold, held := make(chan struct{}), make(chan bool, 100)
	body := func(ctx context.Context, n int) (int, error) {
		if <-held {
			select {
			case <-hold:
			case <-ctx.Done():
			}
		}
		return n, nil
	}
	waits := engine.Func1("waits", body)
	w.workflows = append(w.workflows, &engine.Workflow{
		Name: "waits", Description: "Waits.", Functions: engine.Functions(waits),
		Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) {
			return waits.Call(engine.Const(g, 1)), nil
		},
	})
	events := make(chan map[string]any, 10)
	tries := 0
	var released atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		var event map[string]any
		data, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(data, &event); err == nil && event["event"] == "slow" && !released.Load() {
			return
		}
		if tries++; tries == 1 || event == nil {
			out.WriteHeader(http.StatusBadGateway)
			return
		}
		events <- event
	}))
	defer receiver.Close()
	t.Setenv("HOOK_SECRET", "a secret of some length")
	s := w.serve("--webhook", receiver.URL, "--webhook-secret-env", "HOOK_SECRET")
	url := strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: ")
	for range 50 {
		held <- false
		o := w.run("run", "waits", "--server", url)
		require.Equal(t, exitOK, o.code, o.stderr)
	}
	held <- true
	over := make(chan outcome, 1)
	go func() { over <- w.run("run", "waits", "--server", url) }()
	next := func() map[string]any {
		select {
		case e := <-events:
			return e
		case <-time.After(time.Minute):
			require.Fail(t, "no event arrives")
			return nil
		}
	}
	late := next()
	assert.Equal(t, "late", late["event"])
	assert.Equal(t, 50.0, late["late"].(map[string]any)["runs"])
	released.Store(true)
	close(hold)
	assert.Equal(t, exitOK, (<-over).code)
	slow := next()
	assert.Equal(t, "slow", slow["event"])
	assert.Equal(t, late["run"].(map[string]any)["id"], slow["run"].(map[string]any)["id"])
	assert.Equal(t, url+"runs/"+slow["run"].(map[string]any)["id"].(string), slow["run"].(map[string]any)["url"])

	answer, err := http.Get(url + "metrics")
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	assert.Contains(t, string(text), `dagscope_webhook_deliveries_total{event="late",outcome="accepted"} 1`)
	assert.Contains(t, string(text), `dagscope_webhook_deliveries_total{event="late",outcome="failed"} 1`)
	o := s.ends()
	assert.Equal(t, exitOK, o.code, o.stderr)
	assert.Contains(t, o.stderr, "an event could not be delivered and is tried again")
}

func TestWebhookFlags(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("short"), 0o600))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--webhook-event", "late"}, "without --webhook"},
		{[]string{"--webhook", "example.org", "--webhook-secret-file", file}, "expected an address such as https://example.org/hook"},
		{[]string{"--webhook", "http://127.0.0.1:1/"}, "expected one of --webhook-secret-file and --webhook-secret-env"},
		{[]string{"--webhook", "http://127.0.0.1:1/", "--webhook-secret-file", file}, "at least 16 characters"},
		{[]string{"--webhook", "http://127.0.0.1:1/", "--webhook-secret-env", "NO_SUCH_VARIABLE"}, "expected a secret of at least 16"},
		{[]string{"--webhook", "http://127.0.0.1:1/", "--webhook-event", "early"}, "must be one of"},
	} {
		o := w.run(append([]string{"serve", "--addr", "127.0.0.1:0"}, c.args...)...)
		assert.Equal(t, exitUsage, o.code, c.args)
		assert.Contains(t, o.stderr, c.want)
	}
}

func TestFolderOutbox(t *testing.T) {
	checkOutbox(t, folderOutbox{t.TempDir()})
	require.Error(t, folderOutbox{filepath.Join(t.TempDir(), "none")}.Save(t.Context(), nil))
}

func TestRedisOutbox(t *testing.T) {
	client := redistest.Start(t).Client(t)
	checkOutbox(t, redisOutbox{client, "dagscope:webhooks"})
	kept, err := client.Get(t.Context(), "dagscope:webhooks").Result()
	require.NoError(t, err)
	assert.Equal(t, "another", kept)
}

// checkOutbox saves in an empty outbox.
func checkOutbox(t *testing.T, o webhook.Outbox) {
	t.Helper()
	data, err := o.Load(t.Context())
	require.NoError(t, err)
	assert.Nil(t, data)
	for _, want := range []string{"one", "another"} {
		require.NoError(t, o.Save(t.Context(), []byte(want)))
		data, err = o.Load(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, string(data))
	}
}
