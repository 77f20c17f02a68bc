// Package droptest tests readers of other tools' records that read several files together: it opens the shared
// recordings, cuts off one file of a drop, and compares what is left with the whole. To each run that a reader gives, also
// from cut and from random files, it applies the laws of recordstest.
//
// Guarantees: what is random prints its seed. A machine without the recordings skips these tests with a reason.
//
// Caveats: the recordings are no part of the repository, so a format needs hand-made files as well.
package droptest

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// traces is the folder of recordings, relative to the repository.
const traces = "../shared/traces"

// Traces returns the folder of the recordings.
func Traces(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	require.NoError(t, err)
	for ; filepath.Dir(folder) != folder; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
	}
	folder = filepath.Join(folder, traces)
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the recordings of other tools are not on this machine: " + folder)
	}
	return folder
}

// Load returns the content of a recording, decompressed.
func Load(t testing.TB, path ...string) []byte {
	t.Helper()
	name := filepath.Join(append([]string{Traces(t)}, path...)...)
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return decompress(t, text)
}

func decompress(t testing.TB, text []byte) []byte {
	t.Helper()
	var r io.Reader
	var err error
	switch {
	case bytes.HasPrefix(text, []byte{0x1f, 0x8b}):
		r, err = gzip.NewReader(bytes.NewReader(text))
	case bytes.HasPrefix(text, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		r, err = zstd.NewReader(bytes.NewReader(text), zstd.WithDecoderConcurrency(1))
	default:
		return text
	}
	require.NoError(t, err)
	text, _ = io.ReadAll(r) // a recording may be cut off
	return text
}

// File is a file with that content.
func File(path string, part records.Part, text []byte) records.File {
	return records.File{Path: path, Part: part, Size: int64(len(text)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text)), nil
	}}
}

// Sniffed is a file with the part that the format gives it, which is not Foreign.
func Sniffed(t testing.TB, f records.Format, path string, text []byte) records.File {
	t.Helper()
	part := f.Sniff(path, text[:min(len(text), 64<<10)])
	require.NotEqual(t, records.Foreign, part, path)
	return File(path, part, text)
}

// Read reads files, which have to be good, and checks the runs.
func Read(t testing.TB, f records.Format, files ...records.File) []*records.Run {
	t.Helper()
	runs, err := f.Read(context.Background(), files)
	require.NoError(t, err)
	require.NotEmpty(t, runs)
	for _, r := range runs {
		Check(t, r)
	}
	return runs
}

// Check holds what is so in every run, and recordstest.Laws if anything says when a task ran.
func Check(t testing.TB, r *records.Run) {
	t.Helper()
	require.NotEmpty(t, r.System)
	require.NotEmpty(t, r.Format)
	require.NotEmpty(t, r.Workflow)
	require.Contains(t, []record.Status{"", record.Succeeded, record.Failed, record.Cancelled, record.Running}, r.Status)
	ids := map[string]bool{}
	number := func(what string, i int32, n int) {
		require.True(t, i == records.None || i >= 0 && int(i) < n, "%s %d of %d", what, i, n)
	}
	for i := range r.Tasks {
		task := &r.Tasks[i]
		require.False(t, ids[task.ID], "task %s is there twice", task.ID)
		ids[task.ID] = true
		number("group", task.Group, len(r.Groups))
		for _, p := range task.Parents {
			require.True(t, p >= 0 && int(p) < len(r.Tasks) && int(p) != i, "parent %d of task %d of %d", p, i, len(r.Tasks))
		}
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(task.Parents))), len(task.Parents), "parents of %s are there twice", task.ID)
		require.False(t, task.Skipped && len(task.Attempts) > 0, "task %s is skipped and was tried", task.ID)
		for k := range task.Attempts {
			a := &task.Attempts[k]
			number("worker", a.Worker, len(r.Workers))
			require.Contains(t, []record.Outcome{
				record.NoOutcome, record.OutcomeOK, record.OutcomeCached, record.OutcomeFailed, record.OutcomeCancelled, record.OutcomeLost,
			}, a.Outcome)
		}
	}
	if slices.ContainsFunc(r.Tasks, isTimed) {
		recordstest.Laws(t, r)
	} else if _, err := records.Compile(r, records.Origin{}); err != nil {
		require.ErrorIs(t, err, records.ErrFormat)
	}
}

// isTimed reports whether it is recorded when the task ran.
func isTimed(task records.Task) bool {
	return slices.ContainsFunc(task.Attempts, func(a records.Attempt) bool { return a.Started.Known() })
}

// Cut cuts off file i at random bytes, at most n of them: the format has to refuse it or to say that the run is incomplete,
// unless what is left is the same run.
func Cut(t *testing.T, f records.Format, files []records.File, i, n int) {
	t.Helper()
	text := content(t, &files[i])
	full := Read(t, f, files...)
	for _, at := range Places(t, len(text), n) {
		cut := slices.Clone(files)
		cut[i] = File(files[i].Path, files[i].Part, text[:at])
		runs, err := f.Read(context.Background(), cut)
		if err != nil {
			require.ErrorIs(t, err, records.ErrFormat, "cut at %d", at)
			continue
		}
		for k, r := range runs {
			Check(t, r)
			if r.Incomplete == "" {
				require.Less(t, k, len(full), "cut at %d", at)
				require.Equal(t, full[k], r, "cut at %d, and the run is said to be complete", at)
			}
		}
	}
}

// cutBytes is how much of a file is read for each of the places that were asked for. A file that is longer is cut at fewer:
// its middle is more of the same, and under the race detector a hundred KiB take a tenth of a second.
const cutBytes = 8 << 10

// Places are where a text of size bytes is cut: at a random byte of each of up to n parts of equal length, and shortly
// before its end, where most is there that makes a run look whole. With DAGSCOPE_LONG=1 there are n parts whatever the size.
func Places(t *testing.T, size, n int) []int {
	t.Helper()
	t.Helper()
	if most := 2 * n * cutBytes / size; most < n && os.Getenv("DAGSCOPE_LONG") != "1" { // half of the text is read on average
		n = max(most, min(n, 16))
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d places in %d bytes", seed, n, size)
	random := rand.New(rand.NewPCG(seed, 0))
	all := []int{max(0, size-512), max(0, size-64), max(0, size-8), size - 1}
	for k := range n {
		from, to := size*k/n, size*(k+1)/n
		all = append(all, from+random.IntN(max(1, to-from)))
	}
	return all
}

func content(t testing.TB, f *records.File) []byte {
	t.Helper()
	r, err := f.Open()
	require.NoError(t, err)
	defer r.Close()
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return text
}

// Foreign checks that the format claims no recording outside of the folders.
func Foreign(t *testing.T, f records.Format, folders ...string) {
	t.Helper()
	root := Traces(t)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		short, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if slices.Contains(folders, strings.Split(filepath.ToSlash(short), "/")[0]) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text = decompress(t, text)
		part := f.Sniff(entry.Name(), text[:min(len(text), 64<<10)])
		require.NotEqual(t, records.Main, part, "%s claims %s", f.Name(), short)
		return nil
	}))
}

// Fuzz reads any text under a name: a reader does not crash, and what it reads is in order.
func Fuzz(f *testing.F, format records.Format, name string) {
	f.Fuzz(func(t *testing.T, text []byte) {
		format.Sniff(name, text)
		runs, err := format.Read(context.Background(), []records.File{File(name, records.Main, text)})
		if err != nil {
			return
		}
		for _, r := range runs {
			Check(t, r)
		}
	})
}
