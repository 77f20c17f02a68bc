package app

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const firstRow = "name,start,end\ncompile,2026-01-01T10:00:00Z,2026-01-01T10:00:02Z\n"

// TestImportWatch: a file that grows is one run, though a table does not say so.
func TestImportWatch(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "build.csv")
	require.NoError(t, os.WriteFile(file, []byte(firstRow), 0o600))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan outcome, 1)
	go func() { ended <- w.runUntil(ctx, "import", "--watch", file) }()
	tasks := func() int64 {
		var list struct{ Runs []runJSON }
		o := w.run("runs", "--json")
		if o.code != exitOK { // the folder is not there yet
			return 0
		}
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &list))
		if len(list.Runs) != 1 {
			return -int64(len(list.Runs))
		}
		return list.Runs[0].Tasks
	}
	require.Eventually(t, func() bool { return tasks() == 1 }, time.Minute, 50*time.Millisecond)
	out, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = out.WriteString("link,2026-01-01T10:00:02Z,2026-01-01T10:00:03Z\n")
	require.NoError(t, err)
	require.NoError(t, out.Close())
	require.Eventually(t, func() bool { return tasks() == 2 }, time.Minute, 50*time.Millisecond)
	stop()
	o := <-ended
	assert.Equal(t, exitOK, o.code, o.stderr)
	assert.Contains(t, o.stdout, "with 2 tasks")
	assert.Equal(t, exitUsage, w.run("import", "--watch", "-").code)
}

func TestImportSnippet(t *testing.T) {
	w := newWorld(t)
	assert.Contains(t, w.ok("import", "--snippet", "dask"), "import dask")
	assert.Contains(t, w.ok("import", "--snippet", "snakemake"), "def log_handler(msg)")
	assert.Equal(t, exitUsage, w.run("import", "--snippet", "ninja").code)
}

func TestImportMap(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "jobs.csv")
	require.NoError(t, os.WriteFile(file, []byte("job,b,e\na,1796000000,1796000005\n"), 0o600))
	assert.Contains(t, w.run("import", file).stderr, "expected an archive or a recording of a known format")
	assert.Contains(t, w.ok("import", "--map", "name=job,start=b,end=e", file), "with 1 task")
	o := w.run("import", "--map", "begin=b", file)
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "start", "the error lists the fields that there are")
}
