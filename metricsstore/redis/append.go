package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// Bounds of the rows of one script. More rows are sent ahead as a parcel, so that no script works for long.
const (
	rowsPerScript  = 512
	bytesPerScript = 512 << 10
)

// packedBatch is a batch as it is kept.
type packedBatch struct {
	blocks []packedBlock
	rows   []string
}

// Append implements metricsstore.Store. It makes several calls of Redis only where the batch is large or overlaps
// what is kept.
func (s *Store) Append(ctx context.Context, run record.RunID, b metricsstore.Batch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	blocks, err := packBlocks(b.Blocks)
	if err != nil {
		return err
	}
	rows, err := packRows(&b)
	if err != nil {
		return err
	}
	return s.change(ctx, run, func() (bool, error) { return s.append(ctx, run, &packedBatch{blocks, rows}) })
}

// append decides about blocks with what is known, has Redis verify that, and decides again where it was wrong.
func (s *Store) append(ctx context.Context, run record.RunID, b *packedBatch) (changed bool, err error) {
	var d decision
	d.decide(b, nil)
	for {
		if d.parcel == "" && large(b.rows) {
			if d.parcel, err = s.stageRows(ctx, run, b.rows); err != nil {
				return false, err
			}
		}
		got, err := s.sendBatch(ctx, run, b, &d)
		if err != nil {
			return false, err
		}
		switch got.word {
		case "kept":
			return true, s.drain(ctx, run, d.parcel)
		case "same":
			return false, nil
		case "none":
			return false, backend.NotFound(run)
		case "waiting":
			err = s.drain(ctx, run, got.text(0))
		case "other": // what was decided was about the run that had this ID before
			d.incarnation = ""
			d.decide(b, nil)
		case "lost":
			d.parcel = ""
		case "overlap":
			err = d.learn(b, got)
		default:
			err = got.unexpected()
		}
		if err != nil {
			return false, err
		}
	}
}

// large reports whether rows are too much for one script.
func large(rows []string) bool {
	bytes := 0
	for _, row := range rows {
		bytes += len(row)
	}
	return len(rows) > rowsPerScript || bytes > bytesPerScript && len(rows) > 1
}

// decision is what an Append is about to do.
type decision struct {
	put         []packedBlock
	ask         bool   // the blocks of the batch overlap each other: what is kept has to be known before deciding
	incarnation string // of the run that the decision is about; empty for any
	parcel      string // token of the rows, empty where they are in the same call
}

// decide finds out which blocks are to be kept, given the kept ones that overlap them.
func (d *decision) decide(b *packedBatch, kept []metricsstore.Block) {
	var err error
	d.put, err = fresh(b.blocks, kept)
	d.ask = err != nil
	if d.ask {
		d.put = b.blocks
	}
}

// learn decides again with the kept blocks that overlap.
func (d *decision) learn(b *packedBatch, got reply) error {
	d.incarnation = got.text(0)
	var kept []metricsstore.Block
	for i := 1; i < len(got.rest); i++ {
		first, last, err := parseHead(got.text(i))
		if err != nil {
			return err
		}
		kept = append(kept, metricsstore.Block{First: first, Last: last})
	}
	var err error
	d.put, err = fresh(b.blocks, kept)
	d.ask = false
	return err
}

// sendBatch runs the script.
func (k *records) sendBatch(ctx context.Context, run record.RunID, b *packedBatch, d *decision) (reply, error) {
	rows := b.rows
	if d.parcel != "" {
		rows = nil
	}
	steps, bytes := uint64(0), 0
	blocks := make([]string, 0, 3*len(d.put))
	for i := range d.put {
		block := &d.put[i]
		steps += block.Last - block.First + 1
		bytes += block.size
		blocks = append(blocks, packSeq(block.First), packSeq(block.Last), block.value)
	}
	ask := "0"
	if d.ask {
		ask = "1"
	}
	args := texts(
		d.incarnation, k.index(newsIndex), k.message(run), d.parcel, strconv.Itoa(len(b.rows)), ask,
		strconv.FormatUint(steps, 10), strconv.Itoa(bytes), strconv.Itoa(len(d.put)),
	)
	keys := append(k.keys(run, runPart, headsPart, blocksPart, detailsPart, workersPart), k.key(run, stagedPart, d.parcel))
	return k.eval(ctx, appendScript, keys, append(append(args, texts(blocks...)...), texts(rows...)...)...)
}

// stageRows sends rows ahead and returns their token.
func (k *records) stageRows(ctx context.Context, run record.RunID, rows []string) (token string, err error) {
	token = rand.Text()
	keys := []string{k.key(run, stagedPart, token)}
	for sent := 0; sent < len(rows); {
		n, bytes := sent, 0
		for n < len(rows) && n-sent < rowsPerScript && bytes < bytesPerScript {
			bytes += len(rows[n])
			n++
		}
		args := texts(strconv.Itoa(sent), strconv.FormatInt(stagedFor.Milliseconds(), 10))
		if _, err := k.eval(ctx, stageScript, keys, append(args, texts(rows[sent:n]...)...)...); err != nil {
			return "", err
		}
		sent = n
	}
	return token, nil
}

// drain moves the rows of a parcel to where they belong. They are kept already: a call that is about to read or add
// rows does this first, so no reader sees a part of a parcel.
func (k *records) drain(ctx context.Context, run record.RunID, parcel string) error {
	if parcel == "" {
		return nil
	}
	keys := append(k.keys(run, runPart, detailsPart, workersPart), k.key(run, stagedPart, parcel))
	for {
		got, err := k.eval(ctx, drainScript, keys, parcel, rowsPerScript, bytesPerScript)
		if err != nil {
			return fmt.Errorf("rows of run %s: %w", run, err)
		}
		switch got.word {
		case "done":
			return nil
		case "more":
		default:
			return got.unexpected()
		}
	}
}
