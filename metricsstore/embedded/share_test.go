package embedded

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/filelock"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// recordRun records a whole run by a Recorder.
func recordRun(t *testing.T, s metricsstore.Store, run record.RunID, started time.Time) {
	t.Helper()
	r, err := metricsstore.NewRecorder(metricsstore.Config{Store: s})
	require.NoError(t, err)
	g := graph(50)
	require.NoError(t, r.Begin(header(run, started).Info, g))
	for steps := range slices.Chunk(enginetest.SimulateSteps(g, 7, 4), 20) {
		r.Steps(run, steps)
		r.Details(run, []record.Detail{{Node: dag.NodeID(steps[0].Seq), Attempt: 1, Log: []byte("line\n")}}, nil)
	}
	require.NoError(t, r.End(run, record.RunEnd{Status: record.Succeeded, EndedAt: started.Add(time.Second)}))
}

// TestRecorder: a run that a client records is archived as it is in memory, through its log, and no log is left.
func TestRecorder(t *testing.T) {
	dir, started := t.TempDir(), began()
	want := memory.New()
	recordRun(t, want, "r", started)
	owner := recorderStore(t, dir)
	client := recorderStore(t, dir)
	recordRun(t, client, "r", started)
	recordRun(t, owner, "q", started)
	a, err := want.Run(t.Context(), "r")
	require.NoError(t, err)
	for _, s := range []*Store{owner, client} {
		for _, run := range []record.RunID{"r", "q"} {
			b, err := s.Run(t.Context(), run)
			require.NoError(t, err)
			a.Info.ID = run
			b.Upload, b.Bytes, b.AddedAt = a.Upload, a.Bytes, a.AddedAt // how and when the run was sent
			assert.Equal(t, a, b)
		}
	}
	require.NoError(t, client.Check(t.Context()))
	require.NoError(t, client.Compact(t.Context()))
	require.NoError(t, client.Close())
	require.Eventually(t, func() bool { return len(runLogs(t, dir)) == 0 }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, owner.Close())
}

// TestClientAlone: a client whose owner has closed adopts its own logs when it closes.
func TestClientAlone(t *testing.T) {
	dir := t.TempDir()
	owner := recorderStore(t, dir)
	client := recorderStore(t, dir)
	g := graph(20)
	require.NoError(t, client.Begin(t.Context(), header("r", time.Now()), g.AppendShape(nil)))
	require.NoError(t, owner.Close())
	blocks, err := blocksOf(g, 5)
	require.NoError(t, err)
	require.NoError(t, client.Append(t.Context(), "r", metricsstore.Batch{Blocks: blocks[:3]}))
	require.NoError(t, client.Close())
	assert.Empty(t, runLogs(t, dir))
	s := recorderStore(t, dir)
	r, err := s.Run(t.Context(), "r")
	require.NoError(t, err)
	assert.Equal(t, record.Interrupted, r.Status)
	assert.Equal(t, blocks[2].Last, r.ArchivedSeq)
	require.NoError(t, s.Close())
}

// TestChangedAcross: changes by one process are reported in the others.
func TestChangedAcross(t *testing.T) {
	dir := t.TempDir()
	owner, client, third := open(t, dir), open(t, dir), open(t, dir)
	notified := func(s *Store, do func()) {
		t.Helper()
		ch := s.Changed("r")
		select {
		case <-ch:
			t.Fatal("notified before anything has changed")
		case <-time.After(300 * time.Millisecond): // three times as long as a client takes to ask
		}
		do()
		select {
		case <-ch:
		case <-time.After(10 * time.Second):
			t.Fatal("not notified")
		}
	}
	batch := func(seq uint64) metricsstore.Batch {
		return metricsstore.Batch{Blocks: []metricsstore.Block{{First: seq, Last: seq, Data: []byte("x")}}}
	}
	notified(client, func() { require.NoError(t, owner.Begin(t.Context(), header("r", time.Now()), nil)) })
	notified(client, func() { require.NoError(t, owner.Append(t.Context(), "r", batch(1))) })
	notified(owner, func() { require.NoError(t, client.Append(t.Context(), "r", batch(2))) })
	notified(third, func() { require.NoError(t, client.Append(t.Context(), "r", batch(3))) })
	for _, s := range []*Store{third, client, owner} {
		require.NoError(t, s.Close())
	}
}

// TestKey: the owner answers only with its key, which only the user of the folder can read.
func TestKey(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	info, err := os.Stat(filepath.Join(dir, nameFile))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	h, err := readOwner(dir)
	require.NoError(t, err)
	assert.Equal(t, os.Getpid(), h.PID)
	assert.Len(t, h.Key, 64)
	assert.True(t, strings.HasPrefix(h.Address, "127.0.0.1:"))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	post := func(method, path, key, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+h.Address+path, strings.NewReader(body))
		require.NoError(t, err)
		if key != "" {
			r.Header.Set("Authorization", key)
		}
		answer, err := client.Do(r)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, answer.Body)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	for _, key := range []string{"", "Bearer", "Bearer ", h.Key, "Bearer " + h.Key[:63], "Bearer " + strings.ToUpper(h.Key) + "0"} {
		assert.Equal(t, http.StatusUnauthorized, post(http.MethodPost, "/v1/runs", key, "\xa0"), "%q", key)
	}
	assert.Equal(t, http.StatusOK, post(http.MethodPost, "/v1/runs", "Bearer "+h.Key, "\xa0"))
	assert.Equal(t, http.StatusNotFound, post(http.MethodGet, "/v1/runs", "Bearer "+h.Key, ""))
	assert.Equal(t, http.StatusNotFound, post(http.MethodPost, "/", "Bearer "+h.Key, "\xa0"))

	c, err := wire.NewCoding()
	require.NoError(t, err)
	g, err := wire.Dial(t.Context(), h.Address, h.Key, c, metricsstore.NewChanges())
	require.NoError(t, err)
	require.NoError(t, g.Close())
	_, err = wire.Dial(t.Context(), h.Address, strings.Repeat("0", 64), c, metricsstore.NewChanges())
	require.ErrorIs(t, err, wire.ErrGone)
	require.NoError(t, s.Close())
}

// deadLog leaves the log of a process that has died, with some bytes more or less at its end.
func deadLog(t *testing.T, dir string, run record.RunID, blocks []metricsstore.Block, tail func([]byte) []byte) {
	t.Helper()
	c, err := wire.NewCoding()
	require.NoError(t, err)
	l, err := createLog(dir, c, run)
	require.NoError(t, err)
	h := header(run, time.Now())
	q, err := wire.BeginRequest(&h, graph(20).AppendShape(nil))
	require.NoError(t, err)
	_, err = l.add(beginRecord, q)
	require.NoError(t, err)
	for i := range blocks {
		_, err = l.add(appendRecord, wire.AppendRequest(run, &metricsstore.Batch{Blocks: blocks[i : i+1]}))
		require.NoError(t, err)
	}
	require.NoError(t, l.close())
	data, err := os.ReadFile(l.path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(l.path, tail(data), 0o600))
}

// TestTornTail: whole records count, the rest is logged as lost, and the run is interrupted.
func TestTornTail(t *testing.T) {
	blocks, err := blocksOf(graph(20), 5)
	require.NoError(t, err)
	whole, last := blocks[3].Last, blocks[2].Last
	unreadable := appendFrame(nil, 99, []byte{0xa0})
	for _, c := range []struct {
		name string
		tail func([]byte) []byte
		want uint64
		says string
	}{
		{"whole", func(b []byte) []byte { return b }, whole, ""},
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }, last, "cut off"},
		{"half a head", func(b []byte) []byte { return append(b, 0, 0, 0) }, whole, "cut off"},
		{"zeros", func(b []byte) []byte { return append(b, make([]byte, 5000)...) }, whole, "cut off"},
		{"flipped", func(b []byte) []byte { b[len(b)-3] ^= 1; return b }, last, "cut off"},
		{"huge", func(b []byte) []byte { return append(b, bytes.Repeat([]byte{0xff}, 64)...) }, whole, "cut off"},
		{"of a later version", func(b []byte) []byte { return append(b, unreadable...) }, whole, "set aside"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			deadLog(t, dir, "r", blocks[:4], c.tail)
			var out bytes.Buffer
			s, err := Open(t.Context(), Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&out, nil))})
			require.NoError(t, err)
			r, err := s.Run(t.Context(), "r")
			require.NoError(t, err)
			assert.Equal(t, record.Interrupted, r.Status)
			assert.Equal(t, c.want, r.ArchivedSeq)
			require.NoError(t, s.Close())
			assert.Contains(t, out.String(), c.says)
			assert.Equal(t, c.says == "", out.Len() == 0, out.String())
			assert.Equal(t, c.name == "of a later version", len(runLogs(t, dir)) == 1, "what cannot be read is kept")
		})
	}
}

// TestRefusedLog: the log of another run of the same ID is set aside and changes nothing of the one that is kept.
func TestRefusedLog(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	require.NoError(t, s.Begin(t.Context(), header("r", time.Now().Add(-time.Hour)), nil))
	want, err := s.Run(t.Context(), "r")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	blocks, err := blocksOf(graph(20), 5)
	require.NoError(t, err)
	deadLog(t, dir, "r", blocks[:4], func(b []byte) []byte { return b })
	require.NoError(t, os.WriteFile(filepath.Join(dir, logDir, "q"+logSuffix), []byte("not a log at all"), 0o600))
	for range 2 {
		s = open(t, dir)
		got, err := s.Run(t.Context(), "r")
		require.NoError(t, err)
		assert.Equal(t, want, got)
		require.NoError(t, s.Close())
		assert.Len(t, runLogs(t, dir), 2)
	}

	// A client that is refused while it begins leaves nothing.
	s = open(t, dir)
	client := open(t, dir)
	require.ErrorIs(t, client.Begin(t.Context(), header("r", time.Now()), nil), metricsstore.ErrExists)
	require.NoError(t, client.Close())
	require.NoError(t, s.Close())
	assert.Len(t, runLogs(t, dir), 2)
}

// TestRefusedWhileItLives: a client learns that its run is refused also where the owner has read its log before the
// client asks, and nothing is set aside or logged while its writer can learn of it.
func TestRefusedWhileItLives(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	store, err := Open(t.Context(), Config{Dir: dir, KeepLive: true, Log: slog.New(slog.NewTextHandler(&out, nil))})
	require.NoError(t, err)
	recordRun(t, store, "r", began())
	scan := func() { store.current().(*owner).scan(t.Context()) }

	begin := func() (l *runLog, end int64) {
		l, err := createLog(dir, store.coding, "r")
		require.NoError(t, err)
		h := header("r", began())
		q, err := wire.BeginRequest(&h, graph(50).AppendShape(nil))
		require.NoError(t, err)
		end, err = l.add(beginRecord, q)
		require.NoError(t, err)
		return l, end
	}
	l, end := begin()
	scan()
	scan()
	require.ErrorIs(t, store.adopt(t.Context(), l, end), metricsstore.ErrExists)
	require.ErrorIs(t, store.adopt(t.Context(), l, end+1), metricsstore.ErrExists, "whatever it writes later")
	require.FileExists(t, l.path)
	require.NoError(t, os.Remove(l.path))

	again, end := begin() // by another client, while the first one still has its log open
	require.ErrorIs(t, store.adopt(t.Context(), again, end), metricsstore.ErrExists)
	require.NoError(t, l.close())
	scan()
	assert.Empty(t, out.String())
	assert.Len(t, runLogs(t, dir), 1)

	require.NoError(t, again.close()) // like a client that dies before it learns of it
	scan()
	assert.Contains(t, out.String(), "set aside")
	assert.NoFileExists(t, again.path)
	assert.FileExists(t, asidePath(again.path, again.id))
	require.NoError(t, store.Close())
}

// TestDeletedBeforeItsLogEnds: the end of a log ends no other run that was given the ID of a deleted one meanwhile, as
// when a run is deleted and imported again. A run that is begun in such a log ends with it.
func TestDeletedBeforeItsLogEnds(t *testing.T) {
	begin := func(t *testing.T, store *Store) (q *wire.Request, l *runLog) {
		l, err := createLog(store.cfg.Dir, store.coding, "r")
		require.NoError(t, err)
		h := header("r", began())
		q, err = wire.BeginRequest(&h, graph(50).AppendShape(nil))
		require.NoError(t, err)
		end, err := l.add(beginRecord, q)
		require.NoError(t, err)
		require.NoError(t, store.adopt(t.Context(), l, end))
		a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: store})
		require.NoError(t, err)
		_, err = a.Rebuild(t.Context(), "r")
		require.NoError(t, err)
		require.NoError(t, store.Delete(t.Context(), "r"))
		return q, l
	}
	for _, c := range []struct {
		name   string
		begins func(*testing.T, *Store, *runLog, *wire.Request)
		want   record.Status
	}{
		{"elsewhere", func(t *testing.T, store *Store, _ *runLog, q *wire.Request) {
			require.NoError(t, store.Begin(t.Context(), header("r", began()), q.Data))
		}, record.Running},
		{"in the log", func(t *testing.T, _ *Store, l *runLog, q *wire.Request) {
			_, err := l.add(beginRecord, q)
			require.NoError(t, err)
		}, record.Interrupted},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, err := Open(t.Context(), Config{Dir: t.TempDir()})
			require.NoError(t, err)
			q, l := begin(t, store)
			c.begins(t, store, l, q)
			require.NoError(t, l.close())
			store.current().(*owner).scan(t.Context())
			require.NoFileExists(t, l.path)
			r, err := store.Run(t.Context(), "r")
			require.NoError(t, err)
			assert.Equal(t, c.want, r.Status)
			require.NoError(t, store.Close())
		})
	}
}

// TestOpenWithoutAnswer: a folder whose owner does not answer ends with the caller's deadline and says who it is.
func TestOpenWithoutAnswer(t *testing.T) {
	dir := t.TempDir()
	lock, err := os.Create(filepath.Join(dir, lockFile))
	require.NoError(t, err)
	require.NoError(t, filelock.Exclusive(lock))
	require.NoError(t, (&ownerFile{Address: "127.0.0.1:1", PID: 4711}).write(dir))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Open(ctx, Config{Dir: dir})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "process 4711 holds data folder "+dir)
	require.NoError(t, lock.Close())
	require.NoError(t, recorderStore(t, dir).Close())
}

func TestDurabilityText(t *testing.T) {
	for _, d := range []Durability{Group, Each} {
		text, err := d.MarshalText()
		require.NoError(t, err)
		var back Durability
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, d, back)
	}
	var d Durability
	require.ErrorIs(t, d.UnmarshalText([]byte("sometimes")), metricsstore.ErrInvalid)
}

// TestRevisionAsClient: a run that has ended is retried by a client, and its log is continued in a file.
func TestRevisionAsClient(t *testing.T) {
	dir := t.TempDir()
	owner, client := recorderStore(t, dir), recorderStore(t, dir)
	recordRun(t, client, "r", began())
	before, err := client.Run(t.Context(), "r")
	require.NoError(t, err)
	h := header("r", began())
	h.Info.Revision = 1
	require.NoError(t, client.Begin(t.Context(), h, graph(50).AppendShape(nil)))
	require.FileExists(t, filepath.Join(dir, logDir, "r"+logSuffix))
	block := func(first, last uint64) metricsstore.Batch {
		return metricsstore.Batch{Blocks: []metricsstore.Block{{First: first, Last: last, Data: []byte("x")}}}
	}
	require.ErrorIs(t, client.Append(t.Context(), "r", block(before.LastSeq, before.LastSeq+1)), metricsstore.ErrConflict)
	require.NoError(t, client.Append(t.Context(), "r", block(before.LastSeq+1, before.LastSeq+3)))
	require.ErrorIs(t, client.Append(t.Context(), "r", block(before.LastSeq+3, before.LastSeq+4)), metricsstore.ErrConflict)
	after, err := owner.Run(t.Context(), "r")
	require.NoError(t, err)
	assert.Equal(t, 1, after.Info.Revision)
	require.Eventually(t, func() bool {
		after, err = owner.Run(t.Context(), "r")
		return err == nil && after.LastSeq == before.LastSeq+3
	}, 10*time.Second, 10*time.Millisecond, "adopted without anybody asking for it")
	require.NoError(t, client.Close())
	require.NoError(t, owner.Close())
}
