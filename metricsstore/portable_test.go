package metricsstore_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// recorded is a store with one whole run.
func recorded(t testing.TB) *memory.Store {
	t.Helper()
	g, steps := simulated(t, 6, 200)
	s := memory.New()
	r := recorder(t, metricsstore.Config{Store: s, BlockSteps: 40})
	require.NoError(t, r.Begin(info("r"), g))
	r.Steps("r", steps)
	r.Details("r", details(0, 30), []record.WorkerRecord{{Worker: 0, Name: "a", Ended: 9}})
	require.NoError(t, r.End("r", succeeded()))
	require.NoError(t, s.Annotate(t.Context(), "r", metricsstore.Annotation{Tags: []string{"t"}, Note: "n"}))
	return s
}

func archiveFile(t testing.TB, s metricsstore.Store) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, metricsstore.WriteArchive(t.Context(), &b, s, "r"))
	return b.Bytes()
}

// equalButAdded holds a run of another store to be the same one, added just now.
func equalButAdded(t testing.TB, want, got metricsstore.Run) {
	t.Helper()
	assert.WithinDuration(t, time.Now(), got.AddedAt, time.Minute, "an imported run was added when it was imported")
	got.AddedAt = want.AddedAt
	assert.Equal(t, want, got)
}

func TestArchiveFileRoundTrip(t *testing.T) {
	from := recorded(t)
	file := archiveFile(t, from)
	assert.Equal(t, file, archiveFile(t, from), "the same run gives the same bytes")
	p, err := metricsstore.ReadArchive(bytes.NewReader(file), 1<<30)
	require.NoError(t, err)
	to := memory.New()
	added, err := archiver(t, to).Import(t.Context(), p)
	require.NoError(t, err)
	assert.True(t, added)
	equalButAdded(t, mustRun(t, from, "r"), mustRun(t, to, "r"))
	assert.Equal(t, rollups(t, from), rollups(t, to))
	assert.Equal(t, file, archiveFile(t, to))
	first := mustRun(t, to, "r")
	for range 2 {
		added, err = archiver(t, to).Import(t.Context(), p)
		require.NoError(t, err)
		assert.False(t, added)
	}
	assert.Equal(t, first, mustRun(t, to, "r"), "importing again changes nothing")
	require.NoError(t, to.Check(t.Context()))
	added, err = archiver(t, from).Import(t.Context(), p)
	require.NoError(t, err)
	assert.False(t, added)
}

func TestImportOfALiveRun(t *testing.T) {
	g, steps := simulated(t, 6, 200)
	from := memory.New()
	beginDead(t, from, "r", g)
	require.NoError(t, from.Append(t.Context(), "r", metricsstore.Batch{Blocks: pack(t, steps[:100], 40)}))
	p, err := metricsstore.ReadArchive(bytes.NewReader(archiveFile(t, from)), 1<<30)
	require.NoError(t, err)
	to := memory.New()
	_, err = archiver(t, to).Import(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, record.Interrupted, mustRun(t, to, "r").Status)

	_, err = archiver(t, from).Import(t.Context(), p)
	require.NoError(t, err, "a run that has begun with the same header is completed")

	// The file of the whole run brings the rest.
	require.NoError(t, to.Append(t.Context(), "r", metricsstore.Batch{}))
	whole := memory.New()
	beginDead(t, whole, "r", g)
	require.NoError(t, whole.Append(t.Context(), "r", metricsstore.Batch{Blocks: pack(t, steps, 20)}))
	p, err = metricsstore.ReadArchive(bytes.NewReader(archiveFile(t, whole)), 1<<30)
	require.NoError(t, err)
	added, err := archiver(t, to).Import(t.Context(), p)
	require.NoError(t, err)
	assert.False(t, added)
	got := mustRun(t, to, "r")
	assert.Equal(t, 2, got.Rollup)
	assert.Equal(t, uint64(len(steps)), got.ArchivedSeq)
	assert.Equal(t, record.Succeeded, got.Status)
}

func TestImportRefuses(t *testing.T) {
	file := archiveFile(t, recorded(t))
	for name, c := range map[string]struct {
		change func(p *metricsstore.Portable)
		want   error
	}{
		"no shape": {func(p *metricsstore.Portable) { delete(p.Attachments, metricsstore.AttachShape) }, metricsstore.ErrCorrupt},
		"other shape": {func(p *metricsstore.Portable) {
			p.Attachments[metricsstore.AttachShape] = nested(t, 1).AppendShape(nil)
		}, metricsstore.ErrCorrupt},
		"path as id":    {func(p *metricsstore.Portable) { p.Run.Info.ID = "../../etc" }, metricsstore.ErrCorrupt},
		"no start":      {func(p *metricsstore.Portable) { p.Run.Info.StartedAt = time.Time{} }, metricsstore.ErrCorrupt},
		"missing block": {func(p *metricsstore.Portable) { p.Blocks = append(p.Blocks[:1:1], p.Blocks[2:]...) }, metricsstore.ErrCorrupt},
		"block twice":   {func(p *metricsstore.Portable) { p.Blocks = append(p.Blocks, p.Blocks[0]) }, metricsstore.ErrCorrupt},
		"damaged block": {func(p *metricsstore.Portable) { p.Blocks[1].Data[30] ^= 1 }, metricsstore.ErrCorrupt},
	} {
		p, err := metricsstore.ReadArchive(bytes.NewReader(file), 1<<30)
		require.NoError(t, err)
		c.change(p)
		s := memory.New()
		_, err = archiver(t, s).Import(t.Context(), p)
		require.ErrorIs(t, err, c.want, name)
		runs, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
		require.NoError(t, err)
		assert.Empty(t, runs, "%s: nothing is kept", name)
	}

	p, err := metricsstore.ReadArchive(bytes.NewReader(file), 1<<30)
	require.NoError(t, err)
	p.Run.Info.Workflow = "another"
	_, err = archiver(t, recorded(t)).Import(t.Context(), p)
	require.ErrorIs(t, err, metricsstore.ErrExists)
	live := memory.New()
	beginDead(t, live, "r", nested(t, 1))
	_, err = archiver(t, live).Import(t.Context(), p)
	require.ErrorIs(t, err, metricsstore.ErrExists)
}

func TestArchiveFileDamaged(t *testing.T) {
	file := archiveFile(t, recorded(t))
	for n := range file {
		_, err := metricsstore.ReadArchive(bytes.NewReader(file[:n]), 1<<30)
		require.ErrorIs(t, err, metricsstore.ErrCorrupt, "cut off at %d", n)
	}
	for n := range file {
		bad := bytes.Clone(file)
		bad[n] ^= 0x10
		_, err := metricsstore.ReadArchive(bytes.NewReader(bad), 1<<30)
		require.Error(t, err, "byte %d of %d", n, len(file))
	}
	_, err := metricsstore.ReadArchive(bytes.NewReader(append(bytes.Clone(file), 0)), 1<<30)
	require.ErrorIs(t, err, metricsstore.ErrCorrupt)
	_, err = metricsstore.ReadArchive(bytes.NewReader(file), int64(len(file)-1))
	require.ErrorIs(t, err, metricsstore.ErrInvalid, "larger than the limit")
	_, err = metricsstore.ReadArchive(bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	_, err = metricsstore.ReadArchive(bytes.NewReader(nil), 1<<30)
	require.ErrorIs(t, err, metricsstore.ErrCorrupt)
}

// frame writes a frame as FORMAT.md says, so that a fuzzer gets past the checksum.
func frame(kind byte, payload []byte) []byte {
	b := append(binary.AppendUvarint([]byte{kind}, uint64(len(payload))), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

func FuzzReadArchive(f *testing.F) {
	g, steps := simulated(f, 6, 3)
	run, err := json.Marshal(metricsstore.Run{Header: metricsstore.Header{Info: info("r"), Status: record.Succeeded}})
	require.NoError(f, err)
	b := pack(f, steps, len(steps))[0]
	row, err := metricsstore.PackDetail(0, &details(0, 1)[0])
	require.NoError(f, err)
	shape := append([]byte("\x05shape"), g.AppendShape(nil)...)
	f.Add(run, byte(3), b.AppendValue([]byte{1}), shape)
	f.Add(run, byte(4), append(row.Append(nil), row.Data...), shape)
	f.Add(run, byte(5), []byte(`{"worker":1,"data":"e30="}`), shape)
	f.Add(run, byte(2), []byte("\x03end{}"), shape)
	f.Fuzz(func(t *testing.T, run []byte, kind byte, payload, shape []byte) {
		file := slices.Concat([]byte("dagscope-run\n\x01"), frame(1, run), frame(2, shape), frame(kind, payload), frame(6, []byte{3}))
		p, err := metricsstore.ReadArchive(bytes.NewReader(file), 1<<20)
		if err != nil {
			require.ErrorIs(t, err, metricsstore.ErrCorrupt)
			return
		}
		s := memory.New()
		if _, err := archiver(t, s).Import(t.Context(), p); err == nil {
			require.NoError(t, s.Check(t.Context()))
			require.True(t, mustRun(t, s, p.Run.Info.ID).Status.Final())
		}
	})
}
