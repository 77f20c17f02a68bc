package redis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// packedArchive is an archive as it is kept. It shares no memory with the archive.
type packedArchive struct {
	given       metricsstore.Archive // owner and header
	attachments map[string]string
	rollups     map[string]string // by key
	blocks      []packedBlock
}

// Archive implements metricsstore.Store.
func (s *Store) Archive(ctx context.Context, run record.RunID, a metricsstore.Archive) error {
	p, err := packArchive(run, &a)
	if err != nil {
		return err
	}
	return s.change(ctx, run, func() (bool, error) { return s.archive(ctx, run, p) })
}

func packArchive(run record.RunID, a *metricsstore.Archive) (*packedArchive, error) {
	if err := a.Validate(run); err != nil {
		return nil, err
	}
	p := &packedArchive{
		given:       metricsstore.Archive{Owner: a.Owner, Header: a.Header},
		attachments: map[string]string{}, rollups: map[string]string{},
	}
	for name, data := range a.Attachments {
		if len(data) > backend.MaxValue {
			return nil, backend.TooLarge("an attachment", len(data))
		}
		p.attachments[name] = string(data)
	}
	for i := range a.Rollups {
		row := &a.Rollups[i]
		if len(row.Data) > backend.MaxValue {
			return nil, backend.TooLarge("a roll-up", len(row.Data))
		}
		p.rollups[string(row.Append(nil))] = string(row.Data)
	}
	var err error
	p.blocks, err = packBlocks(a.Blocks)
	return p, err
}

// errAgain: the run has changed since the decision.
var errAgain = errors.New("redis: the run has changed in the meantime")

func (s *Store) archive(ctx context.Context, run record.RunID, p *packedArchive) (changed bool, err error) {
	for {
		kept, err := s.state(ctx, run)
		if err != nil {
			return false, err
		}
		if kept.version == "" {
			return false, backend.NotFound(run)
		}
		if apply, err := p.given.Check(&kept.header, kept.lease.Owner); err != nil || !apply {
			return false, err
		}
		old, err := s.rollupKeys(ctx, run)
		if err != nil {
			return false, err
		}
		err = s.putArchive(ctx, run, p, kept.version)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return false, err
		}
		gone := slices.DeleteFunc(old, func(key string) bool { _, kept := p.rollups[key]; return kept })
		if len(gone) > 0 {
			err = s.settle(ctx, run, nil, gone)
		}
		return true, err
	}
}

// rollupKeys lists the keys of the roll-ups of a run.
func (k *records) rollupKeys(ctx context.Context, run record.RunID) ([]string, error) {
	return ask(ctx, k.server, func(ctx context.Context) ([]string, error) {
		return k.cfg.Client.HKeys(ctx, k.key(run, rollupsPart)).Result()
	})
}

// stagedArchive names the keys under which an archive is staged.
type stagedArchive struct {
	heads, blocks, rollups string // keys
	names                  []string
	attachments            []string // keys, in the order of names
	digests                int      // bytes of the roll-ups
}

// putArchive stages an archive, announces it and puts it in place. The error is errAgain where the run has another
// version than the given one.
func (k *records) putArchive(ctx context.Context, run record.RunID, p *packedArchive, version string) error {
	header, err := json.Marshal(&p.given.Header)
	if err != nil {
		return fmt.Errorf("redis: header of run %s: %w", run, err)
	}
	to, err := k.stageArchive(ctx, run, p)
	if err != nil {
		return err
	}
	for next := rand.Text(); ; {
		log, err := k.carry(ctx, run, p.blocks, to, version)
		if err != nil {
			return err
		}
		announced, err := k.announce(ctx, &p.given.Header, true, slices.Collect(maps.Keys(p.rollups)))
		if err != nil {
			return err
		}
		keys := append(k.keys(run, runPart, fencePart, headsPart, blocksPart, rollupsPart, namesPart), to.heads, to.blocks, to.rollups)
		for i, name := range to.names {
			keys = append(keys, to.attachments[i], k.key(run, attachmentPart, name))
		}
		got, err := k.eval(ctx, archiveScript, keys, append(texts(
			version, next, announced.ticket, string(header),
			strconv.Itoa(log.blocks), strconv.FormatUint(log.steps, 10), strconv.Itoa(log.bytes), log.before,
			strconv.Itoa(len(p.rollups)), strconv.Itoa(to.digests), k.index(newsIndex), k.message(run),
		), texts(to.names...)...)...)
		if err != nil {
			return err
		}
		switch got.word {
		case "kept":
			if announced.loose >= looseAtArchive {
				_ = k.mergeLoose(ctx, "", allDays, 1) // or the next reader does
			}
			return nil
		case "none", "changed", "lost":
			return errAgain
		case "fenced", "behind":
		default:
			return got.unexpected()
		}
	}
}

func (k *records) stageArchive(ctx context.Context, run record.RunID, p *packedArchive) (to stagedArchive, err error) {
	token := rand.Text()
	to.heads, to.blocks = k.key(run, stagedPart, token, headsPart), k.key(run, stagedPart, token, blocksPart)
	to.rollups = k.key(run, stagedPart, token, rollupsPart)
	var heads, blocks, rollups []string
	for i := range p.blocks {
		b := &p.blocks[i]
		heads = append(heads, b.head())
		blocks = append(blocks, packSeq(b.First), b.value)
	}
	for key, data := range p.rollups {
		rollups = append(rollups, key, data)
		to.digests += len(data)
	}
	if err := k.stageOrder(ctx, to.heads, heads); err != nil {
		return to, err
	}
	if err := k.stageHash(ctx, to.blocks, blocks); err != nil {
		return to, err
	}
	if err := k.stageHash(ctx, to.rollups, rollups); err != nil {
		return to, err
	}
	for name, data := range p.attachments {
		key := k.key(run, stagedPart, token, attachmentPart, name)
		to.names, to.attachments = append(to.names, name), append(to.attachments, key)
		if err := k.stageText(ctx, key, data); err != nil {
			return to, err
		}
	}
	return to, nil
}

// logTotals are the totals of a staged log. Without blocks the log stays as it is.
type logTotals struct {
	blocks int
	steps  uint64
	bytes  int
	before string // number of steps of the log that it was made from
}

func (t *logTotals) add(first, last uint64, bytes int) {
	t.blocks++
	t.steps += last - first + 1
	t.bytes += bytes
}

// carry copies the blocks before and after those of an archive into the staged log, some at a time.
func (k *records) carry(ctx context.Context, run record.RunID, blocks []packedBlock, to stagedArchive, version string) (logTotals, error) {
	var t logTotals
	if len(blocks) == 0 {
		return t, nil
	}
	for i := range blocks {
		t.add(blocks[i].First, blocks[i].Last, blocks[i].size)
	}
	first, last := packSeq(blocks[0].First), packSeq(blocks[len(blocks)-1].Last)
	keys := append(k.keys(run, runPart, headsPart, blocksPart), to.heads, to.blocks)
	for _, bounds := range [][2]string{{"-", "(" + first}, {"(" + last + mostSeq, "+"}} {
		for from := bounds[0]; from != ""; {
			got, err := k.eval(ctx, carryScript, keys, version, first, last, from, bounds[1], blocksPerCarry)
			if err != nil {
				return t, err
			}
			if from, err = t.carried(got); err != nil {
				return t, fmt.Errorf("run %s: %w", run, err)
			}
		}
	}
	return t, nil
}

// blocksPerCarry is how many blocks one script copies.
const blocksPerCarry = 32

// carried adds what was copied, and returns the bound after which there may be more, empty for none.
func (t *logTotals) carried(got reply) (from string, err error) {
	switch got.word {
	case "copied":
	case "changed":
		return "", errAgain
	case "conflict":
		return "", fmt.Errorf("%w: blocks of an archive", metricsstore.ErrConflict)
	case "damaged":
		return "", fmt.Errorf("%w: a block is listed and missing", metricsstore.ErrCorrupt)
	default:
		return "", got.unexpected()
	}
	if t.before == "" {
		t.before = got.text(0)
	}
	n := 0
	for i := 1; i+2 < len(got.rest); i += 3 {
		head, start := got.text(i), got.text(i+1)
		b, err := parseBlock(head, start)
		if err != nil {
			return "", err
		}
		t.add(b.First, b.Last, int(got.number(i+2))-(len(start)-len(b.Data)))
		from = "(" + head
		n++
	}
	if n < blocksPerCarry {
		return "", nil
	}
	return from, nil
}
