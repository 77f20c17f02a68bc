package app

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/metricsstore"
	redismetrics "github.com/dagscope/dagscope/metricsstore/redis"
)

// shares starts a Redis that all commands use which are called from now on.
func (w *world) shares() *redistest.Server {
	w.t.Helper()
	s := redistest.Start(w.t, "--appendonly", "yes")
	w.t.Setenv("DAGSCOPE_REDIS", s.URL())
	return s
}

// works starts the command worker, and waits until it works. stop ends it as a signal does.
func (w *world) works(args ...string) (stop func() outcome) {
	w.t.Helper()
	ctx, cancel := context.WithCancelCause(w.t.Context())
	read, write := io.Pipe()
	var stderr bytes.Buffer
	p := &program{name: "dagscope", workflows: w.workflows, stdin: strings.NewReader(""), stdout: write, stderr: &stderr}
	over := make(chan outcome, 1)
	go func() {
		code := p.run(ctx, append([]string{"worker"}, args...))
		_ = write.Close()
		over <- outcome{code: code, stderr: stderr.String()}
	}()
	_, err := bufio.NewReader(read).ReadString('\n')
	require.NoError(w.t, err)
	return func() outcome {
		cancel(interrupted{15})
		return <-over
	}
}

// stateKeys lists what Redis has of a run but its records, without what expires within a minute by itself.
func stateKeys(t *testing.T, s *redistest.Server, run record.RunID) []string {
	t.Helper()
	client := s.Client(t)
	all, err := client.Keys(t.Context(), "dagscope:{"+string(run)+"}:*").Result()
	require.NoError(t, err)
	var keys []string
	for _, key := range all {
		if !strings.Contains(key, ":once:") {
			keys = append(keys, key)
		}
	}
	return keys
}

// TestCommandsOnRedis: every command that reads or changes records does so there, too.
func TestCommandsOnRedis(t *testing.T) {
	w := newWorld(t)
	server := w.shares()
	var got runReport
	w.json(&got, "run", "sum", "--set", "n=100", "--workers", "2", "--tag", "a", "--rules", "no-inline,poison=5")
	assert.Equal(t, "5050", string(got.Result))
	assert.True(t, got.Records.Complete, got.Records.Problem)
	assert.Equal(t, server.URL(), got.Data)
	assert.NoDirExists(t, w.dir)
	id := string(got.Run)

	assert.Contains(t, w.ok("runs"), id)
	assert.Equal(t, 100, strings.Count(w.ok("tasks", "last", "--limit", "0"), "\n"), "a line each, and the title")
	assert.Regexp(t, `(?m)^plus +99 `, w.ok("stats", id))
	assert.Regexp(t, `(?m)^plus +99 `, w.ok("stats"))
	assert.Contains(t, w.ok("tag", "last", "keep", "--note", "why"), "a, keep")
	assert.Equal(t, server.URL()+" is in order, with 1 run\n", w.ok("check"))
	assert.Equal(t, server.URL()+" is compacted\n", w.ok("compact"))

	archive := filepath.Join(t.TempDir(), "run.dagscope")
	w.ok("export", "last", "-o", archive)
	require.NotEmpty(t, stateKeys(t, server, got.Run))
	assert.Equal(t, id+" is deleted\n", w.ok("delete", id))
	assert.Empty(t, stateKeys(t, server, got.Run), "its state goes with its records")
	assert.Contains(t, w.ok("runs"), "There is no such run in "+server.URL())
	w.ok("import", archive)
	assert.Contains(t, w.ok("tag", "last"), "a, keep")
	kept := recordOn(t, server, got.Run)
	require.NotNil(t, kept.Info.Rules)
	assert.Equal(t, record.Rules{NoInline: true, PoisonAfter: 5}.WithDefaults(), *kept.Info.Rules)

	w.record("sum", "--workers", "1")
	latest := w.record("sum", "--workers", "1")
	assert.Contains(t, w.ok("prune", "--keep", "1"), "1 run deleted")
	assert.Equal(t, server.URL()+" is in order, with 2 runs\n", w.ok("check"), "the latest, and the one tagged keep")
	assert.NotEmpty(t, stateKeys(t, server, latest))
}

// recordOn reads the record of a run from a Redis.
func recordOn(t *testing.T, server *redistest.Server, id record.RunID) metricsstore.Run {
	t.Helper()
	store, err := redismetrics.New(redismetrics.Config{Client: server.Client(t)})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	kept, err := store.Run(t.Context(), id)
	require.NoError(t, err)
	return kept
}

// TestWorkersElsewhere: a run is submitted here, worked on by a worker, and cancelled there when it is interrupted here.
func TestWorkersElsewhere(t *testing.T) {
	w := newWorld(t)
	w.shares()
	stop := w.works("--name", "someone")
	assert.Contains(t, w.ok("run", "sum"), "result    55\n")
	o := w.run("run", "trip")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stdout, "  worker  someone, slot ")
	o = w.interrupt(interrupted{2}, "run", "wait")
	assert.Equal(t, 130, o.code)
	assert.Contains(t, o.stdout, "status    cancelled\n")
	assert.Contains(t, o.stdout, "records   complete: ")
	o = stop()
	assert.Equal(t, exitOK, o.code)
	assert.Contains(t, o.stderr, `msg="stopping: `)
}

// TestInterruptedInAnOutage: the command says what it waits for, and the run is cancelled once Redis is back.
func TestInterruptedInAnOutage(t *testing.T) {
	if os.Getenv("DAGSCOPE_LONG") != "1" {
		t.Skip("takes ten seconds; DAGSCOPE_LONG=1 runs it")
	}
	w := newWorld(t)
	server := w.shares()
	stop := w.works()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	started, stalled := make(chan struct{}), make(chan struct{})
	w.started = func() { close(started) }
	w.stalled = sync.OnceFunc(func() { close(stalled) })
	over := make(chan outcome, 1)
	go func() { over <- w.runUntil(ctx, "run", "wait") }()
	<-started
	server.Kill()
	cancel(interrupted{2})
	select {
	case <-stalled:
	case <-time.After(time.Minute):
		t.Error("the outage was not reported")
	}
	server.Restart()
	o := <-over
	assert.Equal(t, 130, o.code)
	assert.Contains(t, o.stdout, "status    cancelled\n")
	for _, text := range []string{" is being cancelled; a second signal", "Redis does not answer; waiting until it does: ", "Redis answers again after "} {
		assert.Contains(t, o.stderr, text)
	}
	assert.Equal(t, exitOK, stop().code)
}

// TestServicesRecordFromRedis: a run that no other process records is recorded once by the services that share a Redis, and by
// one that has a folder of its own in that folder, too.
func TestServicesRecordFromRedis(t *testing.T) {
	w := newWorld(t)
	server := w.shares()
	services := []*serving{w.serve("--workers", "0"), w.serve("--workers", "0")}
	own := &world{t: t, dir: filepath.Join(t.TempDir(), "own"), workflows: w.workflows}
	services = append(services, own.serve("--workers", "0", "--metrics", "embedded"))
	submitter := &world{t: t, dir: filepath.Join(t.TempDir(), "submitter"), workflows: w.workflows}
	id := submitter.record("sum", "--set", "n=200", "--workers", "2", "--metrics", "embedded")
	for _, place := range []*world{w, own} {
		args := []string{"runs", "--status", "succeeded"}
		if place == own {
			args = append(args, "--metrics", "embedded")
		}
		require.Eventually(t, func() bool { return strings.Contains(place.ok(args...), string(id)) }, time.Minute, 20*time.Millisecond)
	}
	assert.Regexp(t, `(?m)^plus +199 `, w.ok("stats", "--workflow", "sum"))
	assert.Regexp(t, `(?m)^plus +199 `, own.ok("stats", "--workflow", "sum", "--metrics", "embedded"))
	assert.Equal(t, 1, recordOn(t, server, id).Rollup, "it is summed up once")

	url := strings.TrimPrefix(strings.TrimSpace(services[0].first), "dagscope: ")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, url+"api/v1/runs/"+string(id), http.NoBody)
	require.NoError(t, err)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusNoContent, response.StatusCode)
	assert.Empty(t, stateKeys(t, server, id))
	for _, s := range services {
		o := s.ends()
		assert.Equal(t, exitOK, o.code)
		assert.NotContains(t, o.stderr, "level=ERROR")
	}
}
