package redis

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/metricsstore"
)

func TestNew(t *testing.T) {
	_, err := New(Config{})
	require.ErrorIs(t, err, metricsstore.ErrInvalid)
	client := goredis.NewClient(&goredis.Options{})
	defer func() { _ = client.Close() }()
	_, err = New(Config{Client: client, Prefix: "{a}"})
	require.ErrorIs(t, err, metricsstore.ErrInvalid)
}

func TestVersion(t *testing.T) {
	client := redistest.Start(t).Client(t)
	for value, want := range map[string]error{"1": nil, "2": nil, "3": ErrVersion, "x": metricsstore.ErrCorrupt, "0": metricsstore.ErrCorrupt} {
		s := open(t, client, prefix())
		require.NoError(t, client.Set(t.Context(), s.index(formatIndex), value, 0).Err())
		_, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
		require.ErrorIs(t, err, want, value)
	}
}

// TestPrefixes: stores of different prefixes on one Redis know nothing of each other.
func TestPrefixes(t *testing.T) {
	client := redistest.Start(t).Client(t)
	a, b := open(t, client, "x:"), open(t, client, "x:m:")
	prepare(t, a, "r", true)
	prepare(t, b, "r", false)
	require.NoError(t, a.Delete(t.Context(), "r"))
	require.NoError(t, a.Check(t.Context()))
	require.NoError(t, b.Check(t.Context()))
	assert.Empty(t, read(t, a).Runs)
	assert.Len(t, read(t, b).Runs, 1)
}

// damages are ways of damaging run r, which has ended.
func damages(t *testing.T, client goredis.UniversalClient) map[string]func(s *Store) error {
	return map[string]func(s *Store) error{
		"header gone": func(s *Store) error { return client.HDel(t.Context(), s.key("r", runPart), headerField).Err() },
		"no header":   func(s *Store) error { return client.HSet(t.Context(), s.key("r", runPart), headerField, "{").Err() },
		"no lease":    func(s *Store) error { return client.HSet(t.Context(), s.key("r", runPart), leaseField, "{").Err() },
		"steps":       func(s *Store) error { return client.HIncrBy(t.Context(), s.key("r", runPart), stepsField, 1).Err() },
		"details":     func(s *Store) error { return client.HIncrBy(t.Context(), s.key("r", runPart), detailsField, 1).Err() },
		"bytes":       func(s *Store) error { return client.HIncrBy(t.Context(), s.key("r", runPart), bytesField, 1).Err() },
		"digests":     func(s *Store) error { return client.HIncrBy(t.Context(), s.key("r", runPart), digestsField, 1).Err() },
		"last": func(s *Store) error {
			return client.HSet(t.Context(), s.key("r", runPart), lastField, "12345678").Err()
		},
		"no text":        func(s *Store) error { return client.HSet(t.Context(), s.key("r", runPart), stepsField, "many").Err() },
		"block gone":     func(s *Store) error { return client.HDel(t.Context(), s.key("r", blocksPart), packSeq(3)).Err() },
		"block unlisted": func(s *Store) error { return client.HSet(t.Context(), s.key("r", blocksPart), packSeq(99), "x").Err() },
		"block of another": func(s *Store) error {
			return client.HSet(t.Context(), s.key("r", blocksPart), packSeq(3), "\x07\x00\x00").Err()
		},
		"overlap": func(s *Store) error {
			return client.ZAdd(t.Context(), s.key("r", headsPart), goredis.Z{Member: packSeq(2) + packSeq(3)}).Err()
		},
		"detail": func(s *Store) error {
			return client.ZAdd(t.Context(), s.key("r", detailsPart), goredis.Z{Member: "short"}).Err()
		},
		"two details": func(s *Store) error {
			row := string(metricsstore.DetailKey{Node: 7, Attempt: 1}.Append(nil))
			return client.ZAdd(t.Context(), s.key("r", detailsPart), goredis.Z{Member: row + "other"}).Err()
		},
		"worker":        func(s *Store) error { return client.HSet(t.Context(), s.key("r", workersPart), "w", "x").Err() },
		"attachment":    func(s *Store) error { return client.Append(t.Context(), s.key("r", attachmentPart, "end"), "x").Err() },
		"roll-up's key": func(s *Store) error { return client.HSet(t.Context(), s.key("r", rollupsPart), "k", "x").Err() },
		"roll-up of another run": func(s *Store) error {
			row := rollup("other", "f", "x")
			return client.HSet(t.Context(), s.key("r", rollupsPart), string(row.Append(nil)), "x").Err()
		},
		"run not listed":     func(s *Store) error { return client.Del(t.Context(), s.index(runsIndex)).Err() },
		"roll-up not listed": func(s *Store) error { return client.Del(t.Context(), s.index(rollupsIndex)).Err() },
		"run gone":           func(s *Store) error { return client.Del(t.Context(), s.key("r", runPart)).Err() },
	}
}

// TestCheckFindsDamage: whatever is damaged is reported, for the run that it is in.
func TestCheckFindsDamage(t *testing.T) {
	client := redistest.Start(t).Client(t)
	for name, damage := range damages(t, client) {
		t.Run(name, func(t *testing.T) {
			s := open(t, client, prefix())
			prepare(t, s, "r", true)
			require.NoError(t, s.Check(t.Context()))
			require.NoError(t, damage(s))
			err := s.Check(t.Context())
			require.Error(t, err)
			assert.Contains(t, err.Error(), "run r")
		})
	}
	t.Run("index", func(t *testing.T) {
		s := open(t, client, prefix())
		require.NoError(t, s.Check(t.Context()))
		require.NoError(t, client.ZAdd(t.Context(), s.index(runsIndex), goredis.Z{Member: "x"}).Err())
		require.NoError(t, client.ZAdd(t.Context(), s.index(rollupsIndex), goredis.Z{Member: "y"}).Err())
		err := s.Check(t.Context())
		require.ErrorIs(t, err, metricsstore.ErrCorrupt)
		assert.Equal(t, 2, strings.Count(err.Error(), "index of"), "%v", err)
	})
}

// TestCompactMendsTheIndex: what the server of the index has lost is listed again.
func TestCompactMendsTheIndex(t *testing.T) {
	client := redistest.Start(t).Client(t)
	s := open(t, client, prefix())
	prepare(t, s, "r", true)
	prepare(t, s, "live", false)
	before, listed := read(t, s), index(t, s)
	lost := append(s.historyKeys(), s.index(runsIndex), s.index(rollupsIndex), s.index(ticketIndex), s.index(ticketsIndex))
	require.NoError(t, client.Del(t.Context(), lost...).Err())
	assert.Empty(t, read(t, s).Runs)
	require.NoError(t, s.Compact(t.Context()))
	assert.Empty(t, difference(before, read(t, s)))
	assert.Equal(t, listed, index(t, s))
	require.NoError(t, s.Check(t.Context()))
}

// TestDeleteLeavesNothing: of a deleted run only its fence stays, and that expires.
func TestDeleteLeavesNothing(t *testing.T) {
	client := redistest.Start(t).Client(t)
	s := open(t, client, prefix())
	s.mergeAt = 1
	prepare(t, s, "r", true)
	require.NoError(t, s.Append(t.Context(), "r", metricsstore.Batch{Details: many()}))
	require.NotEmpty(t, history(t, s))
	require.NoError(t, s.Delete(t.Context(), "r"))
	kept, err := s.scan(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{fencePart}, kept["r"])
	assert.Positive(t, client.PTTL(t.Context(), s.key("r", fencePart)).Val())
	assert.Empty(t, index(t, s))
	assert.Zero(t, client.HLen(t.Context(), s.index(ticketsIndex)).Val())
	for _, part := range []string{knownIndex, looseIndex, stubbornIndex, mergedIndex} {
		assert.Zero(t, client.ZCard(t.Context(), s.index(part)).Val(), part)
	}
}

// FuzzParse: values from anywhere are read or refused.
func FuzzParse(f *testing.F) {
	f.Add("0123456789abcdef", "\x00\x00\x00data")
	f.Fuzz(func(t *testing.T, a, b string) {
		if first, last, err := parseHead(a); err == nil {
			back := packedBlock{Block: metricsstore.Block{First: first, Last: last}}
			assert.Equal(t, a, back.head())
		}
		if block, err := parseBlock(a, b); err == nil {
			assert.Equal(t, a, packSeq(block.First)+packSeq(block.Last))
		}
		if row, err := parseDetail(a); err == nil {
			assert.Equal(t, a, string(append(row.Append(nil), row.Data...)))
		}
		if row, err := parseWorker(a, b); err == nil {
			rows, err := packRows(&metricsstore.Batch{Workers: []metricsstore.WorkerRow{row}})
			require.NoError(t, err)
			assert.Equal(t, string(rune(workerRow))+a+b, rows[0])
		}
		_ = parseView(metricsstore.Position{Run: "r"}, []string{a, b, a, b, a, b, a, b, a, b})
	})
}

// TestDamagedRun: a run that is damaged hides no other, and can be deleted.
func TestDamagedRun(t *testing.T) {
	client := redistest.Start(t).Client(t)
	for field, part := range map[string]metricsstore.Part{
		headerField: metricsstore.HeaderPart, annotationField: metricsstore.AnnotationPart, stepsField: metricsstore.RecordsPart, leaseField: "",
	} {
		s := open(t, client, prefix())
		prepare(t, s, "q", true)
		prepare(t, s, "r", true)
		before := read(t, s).Runs
		require.NoError(t, client.HSet(t.Context(), s.key("r", runPart), field, "{").Err())
		runs, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
		require.NoError(t, err)
		require.Len(t, runs, 2)
		for i, r := range runs {
			assert.Equal(t, before[i].Position(), r.Position())
			assert.Equal(t, r.Info.ID == "r" && part != "", r.Lacks(part), field)
			again, err := s.Run(t.Context(), r.Info.ID)
			require.NoError(t, err)
			assert.Equal(t, r, again)
		}
		require.NoError(t, s.Delete(t.Context(), "r"), field)
		require.NoError(t, s.Check(t.Context()), field)
		require.ErrorIs(t, s.Delete(t.Context(), "r"), metricsstore.ErrNotFound)
	}
}

// readRun reads all of one run.
func readRun(t *testing.T, s *Store, id record.RunID) []any {
	t.Helper()
	run, err1 := s.Run(t.Context(), id)
	blocks, err2 := s.Log(t.Context(), id, 0, 0)
	details, err3 := s.Details(t.Context(), id, metricsstore.DetailKey{}, 0)
	workers, err4 := s.Workers(t.Context(), id)
	shape, err5 := s.Attachment(t.Context(), id, metricsstore.AttachShape)
	rollups, err6 := s.Rollups(t.Context(), metricsstore.RollupQuery{Run: id})
	require.NoError(t, errors.Join(err1, err2, err3, err4, err5, err6))
	return []any{run, blocks, details, workers, shape, rollups}
}

// TestDamageHarmsItsRunOnly: whatever of a run is damaged, all others are listed, read, summed up and added to, and the
// run can be deleted.
func TestDamageHarmsItsRunOnly(t *testing.T) {
	client := redistest.Start(t).Client(t)
	all := damages(t, client)
	all["entries of the index"] = func(s *Store) error {
		return errors.Join(
			client.ZAdd(t.Context(), s.index(runsIndex), goredis.Z{Member: "x"}).Err(),
			client.ZAdd(t.Context(), s.index(rollupsIndex), goredis.Z{Member: "y"}).Err(),
		)
	}
	for name, damage := range all {
		if name == "run not listed" || name == "roll-up not listed" { // and so no run at all
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := open(t, client, prefix())
			prepare(t, s, "q", true)
			prepare(t, s, "r", true)
			before := readRun(t, s, "q")
			require.NoError(t, damage(s))
			require.Error(t, s.Check(t.Context()))
			runs, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
			require.NoError(t, err)
			if name != "run gone" {
				require.Len(t, runs, 2)
			}
			assert.Equal(t, record.RunID("q"), runs[len(runs)-1].Info.ID)
			rollups, err := s.Rollups(t.Context(), metricsstore.RollupQuery{})
			require.NoError(t, err)
			assert.GreaterOrEqual(t, len(rollups), 2)
			require.NoError(t, s.Compact(t.Context()))
			prepare(t, s, "new", true)
			require.NoError(t, s.Delete(t.Context(), "new"))
			if len(runs) == 2 {
				require.NoError(t, s.Delete(t.Context(), "r"))
				require.NoError(t, s.Check(t.Context()))
			}
			assert.Equal(t, before, readRun(t, s, "q"))
		})
	}
}

// TestRepairSumsUp: a run whose roll-ups are under keys of others has them again, and nothing is recorded as lost.
func TestRepairSumsUp(t *testing.T) {
	client := redistest.Start(t).Client(t)
	s := open(t, client, prefix())
	leaf := engine.Func1("leaf", func(_ context.Context, n int) (int, error) { return n, nil })
	b := engine.NewBuilder()
	g, err := b.Compile(leaf.Call(engine.Const(b, 1)))
	require.NoError(t, err)
	require.NoError(t, s.Begin(t.Context(), header("r"), g.AppendShape(nil)))
	p, err := metricsstore.NewPacker()
	require.NoError(t, err)
	blocks := []metricsstore.Block{p.Pack(enginetest.SimulateSteps(g, 7, 1))}
	require.NoError(t, s.Append(t.Context(), "r", metricsstore.Batch{Blocks: blocks}))
	a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s})
	require.NoError(t, err)
	_, err = a.Rebuild(t.Context(), "r")
	require.NoError(t, err)
	before, err := s.Rollups(t.Context(), metricsstore.RollupQuery{Run: "r"})
	require.NoError(t, err)
	require.NotEmpty(t, before)
	key := string(before[0].Append(nil))
	require.NoError(t, client.HDel(t.Context(), s.key("r", rollupsPart), key).Err())
	require.NoError(t, client.HSet(t.Context(), s.key("r", rollupsPart), key[:len(key)-1]+"s", before[0].Data).Err())
	done, err := s.Repair(t.Context())
	require.NoError(t, err)
	assert.Len(t, done.Lost, 1)
	require.NoError(t, s.Check(t.Context()))
	after, err := s.Rollups(t.Context(), metricsstore.RollupQuery{Run: "r"})
	require.NoError(t, err)
	assert.Equal(t, before, after)
	r, err := s.Run(t.Context(), "r")
	require.NoError(t, err)
	assert.Empty(t, r.Damaged())
}

// TestRepair: what cannot be read of a run is removed, with a copy for a time, the rest can be read, and the run says
// what it has lost. Of other runs nothing changes.
func TestRepair(t *testing.T) {
	client := redistest.Start(t).Client(t)
	for name, damage := range damages(t, client) {
		t.Run(name, func(t *testing.T) {
			s := open(t, client, prefix())
			prepare(t, s, "q", true)
			prepare(t, s, "r", true)
			others, before := readRun(t, s, "q"), readRun(t, s, "r")
			require.NoError(t, damage(s))
			repaired := s.Changed("r")
			done, err := s.Repair(t.Context())
			require.NoError(t, err)
			select {
			case <-repaired:
			default: // an index that was mended changes no run
				assert.Contains(t, []string{"run not listed", "roll-up not listed"}, name, "readers are not notified")
			}
			require.NotEmpty(t, done.Damage)
			require.NoError(t, s.Check(t.Context()))
			assert.Equal(t, others, readRun(t, s, "q"))
			runs, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
			require.NoError(t, err)
			if name == "run gone" {
				require.Len(t, runs, 1)
				return
			}
			require.Len(t, runs, 2)
			after := readRun(t, s, "r")
			r := after[0].(metricsstore.Run)
			assert.Equal(t, len(done.Lost) > 0, r.Damaged() != "", "%s: %s", r.Damaged(), done.Lost)
			switch name {
			case "header gone", "no header":
				assert.True(t, r.Lacks(metricsstore.HeaderPart))
				was := before[0].(metricsstore.Run)
				assert.Equal(t, was.Position(), r.Position())
				assert.Equal(t, before[1:4], after[1:4])
			case "block gone", "block of another":
				assert.True(t, r.Lacks(metricsstore.LogPart))
				assert.Len(t, after[1], 3)
				assert.Equal(t, before[2:4], after[2:4])
			case "overlap", "block unlisted":
				assert.True(t, r.Lacks(metricsstore.LogPart))
				assert.Equal(t, before[1:4], after[1:4])
			case "roll-up's key", "roll-up of another run":
				assert.True(t, r.Lacks(metricsstore.RollupsPart), "its shape is none, so nothing can be summed up anew")
				assert.Equal(t, before[5], after[5])
			case "no lease", "steps", "details", "bytes", "digests", "last", "no text", "run not listed", "roll-up not listed", "attachment":
				assert.Empty(t, done.Lost)
				assert.Equal(t, before[1:4], after[1:4])
			}
			again, err := s.Repair(t.Context())
			require.NoError(t, err)
			assert.Empty(t, again.Damage)
			if len(done.Aside) > 0 {
				keys, err := client.Keys(t.Context(), globEscape.Replace(done.Aside[0])+":*").Result()
				require.NoError(t, err)
				require.NotEmpty(t, keys)
				assert.Positive(t, client.PTTL(t.Context(), keys[0]).Val())
			}
			require.NoError(t, s.Delete(t.Context(), "r"))
			require.NoError(t, s.Check(t.Context()))
		})
	}
}
