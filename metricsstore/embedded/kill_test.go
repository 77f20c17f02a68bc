package embedded

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// verify: nothing that was acknowledged to a process is lost, and its run has ended in the folder.
func verify(t *testing.T, s *Store, p *process) {
	t.Helper()
	require.Empty(t, p.failed)
	got, err := s.Run(t.Context(), p.run)
	require.NoError(t, err, "%s, of which step %d was kept", p.run, p.kept)
	assert.Equal(t, record.Interrupted, got.Status, p.run)
	assert.GreaterOrEqual(t, got.LastSeq, p.kept, p.run)
	assert.Equal(t, got.LastSeq, got.Steps, "%s has no gaps", p.run)
	assert.Equal(t, got.LastSeq, got.ArchivedSeq, p.run)
	assert.Empty(t, got.Damage)
	blocks, err := s.Log(t.Context(), p.run, 0, 0)
	require.NoError(t, err)
	u, err := metricsstore.NewUnpacker()
	require.NoError(t, err)
	seq := uint64(0)
	for _, b := range blocks {
		steps, err := u.Unpack(nil, b)
		require.NoError(t, err)
		seq += uint64(len(steps))
	}
	assert.Equal(t, got.LastSeq, seq)
}

func runLogs(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, logDir, "*"+logSuffix+"*"))
	require.NoError(t, err)
	aside, err := filepath.Glob(filepath.Join(dir, logDir, "*"+keptSuffix))
	require.NoError(t, err)
	return append(names, aside...)
}

// TestKill: several processes record into one folder, and are killed or closed in any order, the owner as well as
// clients. A process that opens the folder later finds everything that was acknowledged.
func TestKill(t *testing.T) {
	rounds := 23
	if testing.Short() {
		rounds = 5
	}
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 1))
	kills, owners, clients := 0, 0, 0
	for round := range rounds {
		var all []*process
		for i := range 3 {
			role := []string{"each", "group"}[(round+i)%2]
			all = append(all, start(t, role, dir, record.RunID(fmt.Sprintf("run-%d-%d", round, i))))
		}
		for _, p := range all {
			<-p.begun
			if p.held {
				owners++
			} else {
				clients++
			}
		}
		var during *Store
		if round%3 == 2 {
			during = recorderStore(t, dir)
		}
		for _, i := range rng.Perm(len(all)) {
			time.Sleep(time.Duration(rng.IntN(120)) * time.Millisecond) // real processes need real time
			if rng.IntN(4) == 0 {
				all[i].end()
			} else {
				all[i].kill()
				kills++
			}
		}
		if during != nil {
			require.NoError(t, during.Close())
		}
		s := recorderStore(t, dir)
		for _, p := range all {
			verify(t, s, p)
		}
		assert.Empty(t, runLogs(t, dir))
		require.NoError(t, s.Check(t.Context()))
		require.NoError(t, s.Close())
	}
	t.Logf("%d kills, %d runs of owners, %d of clients", kills, owners, clients)
	assert.Positive(t, owners)
	assert.Positive(t, clients)
}

// recorderStore opens a folder as programs do.
func recorderStore(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Dir: dir})
	require.NoError(t, err)
	return s
}

// TestOwnerDies: a client continues without an owner, becomes the owner, and is found by the next client.
func TestOwnerDies(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "each", dir, "first")
	<-p.begun
	require.True(t, p.held)
	client := recorderStore(t, dir)
	require.False(t, client.Owns())
	g := graph(10)
	require.NoError(t, client.Begin(t.Context(), header("own", time.Now()), g.AppendShape(nil)))
	blocks, err := blocksOf(g, 5)
	require.NoError(t, err)
	p.kill()
	_, err = os.Stat(filepath.Join(dir, nameFile))
	require.NoError(t, err, "a killed owner leaves its name")
	for _, b := range blocks {
		require.NoError(t, client.Append(t.Context(), "own", metricsstore.Batch{Blocks: []metricsstore.Block{b}}))
	}
	assert.False(t, client.Owns(), "appending needs no owner")

	own, err := client.Run(t.Context(), "own")
	require.NoError(t, err)
	assert.True(t, client.Owns())
	assert.Equal(t, record.Running, own.Status, "its writer lives")
	assert.Equal(t, blocks[len(blocks)-1].Last, own.LastSeq)
	verify(t, client, p)

	next := start(t, "group", dir, "next")
	<-next.begun
	assert.False(t, next.held)
	next.end()
	require.True(t, next.closed)
	require.Eventually(t, func() bool {
		r, err := client.Run(t.Context(), "next")
		return err == nil && r.Status.Final()
	}, 10*time.Second, 20*time.Millisecond)
	verify(t, client, next)
	require.NoError(t, client.Close())

	last := recorderStore(t, dir)
	own, err = last.Run(t.Context(), "own")
	require.NoError(t, err)
	assert.Equal(t, record.Succeeded, own.Status, "the log contains the end")
	assert.Empty(t, runLogs(t, dir))
	require.NoError(t, last.Close())
}

// TestManyOpenAtOnce: one is the owner, the others are clients, and when all but one have closed, that one can do
// everything.
func TestManyOpenAtOnce(t *testing.T) {
	dir := t.TempDir()
	const n = 8
	stores := make(chan *Store, n)
	for range n {
		go func() {
			s, err := Open(t.Context(), Config{Dir: dir})
			assert.NoError(t, err)
			stores <- s
		}()
	}
	var all []*Store
	owners := 0
	for range n {
		s := <-stores
		require.NotNil(t, s)
		if all = append(all, s); s.Owns() {
			owners++
		}
	}
	assert.Equal(t, 1, owners)
	shape := graph(3).AppendShape(nil)
	for i, s := range all {
		run := record.RunID(fmt.Sprint("r", i))
		require.NoError(t, s.Begin(t.Context(), header(run, time.Now()), shape))
		runs, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
		require.NoError(t, err)
		assert.Len(t, runs, i+1)
	}
	for i, s := range all {
		if s.Owns() { // first: the others find a new one
			require.NoError(t, s.Close())
			all = append(all[:i:i], all[i+1:]...)
			break
		}
	}
	for _, s := range all {
		runs, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
		require.NoError(t, err)
		assert.Len(t, runs, n)
		require.NoError(t, s.Close())
	}
	assert.Empty(t, runLogs(t, dir))
}
