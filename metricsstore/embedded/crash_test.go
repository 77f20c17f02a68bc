package embedded

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// crashJobs are the jobs of a child that is killed, or whose disk gets full.
func crashJobs() map[string]func(dir string) error {
	with := func(f func(ctx context.Context, s *Store) error) func(dir string) error {
		return func(dir string) error {
			ctx := context.Background()
			s, err := Open(ctx, Config{Dir: dir, Durability: Each, KeepLive: true})
			if err != nil {
				return err
			}
			return errors.Join(f(ctx, s), s.Close())
		}
	}
	return map[string]func(dir string) error{
		"rescue": with(func(context.Context, *Store) error { return nil }),
		"repair": with(func(ctx context.Context, s *Store) error {
			_, err := s.Repair(ctx)
			return err
		}),
		"compact": with(func(ctx context.Context, s *Store) error { return s.Compact(ctx) }),
		"merge": with(func(ctx context.Context, s *Store) error {
			return s.current().(*owner).mergeHistory(ctx, 1)
		}),
		"prune": with(func(ctx context.Context, s *Store) error {
			_, err := metricsstore.Retain(ctx, s, metricsstore.Retention{Count: 60}, time.Now())
			return err
		}),
		"import": func(dir string) error { return with(importAll(dir))(dir) },
	}
}

// archivesOf is the folder of the archives that a child imports, next to that of the data.
func archivesOf(dir string) string { return filepath.Join(filepath.Dir(dir), "archives") }

func importAll(dir string) func(context.Context, *Store) error {
	return func(ctx context.Context, s *Store) error {
		a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s})
		if err != nil {
			return err
		}
		files, err := os.ReadDir(archivesOf(dir))
		if err != nil {
			return err
		}
		for _, f := range files {
			data, err := os.ReadFile(filepath.Join(archivesOf(dir), f.Name()))
			if err != nil {
				return err
			}
			archive, err := metricsstore.ReadArchive(bytes.NewReader(data), 1<<30)
			if err != nil {
				return err
			}
			if _, err := a.Import(ctx, archive); err != nil {
				return err
			}
		}
		return nil
	}
}

// crash is a store before a job.
type crash struct {
	t        *testing.T
	job      string
	data     []byte                  // of its file
	held     map[record.RunID]string // prints of its runs
	archives map[record.RunID][]byte // of those that the job imports
	imported map[record.RunID]string // their contents
	damaged  record.RunID            // the one that may be
}

// newCrash makes the store for a job of one of 100 runs.
func newCrash(t *testing.T, job string, data []byte) *crash {
	t.Helper()
	c := &crash{t: t, job: job, held: map[record.RunID]string{}, archives: map[record.RunID][]byte{}, imported: map[record.RunID]string{}}
	dir := t.TempDir()
	path := filepath.Join(dir, dataFile)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	s := open(t, dir)
	for i, r := range allRuns(t, s) {
		id := r.Info.ID
		if job != "import" || i%5 > 0 {
			c.held[id] = print(t, s, r)
			continue
		}
		var archive bytes.Buffer
		require.NoError(t, metricsstore.WriteArchive(t.Context(), &archive, s, id))
		c.archives[id], c.imported[id] = archive.Bytes(), contents(t, s, id)
		require.NoError(t, s.Delete(t.Context(), id))
	}
	if job == "merge" {
		require.NoError(t, s.current().(*owner).update(t.Context(), &op{apply: func(w *write) error {
			w.dirty = true
			return buildHistory(w.tx)
		}}))
	}
	if job == "repair" {
		c.damaged = "run-0003"
		require.NoError(t, s.current().(*owner).update(t.Context(), &op{apply: func(w *write) error {
			w.dirty = true
			return bucketOf(w.tx, c.damaged).Put(blockKey(1), []byte{0x80})
		}}))
	}
	require.NoError(t, s.Close())
	var err error
	c.data, err = os.ReadFile(path)
	require.NoError(t, err)
	if job == "rescue" {
		f := &pageFile{r: bytes.NewReader(c.data), size: int64(len(c.data)), pageSize: -1}
		root, _, err := f.findRoot()
		require.NoError(t, err)
		c.data[int64(root.root)*f.pageSize+10] ^= 1 // number of buckets
	}
	return c
}

// begin puts the store into a folder.
func (c *crash) begin(parent string) (dir string) {
	t := c.t
	dir = filepath.Join(parent, "data")
	for _, dir := range []string{dir, archivesOf(dir)} {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.Mkdir(dir, 0o700))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, dataFile), c.data, 0o600))
	for id, data := range c.archives {
		require.NoError(t, os.WriteFile(filepath.Join(archivesOf(dir), string(id)), data, 0o600))
	}
	return dir
}

// start starts the job on a folder.
func (c *crash) start(dir string) *exec.Cmd {
	exe, err := os.Executable()
	require.NoError(c.t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{c.job, dir, "r"}, " "))
	cmd.Stdout = new(bytes.Buffer)
	require.NoError(c.t, cmd.Start())
	return cmd
}

// check opens the folder after the job was interrupted: everything that was recorded before is kept, what was half
// done can be done again, and no files are left over.
func (c *crash) check(dir string) {
	t := c.t
	s := recorderStore(t, dir)
	for _, line := range strings.Split(errText(s.Check(t.Context())), "\n") {
		require.True(t, line == "" || c.damaged != "" && strings.Contains(line, "run "+string(c.damaged)), line)
	}
	there := map[record.RunID]bool{}
	for _, r := range allRuns(t, s) {
		id := r.Info.ID
		there[id] = true
		if before, ok := c.held[id]; ok && id != c.damaged {
			require.Equal(t, before, print(t, s, r), id)
		}
		require.True(t, c.held[id] != "" || c.archives[id] != nil, "run %s", id)
	}
	if c.job == "prune" {
		require.GreaterOrEqual(t, len(there), 60)
	} else {
		for id := range c.held {
			require.True(t, there[id], id)
		}
	}
	require.NoError(t, importAll(dir)(t.Context(), s))
	for id, kept := range c.imported {
		require.Equal(t, kept, contents(t, s, id), id)
	}
	require.NoError(t, s.Close())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	asides := 0
	for _, f := range files {
		if strings.HasPrefix(f.Name(), dataFile+asideSuffix) {
			asides++
			continue
		}
		require.Contains(t, []string{dataFile, lockFile, logDir}, f.Name())
	}
	require.LessOrEqual(t, asides, 1)
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// crashRounds is how often each job is cut off.
func crashRounds() int {
	switch {
	case isLong():
		return 100
	case testing.Short():
		return 1
	}
	return 2
}

// TestKilledAtWork: whatever a process was doing when it was killed, everything that was recorded before is kept.
func TestKilledAtWork(t *testing.T) {
	data := trialStore(t)
	rng := rand.New(rand.NewPCG(7, seed()))
	for _, job := range slices.Sorted(maps.Keys(crashJobs())) {
		t.Run(job, func(t *testing.T) {
			c := newCrash(t, job, data)
			dir := c.begin(t.TempDir())
			began := time.Now()
			cmd := c.start(dir)
			require.NoError(t, cmd.Wait(), "%s", cmd.Stdout)
			whole := time.Since(began)
			c.check(dir)
			killed := 0
			for range crashRounds() {
				dir := c.begin(filepath.Dir(dir))
				for range 3 { // again and again at the same work
					cmd := c.start(dir)
					time.Sleep(time.Duration(rng.Int64N(int64(whole)))) // a real process needs real time
					_ = cmd.Process.Kill()                              // it may have ended
					if cmd.Wait() != nil {
						killed++
					}
				}
				c.check(dir)
			}
			t.Logf("%d of %d were killed at work, which takes %s", killed, 3*crashRounds(), whole)
		})
	}
}
