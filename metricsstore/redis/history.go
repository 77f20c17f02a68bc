package redis

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// The history has the roll-ups of many runs merged by the day of their start, so that a question about thousands of
// runs reads some rows for each day. It is a part of the index and follows it:
//
// A run that has had roll-ups is known. It is loose until its roll-ups are merged into its day, and again from the
// announcement of a change on, which comes before the change: what is merged is never older than what is kept. A loose
// run is read by itself. To merge it, its latest ticket is fenced off, as for a removal: then its roll-ups cannot change
// without another ticket, and the script that puts the merged rows finds whether one was drawn. Where a merged run
// changes, all runs of its day are loose again, because nothing can be taken out of a digest.
//
// Runs that cannot be merged are stubborn: they are always read by themselves.

// Numbers of loose runs at which they are merged.
const (
	looseAtRead    = 32  // of the days that are read
	looseAtArchive = 256 // of all days
)

// loosePerMerge is how many loose runs of a day are merged at a time.
const loosePerMerge = 256

// historyDay is a day of the history. In keys it takes four bytes, in the order of days.
type historyDay metricsstore.Day

func (d historyDay) start() string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(d)^1<<31))
}

// allDays follows all days.
const allDays = "\xff\xff\xff\xff\xff"

// end is the start of the next day.
func (d historyDay) end() string { return (d + 1).start() }

// spot is where a run is in the history.
type spot struct {
	day   historyDay
	entry string
}

func spotOf(h *metricsstore.Header) spot { return spotIn(h.Info.StartedAt, h.Info.ID) }

func spotIn(started time.Time, run record.RunID) spot {
	day := historyDay(metricsstore.DayOf(started))
	return spot{day, day.start() + string(run)}
}

// spotAt is that of the run at a position; false where the position cannot be read.
func spotAt(position string) (spot, bool) {
	p, err := metricsstore.ParsePosition([]byte(position))
	if err != nil {
		return spot{}, false
	}
	return spotIn(time.Unix(0, p.Started), p.Run), true
}

// parseEntry reads an entry of the history.
func parseEntry(entry string) (spot, record.RunID, error) {
	if len(entry) <= dayLen {
		return spot{}, "", fmt.Errorf("%w: an entry of the history has %d bytes", metricsstore.ErrCorrupt, len(entry))
	}
	day := historyDay(int32(binary.BigEndian.Uint32([]byte(entry)) ^ 1<<31))
	return spot{day, entry}, record.RunID(entry[dayLen:]), nil
}

// historyKeys are the keys of the history, in the order in which scripts expect them.
func (x *runIndex) historyKeys() []string {
	return []string{
		x.index(daysIndex), x.index(knownIndex), x.index(looseIndex), x.index(stubbornIndex), x.index(groupsIndex), x.index(mergedIndex),
	}
}

// Kinds of merged rows: a query wants one of them.
const (
	byFunctionRow   = 'f' // of one function and version
	allFunctionsRow = 'a'
)

// groupOf is what the rows of a kind and metric begin with. No group begins with another one.
func groupOf(kind byte, m metricsstore.Metric) string {
	b := binary.AppendUvarint([]byte{kind}, uint64(len(m)))
	return string(b) + string(m)
}

// sealLen is the length of the checksum at the end of a merged row.
const sealLen = 4

// packMerged is a merged roll-up of a day as a member of the sorted set.
func packMerged(day historyDay, r *metricsstore.MergedRow) (group, row string) {
	kind := byte(byFunctionRow)
	if r.Function == "" {
		kind = allFunctionsRow
	}
	group = groupOf(kind, r.Metric)
	b := appendText([]byte(group+day.start()), r.Workflow)
	b = appendText(b, r.Function)
	b = binary.AppendVarint(b, int64(r.Version))
	b = append(b, r.Data...)
	return group, string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// parseMerged is the inverse of packMerged.
func parseMerged(row string) (historyDay, metricsstore.MergedRow, error) {
	r := fieldReader{rest: []byte(row)}
	sealed := len(row) > sealLen && crc32.ChecksumIEEE(r.rest[:len(row)-sealLen]) == binary.BigEndian.Uint32(r.rest[len(row)-sealLen:])
	r.rest = r.rest[:max(0, len(row)-sealLen)]
	r.bytes(1)
	m := metricsstore.MergedRow{}
	m.Metric = metricsstore.Metric(r.text())
	day := r.bytes(dayLen)
	m.Workflow, m.Function = r.text(), r.text()
	m.Version = int(r.varint())
	m.Data = r.rest
	at := historyDay(int32(binary.BigEndian.Uint32(day) ^ 1<<31))
	if r.short || !sealed {
		return at, m, fmt.Errorf("%w: a merged roll-up is damaged", metricsstore.ErrCorrupt)
	}
	return at, m, nil
}

// fieldReader reads fields one after the other; after the first that is cut off, all are empty and short is set.
type fieldReader struct {
	rest  []byte
	short bool
}

func (r *fieldReader) bytes(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.rest, r.short = nil, true
		return make([]byte, max(0, min(n, dayLen)))
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *fieldReader) text() string {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > uint64(len(r.rest)) {
		r.bytes(-1)
		return ""
	}
	r.bytes(size)
	return string(r.bytes(int(n)))
}

func (r *fieldReader) varint() int64 {
	v, size := binary.Varint(r.rest)
	if size <= 0 {
		r.bytes(-1)
		return 0
	}
	r.bytes(size)
	return v
}

// buildHistory makes the history of a store of format 1, which had none: all runs are loose.
func (x *runIndex) buildHistory(ctx context.Context) error {
	return x.eachEntry(ctx, rollupsIndex, func(keys []string) error {
		var entries []string
		for _, k := range keys {
			if key, err := metricsstore.ParseRollupKey([]byte(k)); err == nil {
				entries = append(entries, historyDay(key.Day).start()+string(key.Run))
			}
		}
		return x.addLoose(ctx, slices.Compact(slices.SortedFunc(slices.Values(entries), cmp.Compare)))
	})
}

// addLoose lists runs as known and loose.
func (x *runIndex) addLoose(ctx context.Context, entries []string) error {
	members := make([]goredis.Z, len(entries))
	for i, e := range entries {
		members[i].Member = e
	}
	if len(members) == 0 {
		return nil
	}
	_, err := ask(ctx, x.server, func(ctx context.Context) ([]goredis.Cmder, error) {
		return x.tx(ctx, func(p goredis.Pipeliner) error {
			p.ZAdd(ctx, x.index(knownIndex), members...)
			p.ZAdd(ctx, x.index(looseIndex), members...)
			return nil
		})
	})
	return err
}
