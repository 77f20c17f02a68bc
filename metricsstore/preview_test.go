package metricsstore_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// sums are the fields of a run that do not depend on how often the store was called, or on what it takes there.
func sums(r metricsstore.Run) metricsstore.Run {
	r.Bytes, r.Upload.Calls, r.Upload.Strategy, r.Info.Upload = 0, 0, "", ""
	return r
}

// TestPreviewOfRecords: a preview sums a run up as a store does that has kept it.
func TestPreviewOfRecords(t *testing.T) {
	g, steps := simulated(t, 6, 200)
	s := memory.New()
	var preview metricsstore.Preview
	tagged := info("r")
	tagged.Tags = []string{"t"}
	for _, rec := range []record.Recorder{recorder(t, metricsstore.Config{Store: s}), &preview} {
		require.NoError(t, rec.Begin(tagged, g))
		rec.Steps("r", steps[:50])
		rec.Steps("r", steps[50:])
		rec.Details("r", details(0, 30), []record.WorkerRecord{{Worker: 0, Name: "a", Ended: 9}})
		require.NoError(t, rec.End("r", succeeded()))
	}
	equalButAdded(t, sums(mustRun(t, s, "r")), sums(preview.Run()))
}

func TestPreviewRefuses(t *testing.T) {
	g, steps := simulated(t, 6, 200)
	var preview metricsstore.Preview
	require.ErrorIs(t, preview.Begin(record.RunInfo{}, g), metricsstore.ErrInvalid)
	require.NoError(t, preview.Begin(info("r"), g))
	steps[3] = record.Step{Seq: steps[3].Seq, Kind: record.AttemptEnded, Node: dag.NoNode - 1, Became: dag.NoNode}
	preview.Steps("r", steps)
	require.ErrorIs(t, preview.End("r", succeeded()), metricsstore.ErrCorrupt)
}

// TestPreviewOfArchives: an archive that can be imported gives the run that is kept then, and nothing is kept before.
func TestPreviewOfArchives(t *testing.T) {
	from := recorded(t)
	p, err := metricsstore.ReadArchive(bytes.NewReader(archiveFile(t, from)), 1<<30)
	require.NoError(t, err)
	to := memory.New()
	a := archiver(t, to)
	got, err := a.Preview(t.Context(), p)
	require.NoError(t, err)
	_, err = to.Run(t.Context(), "r")
	require.ErrorIs(t, err, metricsstore.ErrNotFound)
	_, err = a.Import(t.Context(), p)
	require.NoError(t, err)
	equalButAdded(t, sums(mustRun(t, to, "r")), sums(got))
	_, err = a.Preview(t.Context(), p)
	require.NoError(t, err, "it is the same run")

	p.Run.Info.Workflow = "other"
	_, err = a.Preview(t.Context(), p)
	assert.ErrorIs(t, err, metricsstore.ErrExists)
	p.Blocks[0].Data = p.Blocks[0].Data[:8]
	_, err = a.Preview(t.Context(), p)
	assert.ErrorIs(t, err, metricsstore.ErrCorrupt)
}
