package importer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

const recording = `{"name": "one", "schemaVersion": "1.6", "workflow": {
	"specification": {"tasks": [{"id": "a"}, {"id": "b", "parents": ["a"]}], "files": []},
	"execution": {"makespanInSeconds": 9, "tasks": [{"id": "a", "runtimeInSeconds": 2}, {"id": "b", "runtimeInSeconds": 3}]}}}`

func newImporter(t testing.TB, store metricsstore.Store) *importer.Importer {
	i, err := importer.New(importer.Config{Store: store})
	require.NoError(t, err)
	return i
}

// importOne imports one file.
func importOne(t testing.TB, with *importer.Importer, content []byte) importer.Result {
	var drop importer.Drop
	defer func() { require.NoError(t, drop.Close()) }()
	require.NoError(t, drop.AddStream("file", bytes.NewReader(content)))
	results, err := with.Import(context.Background(), &drop)
	require.NoError(t, err)
	require.Len(t, results, 1)
	return results[0]
}

func packed(t testing.TB, content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(content)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// TestImport imports a recording and its archive in all ways in which files can be written.
func TestImport(t *testing.T) {
	store := memory.New()
	before := time.Now()
	first := importOne(t, newImporter(t, store), []byte(recording))
	require.NoError(t, first.Err)
	require.Equal(t, "wfformat", first.Format)
	require.Equal(t, importer.Imported, first.Outcome)
	require.Equal(t, 9*time.Second, time.Duration(first.Run.MakespanNS()))
	require.False(t, first.Run.Added().Before(before), "a run without a date is as old as its import")
	var archive bytes.Buffer
	require.NoError(t, metricsstore.WriteArchive(t.Context(), &archive, store, first.Run.Info.ID))
	mark := "\xef\xbb\xbf"
	for name, c := range map[string]struct {
		content []byte
		format  string
	}{
		"recording":     {[]byte(recording), "wfformat"},
		"spaces before": {[]byte(" \n" + recording), "wfformat"},
		"mark":          {[]byte(mark + recording), "wfformat"},
		"gzip":          {packed(t, []byte(mark+recording)), "wfformat"},
		"archive":       {archive.Bytes(), importer.Archive},
		"gzip archive":  {packed(t, archive.Bytes()), importer.Archive},
	} {
		t.Run(name, func(t *testing.T) {
			for _, into := range []struct {
				store metricsstore.Store
				want  importer.Outcome
			}{{store, importer.Unchanged}, {memory.New(), importer.Imported}} {
				got := importOne(t, newImporter(t, into.store), c.content)
				require.NoError(t, got.Err)
				if name != "spaces before" { // another file, so another run
					require.Equal(t, into.want, got.Outcome)
					require.Equal(t, first.Run.Info, got.Run.Info)
					require.Equal(t, first.Run.Counts, got.Run.Counts)
				}
				require.Equal(t, c.format, got.Format)
			}
		})
	}
}

// TestLongerRecord: a longer record of a run replaces the shorter one, also where it begins earlier, and keeps what people
// have added; the shorter one changes nothing afterwards.
func TestLongerRecord(t *testing.T) {
	span := func(id, parent string, start int64) string { // in milliseconds
		return fmt.Sprintf(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"%s","parentSpanId":"%s","name":"s",`+
			`"startTimeUnixNano":"%d000000","endTimeUnixNano":"1796101699000000000"}]}]}]}`+"\n", id, parent, start)
	}
	const border = 13382 << 27 // where the time in the ID of a run that has a key steps
	store := memory.New()
	with := newImporter(t, store)
	short, long := span("0000000000000002", "0000000000000001", border+900), span("0000000000000001", "", border-900)
	first := importOne(t, with, []byte(short))
	require.NoError(t, first.Err)
	note := metricsstore.Annotation{Note: "mine"}
	require.NoError(t, store.Annotate(t.Context(), first.Run.Info.ID, note))
	second := importOne(t, with, []byte(short+long))
	require.NoError(t, second.Err)
	require.Equal(t, importer.Replaced, second.Outcome)
	require.Equal(t, first.Run.Info.ID, second.Run.Info.ID)
	require.Equal(t, "mine", second.Run.Annotation.Note)
	require.True(t, second.Run.Info.StartedAt.Before(first.Run.Info.StartedAt))
	require.Equal(t, importer.Unchanged, importOne(t, with, []byte(short)).Outcome)
}

// TestImportTogether: files that have nothing to do with each other are the same runs as if each was imported alone, in
// whatever order.
func TestImportTogether(t *testing.T) {
	event := `[{"name":"a","ph":"X","ts":%d,"dur":5,"pid":1,"tid":1}]`
	contents := []string{recording, strings.Replace(recording, "one", "two", 1), fmt.Sprintf(event, 7), fmt.Sprintf(event, 3)}
	store := memory.New()
	with := newImporter(t, store)
	alone := map[record.RunID]bool{}
	for _, content := range contents {
		got := importOne(t, with, []byte(content))
		require.NoError(t, got.Err)
		alone[got.Run.Info.ID] = true
	}
	require.Len(t, alone, len(contents))
	var drop importer.Drop
	defer func() { require.NoError(t, drop.Close()) }()
	for k := range contents {
		require.NoError(t, drop.AddStream(fmt.Sprintf("file %d", k), strings.NewReader(contents[len(contents)-1-k])))
	}
	results, err := with.Import(t.Context(), &drop)
	require.NoError(t, err)
	require.Len(t, results, len(contents))
	for _, got := range results {
		require.NoError(t, got.Err)
		require.True(t, alone[got.Run.Info.ID], got.Path)
		require.Equal(t, importer.Unchanged, got.Outcome, got.Path)
	}
}

// TestDropOfFolders: files of one name in two folders are two files, and a link to a folder is one.
func TestDropOfFolders(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a", "b"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		content := strings.Replace(recording, `"one"`, fmt.Sprintf(`"run %d"`, i), 1)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "x.json"), []byte(content), 0o600))
	}
	require.NoError(t, os.Symlink(filepath.Join(dir, "a"), filepath.Join(dir, "b", "link")))
	for _, paths := range [][]string{{dir}, {filepath.Join(dir, "a", "x.json"), filepath.Join(dir, "b", "x.json")}, {filepath.Join(dir, "b", "link"), filepath.Join(dir, "b", "x.json")}} {
		var drop importer.Drop
		for _, p := range paths {
			require.NoError(t, drop.AddPath(p))
		}
		results, err := newImporter(t, memory.New()).Import(t.Context(), &drop)
		require.NoError(t, err)
		require.Len(t, results, 2)
		for _, r := range results {
			require.NoError(t, r.Err)
			require.Equal(t, importer.Imported, r.Outcome)
		}
		require.NoError(t, drop.Close())
	}
	require.ErrorContains(t, new(importer.Drop).AddPath(t.TempDir()), "there is no file in it")
}

// TestFilesOfOneFormat: of two records of one run in a drop, the longer one is kept, whichever comes first.
func TestFilesOfOneFormat(t *testing.T) {
	const head = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"
	whole := head + "1\t:\t1796000000.1\t1.5\t0\t0\t0\t0\tsleep 1\n2\t:\t1796000000.1\t2.5\t0\t0\t0\t0\tsleep 2\n"
	cut := head + "1\t:\t1796000000.1\t1.5\t0\t0\t0\t0\tsleep 1\n"
	for _, files := range [][]string{{cut, whole}, {whole, cut}} {
		store := memory.New()
		var drop importer.Drop
		for i, content := range files {
			require.NoError(t, drop.AddStream(fmt.Sprintf("%d/x.tsv", i), strings.NewReader(content)))
		}
		results, err := newImporter(t, store).Import(t.Context(), &drop)
		require.NoError(t, err)
		require.Len(t, results, len(files))
		for _, r := range results {
			require.NoError(t, r.Err)
		}
		require.NoError(t, drop.Close())
		all, err := store.Runs(t.Context(), metricsstore.Position{}, 10)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.EqualValues(t, 2, all[0].Counts.Tasks)
	}
}

func TestImportRefuses(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"nothing", " \n", "it is empty, expected an archive or a recording"},
		{"text", "hello world", `it begins with "hello world", expected an archive or a recording`},
		{"an older archive", "dagscope-run\n\x02", "expected an archive"},
		{"a damaged archive", metricsstore.ArchiveMagic + "x", "the archive is damaged"},
		{"other JSON", `{"traceEvent": []}`, "expected an archive or a recording of a known format"},
		{"another version", `{"schemaVersion": "1.2"}`, "is the string \"1.2\", expected 1.4, 1.5 or 1.6"},
		{"a graph alone", strings.Replace(recording, "runtimeInSeconds", "seconds", 2), "has no runtimes"},
		{"a table of Slurm without jobs", "JobID|JobName|State|Start|End\n1|a\n", "no jobs, expected at least one"},
		{"cut off gzip", string(packed(t, []byte(recording))[:40]), "compressed by gzip and cannot be unpacked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := importOne(t, newImporter(t, memory.New()), []byte(c.content)).Err
			require.ErrorIs(t, err, importer.ErrFile)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "metricsstore")
			require.NotContains(t, err.Error(), "file: ", "the result has the path")
			require.NotContains(t, err.Error(), "corrupt")
		})
	}
}

// TestImportAtTheSameTime has several importers, as processes have one each, import the same file.
func TestImportAtTheSameTime(t *testing.T) {
	source := memory.New()
	one := importOne(t, newImporter(t, source), []byte(recording))
	require.NoError(t, one.Err)
	var archive bytes.Buffer
	require.NoError(t, metricsstore.WriteArchive(t.Context(), &archive, source, one.Run.Info.ID))
	for name, content := range map[string]string{"recording": recording, "archive": archive.String()} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				store := memory.New()
				const n = 4
				var outcomes [n]importer.Outcome
				var errs [n]error
				var all sync.WaitGroup
				for i := range n {
					with := newImporter(t, store)
					all.Go(func() {
						r := importOne(t, with, []byte(content))
						outcomes[i], errs[i] = r.Outcome, r.Err
					})
				}
				all.Wait()
				count := map[importer.Outcome]int{}
				for i := range n {
					require.NoError(t, errs[i])
					count[outcomes[i]]++
				}
				require.Equal(t, map[importer.Outcome]int{importer.Imported: 1, importer.Unchanged: n - 1}, count)
				require.NoError(t, store.Check(t.Context()))
			}
		})
	}
}

// TestCollection holds what is kept of public recordings to what their files say, read on their own.
func TestCollection(t *testing.T) {
	names, err := filepath.Glob("../../../shared/wfinstances/*.json")
	require.NoError(t, err)
	if len(names) == 0 {
		t.Skip("no recordings in ../shared/wfinstances")
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			content, err := os.ReadFile(name)
			require.NoError(t, err)
			want := readPlainly(t, content)
			store := memory.New()
			got := importOne(t, newImporter(t, store), content)
			require.NoError(t, got.Err)
			c := got.Run.Counts
			require.Equal(t, want.makespan, time.Duration(got.Run.MakespanNS()), "makespan")
			require.Equal(t, want.in, c.BytesIn, "bytes in")
			require.Equal(t, want.moved, c.BytesMoved, "bytes moved")
			require.Equal(t, want.out, c.BytesOut, "bytes out")
			require.Equal(t, want.written, c.OutputBytes, "bytes of outputs")
			compareTasks(t, store, got.Run.Info.ID, want)
		})
	}
}

// compareTasks compares records and details with what a file says.
func compareTasks(t *testing.T, store metricsstore.Store, run record.RunID, want *plain) {
	q, err := metricsstore.NewQueries(store)
	require.NoError(t, err)
	id := map[dag.NodeID]string{}
	rows, err := store.Details(t.Context(), run, metricsstore.DetailKey{}, 0)
	require.NoError(t, err)
	details := map[dag.NodeID]record.Detail{}
	for i := range rows {
		d, err := rows[i].Unpack()
		require.NoError(t, err)
		first, _, _ := strings.Cut(string(d.Log), "\n")
		id[d.Node], details[d.Node] = strings.TrimPrefix(first, "id "), d
	}
	sums := map[string]time.Duration{}
	_, err = q.EachRecord(t.Context(), run, func(records []record.TaskMetrics) error {
		for i := range records {
			m := &records[i]
			task := want.tasks[id[m.Node]]
			sums[m.Task.Function] += m.Execute
			task.function = m.Task.Function
			require.Equal(t, task.runtime, m.Execute)
			require.Equal(t, task.cpu, m.CPU, "CPU of %s", id[m.Node])
			require.Equal(t, [3]int64{task.memory, task.read, task.wrote}, [3]int64{m.MemoryBytes, m.ReadBytes, m.WrittenBytes})
			require.Equal(t, task.inputs, m.Input, "inputs of %s", id[m.Node])
			for _, in := range details[m.Node].Inputs {
				from := "" // outside
				if in.From != dag.NoNode {
					from = id[in.From]
				}
				require.Equal(t, task.from[from], in.Bytes, "%s reads of %q", id[m.Node], from)
			}
		}
		return nil
	})
	require.NoError(t, err)
	byFunction := map[string]time.Duration{}
	for _, task := range want.tasks {
		byFunction[task.function] += task.runtime
	}
	require.Equal(t, byFunction, sums)
	require.NotContains(t, sums, "", fmt.Sprint(len(want.tasks)))
}
