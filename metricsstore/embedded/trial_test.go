package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

const trialRuns = 100

// isLong reports whether the tests may take an hour.
func isLong() bool { return os.Getenv("DAGSCOPE_LONG") != "" }

// seed is that of random numbers, DAGSCOPE_SEED where it is set.
func seed() uint64 {
	n, err := strconv.ParseUint(os.Getenv("DAGSCOPE_SEED"), 10, 64)
	if err != nil {
		return 1
	}
	return n
}

// trialStore makes a store of runs of all sizes and gives the bytes of its file.
func trialStore(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	for n := range trialRuns {
		recordSized(t, s, record.RunID(fmt.Sprintf("run-%04d", n)), n, []int{2, 5, 20, 100, 700}[n%5])
	}
	require.NoError(t, s.Delete(t.Context(), allRuns(t, s)[50].Info.ID)) // so that there are free pages
	recordSized(t, s, "again", 50, 40)
	require.NoError(t, s.current().(*owner).mergeHistory(t.Context(), 1))
	require.NoError(t, s.Check(t.Context()))
	require.NoError(t, s.Close())
	data, err := os.ReadFile(filepath.Join(dir, dataFile))
	require.NoError(t, err)
	return data
}

// recordSized records a run with everything that a run can have.
func recordSized(t *testing.T, s *Store, run record.RunID, n, wide int) {
	t.Helper()
	g := graph(wide)
	h := header(run, began().Add(time.Duration(n)*time.Hour))
	require.NoError(t, s.Begin(t.Context(), h, g.AppendShape(nil)))
	blocks, err := blocksOf(g, 50)
	require.NoError(t, err)
	b := metricsstore.Batch{Blocks: blocks}
	for node := range wide {
		detail, err := metricsstore.PackDetail(0, &record.Detail{Node: dag.NodeID(node), Log: fmt.Appendf(nil, "node %d of %s", node, run)})
		require.NoError(t, err)
		b.Details = append(b.Details, detail)
	}
	b.Workers = append(b.Workers, metricsstore.WorkerRow{Rank: 1, Data: []byte(`{"id":1}`)})
	require.NoError(t, s.Append(t.Context(), run, b))
	require.NoError(t, s.Annotate(t.Context(), run, metricsstore.Annotation{Tags: []string{"trial"}, Note: "a note"}))
	a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s})
	require.NoError(t, err)
	_, err = a.Rebuild(t.Context(), run)
	require.NoError(t, err)
}

func allRuns(t *testing.T, s *Store) []metricsstore.Run {
	t.Helper()
	runs, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
	require.NoError(t, err)
	return runs
}

// print is the sum of all that can be read of a run, or why it cannot be.
func print(t *testing.T, s *Store, r metricsstore.Run) string {
	t.Helper()
	if damaged := r.Damaged(); damaged != "" {
		return "listed as damaged: " + damaged
	}
	sum := sha256.New()
	again, err := s.Run(t.Context(), r.Info.ID)
	header, _ := json.Marshal(r)
	second, _ := json.Marshal(again)
	if err != nil || string(header) != string(second) {
		return fmt.Sprintf("listed as %s, read as %s, %v", header, second, err)
	}
	_, _ = sum.Write(header)
	if err := metricsstore.WriteArchive(t.Context(), sum, s, r.Info.ID); err != nil {
		return "damaged: " + err.Error()
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// rollupPrints sums up the roll-ups of each run.
func rollupPrints(t *testing.T, s *Store) map[record.RunID]string {
	t.Helper()
	out := map[record.RunID]string{}
	rows, err := s.Rollups(t.Context(), metricsstore.RollupQuery{})
	if err != nil {
		return nil
	}
	for _, r := range rows {
		data, _ := json.Marshal(r)
		out[r.Run] = fmt.Sprintf("%x", sha256.Sum256(append([]byte(out[r.Run]), data...)))
	}
	return out
}

// trial is one way of damaging a file.
type trial struct {
	t      *testing.T
	sound  map[record.RunID]string
	name   string
	data   []byte
	harmed int // runs that may be
}

// do opens the damaged file, uses the store, and counts the runs that are as they were.
func (c trial) do() {
	t := c.t
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "trial")
	require.NoError(t, err)
	defer func() { _ = os.RemoveAll(dir) }()
	require.NoError(t, os.WriteFile(filepath.Join(dir, dataFile), c.data, 0o600))
	s := open(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	bad := c.bad(s)
	require.LessOrEqual(t, len(bad), c.harmed, "%s: %v", c.name, bad)
	c.merged(s)
	q, err := metricsstore.NewQueries(s)
	require.NoError(t, err)
	for run := range bad {
		_ = metricsstore.WriteArchive(t.Context(), io.Discard, s, run)
		_, _ = q.Records(t.Context(), metricsstore.RecordQuery{Run: run})
		_, _ = q.Statistics(t.Context(), metricsstore.StatsQuery{Run: run, Metric: metricsstore.ExecuteNS})
		_, _ = q.Workers(t.Context(), run)
	}
	recordSized(t, s, "new", 200, 30)
	c.merged(s)
	for run := range bad {
		require.NoError(t, s.Delete(t.Context(), run), c.name)
	}
	require.NoError(t, s.Delete(t.Context(), "new"), c.name)
	if s.Check(t.Context()) != nil {
		_, err := s.Repair(t.Context())
		require.NoError(t, err, c.name)
	}
	require.NoError(t, s.Check(t.Context()), c.name)
	for run, why := range c.bad(s) {
		bad[run] = why
	}
	require.LessOrEqual(t, len(bad), c.harmed, "%s: %v", c.name, bad)
}

// unmerged is a store that merges nothing.
type unmerged struct{ *Store }

func (u unmerged) Rollups(ctx context.Context, q metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	q.Merge = metricsstore.MergeNothing
	return u.Store.Rollups(ctx, q)
}

// merged asks for statistics over all runs: merged roll-ups say what those of the runs say, and no undamaged run is
// left out.
func (c trial) merged(s *Store) {
	t := c.t
	t.Helper()
	merged, err := metricsstore.NewQueries(s)
	require.NoError(t, err)
	plain, err := metricsstore.NewQueries(unmerged{s})
	require.NoError(t, err)
	h := metricsstore.HistoryQuery{Metric: metricsstore.ExecuteNS}
	got, err := merged.HistoryByFunction(t.Context(), h)
	require.NoError(t, err, c.name)
	want, err := plain.HistoryByFunction(t.Context(), h)
	require.NoError(t, err, c.name)
	require.Len(t, got, len(want), c.name)
	for i := range want {
		require.Equal(t, want[i].FunctionName, got[i].FunctionName, c.name)
		w, g := want[i].Buckets[0], got[i].Buckets[0]
		require.LessOrEqual(t, max(got[i].Damaged, want[i].Damaged), c.harmed, c.name)
		require.GreaterOrEqual(t, min(g.Runs, w.Runs), len(c.sound)-c.harmed, c.name)
		if g.Runs == w.Runs { // else one was merged before it was damaged
			require.Equal(t, []any{w.N, w.Summary.Sum, w.From, w.To}, []any{g.N, g.Summary.Sum, g.From, g.To}, c.name)
		}
	}
}

// bad lists the runs that are not as they were, with the reason.
func (c trial) bad(s *Store) map[record.RunID]string {
	bad := map[record.RunID]string{}
	for run := range c.sound {
		bad[run] = "not listed"
	}
	rollups := rollupPrints(c.t, s)
	for _, r := range allRuns(c.t, s) {
		now := print(c.t, s, r) + rollups[r.Info.ID]
		if now == c.sound[r.Info.ID] {
			delete(bad, r.Info.ID)
			continue
		}
		bad[r.Info.ID] = now
	}
	return bad
}

// TestTrials: wherever a bit is flipped, all runs but one are as they were, and the store can be used.
func TestTrials(t *testing.T) {
	t.Parallel()
	data := trialStore(t)
	flips, cuts := 4, 3
	if isLong() {
		flips, cuts = 500, 200
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, dataFile), data, 0o600))
	s := open(t, dir)
	sound, logs, rollups := map[record.RunID]string{}, map[record.RunID]string{}, rollupPrints(t, s)
	for _, r := range allRuns(t, s) {
		sound[r.Info.ID] = print(t, s, r) + rollups[r.Info.ID]
		logs[r.Info.ID] = contents(t, s, r.Info.ID)
	}
	require.Len(t, sound, trialRuns)
	require.NoError(t, s.Close())
	f, file, err := openPages(filepath.Join(dir, dataFile))
	require.NoError(t, err)
	root, _, err := f.findRoot()
	require.NoError(t, err)
	require.NoError(t, file.Close())
	used := int(int64(root.pages) * f.pageSize)
	t.Logf("%d runs in %d pages", len(sound), root.pages)
	rng := rand.New(rand.NewPCG(9, seed()))
	flip := func(name string, bit int) {
		damaged := append([]byte(nil), data...)
		damaged[bit/8] ^= 1 << (bit % 8)
		trial{t: t, sound: sound, name: fmt.Sprintf("%s: bit %d of byte %d of page %d", name, bit%8, bit/8%4096, bit/8/4096), data: damaged, harmed: 1}.do()
	}
	for range flips {
		flip("anywhere", rng.IntN(8*used))
	}
	for range flips { // where pages say what they hold
		flip("head", rng.IntN(int(root.pages))*8*4096+rng.IntN(8*256))
	}
	for range flips { // where what all runs depend on begins
		pages := []int64{0, 1, int64(root.root), int64(root.freelist)}
		flip("root", int(pages[rng.IntN(len(pages))])*8*4096+rng.IntN(8*600))
	}
	whole := wholeBefore(t, data)
	for range cuts {
		size := rng.IntN(used)
		trial{t: t, name: fmt.Sprintf("cut off at %d", size), data: data[:size], sound: logs}.cut(whole(int64(size)))
	}
}

// cut opens a file that is cut off, and counts the runs that are whole.
func (c trial) cut(whole int) {
	t := c.t
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "trial")
	require.NoError(t, err)
	defer func() { _ = os.RemoveAll(dir) }()
	require.NoError(t, os.WriteFile(filepath.Join(dir, dataFile), c.data, 0o600))
	s, err := Open(t.Context(), Config{Dir: dir, Durability: Each, KeepLive: true, noSync: true})
	if err != nil {
		require.ErrorIs(t, err, metricsstore.ErrCorrupt)
		require.Zero(t, whole, c.name)
		return
	}
	defer func() { require.NoError(t, s.Close()) }()
	same := 0
	for _, r := range allRuns(t, s) {
		if contents(t, s, r.Info.ID) == c.sound[r.Info.ID] {
			same++
		}
	}
	t.Logf("%s: %d runs are as they were, %d had to be", c.name, same, whole)
	require.GreaterOrEqual(t, same, whole, c.name)
	recordSized(t, s, "new", 200, 30)
	if s.Check(t.Context()) != nil {
		_, err := s.Repair(t.Context())
		require.NoError(t, err, c.name)
	}
	require.NoError(t, s.Check(t.Context()), c.name)
	for _, r := range allRuns(t, s) {
		if r.Status.Final() { // only a part of an earlier state of their run may be left
			require.NoError(t, s.Delete(t.Context(), r.Info.ID), c.name)
		}
	}
	require.NoError(t, s.Check(t.Context()), c.name)
}

// contents is the sum of what a run has logged, empty where some of it cannot be read.
func contents(t *testing.T, s *Store, run record.RunID) string {
	blocks, err1 := s.Log(t.Context(), run, 0, 0)
	details, err2 := s.Details(t.Context(), run, metricsstore.DetailKey{}, 0)
	workers, err3 := s.Workers(t.Context(), run)
	shape, err4 := s.Attachment(t.Context(), run, metricsstore.AttachShape)
	if errors.Join(err1, err2, err3, err4) != nil {
		return ""
	}
	data, _ := json.Marshal([]any{blocks, details, workers, shape})
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// wholeBefore counts the runs all of whose rows are in one page before a place in the file. Of runs with more pages,
// the one that refers to the others may be after it.
func wholeBefore(t *testing.T, data []byte) func(size int64) int {
	path := filepath.Join(t.TempDir(), dataFile)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	f, file, err := openPages(path)
	require.NoError(t, err)
	c, err := newCodec()
	require.NoError(t, err)
	ends, pages := map[record.RunID]int64{}, map[record.RunID]map[int64]bool{}
	w, err := newWalk(f, c, func(at site, e *element) {
		if at.run == "" || e == nil {
			return
		}
		if pages[at.run] == nil {
			pages[at.run] = map[int64]bool{}
		}
		pages[at.run][e.at/f.pageSize] = true
		ends[at.run] = max(ends[at.run], e.at+e.size)
	})
	require.NoError(t, err)
	w.run(true)
	require.NoError(t, file.Close())
	c.close()
	return func(size int64) (n int) {
		for run, end := range ends {
			if end <= size && len(pages[run]) == 1 {
				n++
			}
		}
		return n
	}
}
