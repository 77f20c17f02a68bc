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

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// mending reads a run in a transaction and collects what has to be removed from it.
type mending struct {
	runCheck
	tx         *goredis.Tx
	out        []func(context.Context, goredis.Pipeliner)
	faults     []metricsstore.Fault // with which the run is listed afterwards
	lost       []string
	isUnsummed bool

	whole                  logTotals
	last                   uint64
	details, digests, rest int
	rollup                 *metricsstore.Rollup // whether it has any
}

func newMending(s *records, tx *goredis.Tx, run record.RunID) *mending {
	return &mending{runCheck: runCheck{store: s, run: run}, tx: tx}
}

// firstOf is the first of two errors that is not nil.
func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (m *mending) key(part ...string) string { return m.store.key(m.run, part...) }

// mend removes what cannot be read, and counts the rest anew.
func (m *mending) mend(ctx context.Context) error {
	values, err := fieldsOf(m.tx.HMGet(ctx, m.key(runPart), append(slices.Clone(viewFields), leaseField)...))
	if err != nil || values == nil {
		return err
	}
	at, err := m.position(ctx)
	if err != nil {
		return err
	}
	v := parseView(at, values)
	m.kept, m.faults = v.Run, v.known
	for _, part := range []func(context.Context) error{m.blocks, m.rows, m.workers, m.attachments, m.rollups} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	fields := []any{
		versionField, rand.Text(), stepsField, strconv.FormatUint(m.whole.steps, 10), detailsField, strconv.Itoa(m.details),
		logField, strconv.Itoa(m.whole.bytes), digestsField, strconv.Itoa(m.digests), bytesField, strconv.Itoa(m.rest),
	}
	if m.whole.blocks > 0 {
		fields = append(fields, lastField, packSeq(m.last))
	}
	if v.Lacks(metricsstore.AnnotationPart) {
		fields = append(fields, annotationField, "{}")
		m.note(metricsstore.AnnotationPart, 0, errors.New("it could not be read"))
	}
	if lease := values[len(values)-1]; lease != "" && unmarshal(lease, new(metricsstore.Lease)) != nil {
		fields = append(fields, leaseField, "")
	}
	header, err := m.header(ctx, at, &v)
	if err != nil {
		return err
	}
	faults, err := encodeFaults(m.faults)
	if err != nil {
		return err
	}
	fields = append(fields, headerField, header, faultsField, faults)
	_, err = m.tx.TxPipelined(ctx, func(p goredis.Pipeliner) error {
		for _, take := range m.out {
			take(ctx, p)
		}
		if m.whole.blocks == 0 {
			p.HDel(ctx, m.key(runPart), lastField)
		}
		p.HSet(ctx, m.key(runPart), fields...)
		p.Publish(ctx, m.store.index(newsIndex), m.store.message(m.run))
		return nil
	})
	return err
}

// position is where the run is listed.
func (m *mending) position(ctx context.Context) (metricsstore.Position, error) {
	listed, err := m.store.listed(ctx, m.run)
	if err != nil || len(listed) == 0 {
		return metricsstore.Position{Run: m.run}, err
	}
	return metricsstore.ParsePosition([]byte(listed[0]))
}

// header is the new header, as JSON.
func (m *mending) header(ctx context.Context, at metricsstore.Position, v *view) (string, error) {
	h := v.Header
	switch {
	case v.Lacks(metricsstore.HeaderPart):
		remains := metricsstore.Remains{Position: at, Rollup: m.rollup}
		for name, data := range map[string]*[]byte{metricsstore.AttachShape: &remains.Shape, metricsstore.AttachEnd: &remains.End} {
			text, err := m.tx.Get(ctx, m.key(attachmentPart, name)).Bytes()
			if err != nil && !errors.Is(err, goredis.Nil) {
				return "", err
			}
			*data = text
		}
		h = remains.Header()
		m.note(metricsstore.HeaderPart, 0, errors.New("put together from what else is kept, without parameters"))
	case m.isUnsummed && h.Status.Final():
		h.ArchivedSeq = 0
	default:
		m.isUnsummed = false
		return v.header, nil
	}
	m.isUnsummed = true
	data, err := json.Marshal(&h)
	return string(data), err
}

// blocks removes blocks that cannot be read, that overlap the previous one, or that are not listed.
func (m *mending) blocks(ctx context.Context) error {
	unlisted, err := m.tx.HKeys(ctx, m.key(blocksPart)).Result()
	if err != nil {
		return err
	}
	gone := map[string]bool{}
	for _, field := range unlisted {
		gone[field] = true
	}
	var heads []string
	var first error
	err = m.eachPage(ctx, headsPart, blocksPerRead, func(page []string) error {
		values, err := m.runCheck.blocks(ctx, page)
		if err != nil {
			return err
		}
		for i, head := range page {
			value, _ := values[i].(string)
			b, err := parseBlock(head, value)
			if err == nil && b.First <= m.last {
				err = fmt.Errorf("%w: blocks overlap at step %d", metricsstore.ErrCorrupt, b.First)
			}
			if err != nil {
				heads, first = append(heads, head), firstOf(first, err)
				continue
			}
			m.last = b.Last
			m.whole.add(b.First, b.Last, len(b.Data))
			delete(gone, head[:8])
		}
		return nil
	})
	m.note(metricsstore.LogPart, max(len(heads), len(gone)), first)
	m.takeMembers(headsPart, heads)
	m.takeFields(blocksPart, slices.Sorted(maps.Keys(gone)))
	return err
}

// rows removes details that cannot be read or that exist twice.
func (m *mending) rows(ctx context.Context) error {
	var bad []string
	var first error
	last := ""
	err := m.eachPage(ctx, detailsPart, detailsPerRead, func(page []string) error {
		for _, row := range page {
			d, err := parseDetail(row)
			key := string(d.Append(nil))
			if err == nil && key == last {
				err = fmt.Errorf("%w: two details of %+v", metricsstore.ErrCorrupt, d.DetailKey)
			}
			if err != nil {
				bad, first = append(bad, row), firstOf(first, err)
				continue
			}
			last = key
			m.details++
			m.rest += len(d.Data)
		}
		return nil
	})
	m.note(metricsstore.DetailsPart, len(bad), first)
	m.takeMembers(detailsPart, bad)
	return err
}

func (m *mending) workers(ctx context.Context) error {
	rows, err := m.tx.HGetAll(ctx, m.key(workersPart)).Result()
	var bad []string
	var first error
	for key, value := range rows {
		row, err := parseWorker(key, value)
		if err != nil {
			bad, first = append(bad, key), firstOf(first, err)
			continue
		}
		m.rest += len(row.Data)
	}
	m.note(metricsstore.WorkersPart, len(bad), first)
	m.takeFields(workersPart, bad)
	return err
}

func (m *mending) attachments(ctx context.Context) error {
	n, err := m.runCheck.attachments(ctx)
	m.rest += n
	return err
}

// rollups removes roll-ups under keys that are not the run's. They are made anew where it had any.
func (m *mending) rollups(ctx context.Context) error {
	rows, err := m.tx.HGetAll(ctx, m.key(rollupsPart)).Result()
	var bad []string
	for entry, data := range rows {
		key, err := metricsstore.ParseRollupKey([]byte(entry))
		if err != nil || key.Run != m.run {
			bad = append(bad, entry)
			continue
		}
		m.digests += len(data)
		m.rollup = &metricsstore.Rollup{RollupKey: key, Data: []byte(data)}
	}
	m.isUnsummed = len(bad) > 0
	if m.isUnsummed {
		m.note(metricsstore.RollupsPart, len(bad), errors.New("they are kept under keys that are not the run's"))
	}
	m.takeFields(rollupsPart, bad)
	return err
}

// takeFields removes fields of a hash, and takeMembers members of a sorted set.
func (m *mending) takeFields(part string, fields []string) {
	if len(fields) > 0 {
		m.out = append(m.out, func(ctx context.Context, p goredis.Pipeliner) { p.HDel(ctx, m.key(part), fields...) })
	}
}

func (m *mending) takeMembers(part string, members []string) {
	if len(members) > 0 {
		m.out = append(m.out, func(ctx context.Context, p goredis.Pipeliner) { p.ZRem(ctx, m.key(part), texts(members...)...) })
	}
}
