package app

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withDamaged gives the world a data folder of five runs; a bit in the header of one is flipped.
func (w *world) withDamaged() (file string) {
	w.t.Helper()
	src, err := os.Open("../../metricsstore/embedded/testdata/damaged-header.db.gz")
	require.NoError(w.t, err)
	defer src.Close()
	z, err := gzip.NewReader(src)
	require.NoError(w.t, err)
	data, err := io.ReadAll(z)
	require.NoError(w.t, err)
	require.NoError(w.t, os.MkdirAll(w.dir, 0o700))
	file = filepath.Join(w.dir, "dagscope.db")
	require.NoError(w.t, os.WriteFile(file, data, 0o600))
	return file
}

const damagedRun = "06h2p9v4sewjj4wce92y"

// TestDamagedRun: a damaged run is listed with the others, exported, and deleted.
func TestDamagedRun(t *testing.T) {
	w := newWorld(t)
	w.withDamaged()
	assert.Regexp(t, damagedRun+` +diamond-skip +succeeded .* damaged`, w.ok("runs"))
	var got struct{ Runs []runJSON }
	w.json(&got, "runs")
	require.Len(t, got.Runs, 5)
	assert.Contains(t, got.Runs[4].Records.Problem, "damaged: header: ")
	for _, format := range []string{"archive", "chrome", "csv", "ndjson"} {
		w.ok("export", damagedRun, "--format", format, "-o", filepath.Join(t.TempDir(), format))
	}
	w.ok("tag", damagedRun, "odd")
	w.ok("delete", damagedRun)
	assert.Contains(t, w.ok("check"), "is in order, with 4 runs\n")
}

// TestCheckRepair: check names what is damaged and changes nothing; --repair takes it out.
func TestCheckRepair(t *testing.T) {
	w := newWorld(t)
	file := w.withDamaged()
	o := w.run("check")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stdout, "run "+damagedRun+": ")

	data, err := os.ReadFile(file)
	require.NoError(t, err)
	for page := range 2 { // of the root of the file, whichever is the latest
		data[page*4096+16+40] ^= 1
	}
	require.NoError(t, os.WriteFile(file, data, 0o600))
	o = w.run("check")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stdout, "a bit of the root of the file was flipped")
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, data, kept, "check changes nothing")

	var got checkJSON
	w.json(&got, "check", "--repair")
	assert.True(t, got.OK)
	require.NotNil(t, got.Repaired)
	assert.NotEmpty(t, got.Repaired.Damage)
	require.NotEmpty(t, got.Repaired.Aside)
	kept, err = os.ReadFile(got.Repaired.Aside[0])
	require.NoError(t, err)
	assert.Equal(t, data, kept, "what was there stays")
	text := w.ok("check")
	assert.Contains(t, text, "is in order, with 5 runs\n")
	assert.Contains(t, text, "run "+damagedRun+" is damaged: header: put together from what else is kept")
}
