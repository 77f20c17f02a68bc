package ninja

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// Versions that can be read: before 5, lines have other columns.
const (
	oldest = 5
	newest = 7
	// stampIsStart is the first version whose stamps are those of the starts of commands.
	stampIsStart = 6
)

// maxLine is more than ninja itself reads, in bytes.
const maxLine = 1 << 20

// log is the content of a .ninja_log.
type log struct {
	file    *records.File
	version int
	lines   []line
	cut     int // number of a last line that has no end, else 0
	odd     lines.Odd
}

// line is one output of one command.
type line struct {
	start, end time.Duration // since ninja started
	stamp      records.Moment
	output     string
	hash       uint64
}

// readLog reads a log. Lines that are no entries are counted, as ninja itself passes over them.
func readLog(ctx context.Context, f *records.File) (*log, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	in := lines.New(r, maxLine)
	l := &log{file: f}
	if !in.Next() {
		return nil, fault(f, 1, "the file is empty, expected %q and a version: %v", signature, cmp.Or(in.Err(), io.EOF))
	}
	head, _ := strings.CutPrefix(string(in.Bytes()), signature)
	if l.version, err = strconv.Atoi(head); err != nil || l.version < oldest || l.version > newest {
		return nil, fault(f, 1, "the log is of version %.20q, expected %d to %d", head, oldest, newest)
	}
	for in.Next() {
		if in.Number()%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := l.add(in); err != nil {
			return nil, err
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	if len(l.lines) == 0 {
		return nil, fault(f, 0, "the log has no commands, expected lines of start, end, stamp, output and hash with tabs between them")
	}
	return l, nil
}

// add appends an entry.
func (l *log) add(in *lines.Reader) error {
	text := in.Bytes()
	if !in.Ended() {
		l.cut = in.Number()
		return nil
	}
	if len(bytes.TrimSpace(text)) == 0 || text[0] == '#' {
		return nil
	}
	e, ok := parse(string(text))
	if !ok || in.Cut() {
		l.odd.Add(in.Number())
		return nil
	}
	if len(l.lines) == records.MaxTasks {
		return fmt.Errorf("%s: line %d: %w: expected at most %d entries", l.file.Path, in.Number(), records.ErrTooLarge, records.MaxTasks)
	}
	l.lines = append(l.lines, e)
	return nil
}

// parse takes an entry apart.
func parse(text string) (line, bool) {
	columns := strings.Split(text, "\t")
	if len(columns) < 5 || columns[3] == "" {
		return line{}, false
	}
	start, err := strconv.ParseInt(columns[0], 10, 32)
	if err != nil || start < 0 {
		return line{}, false
	}
	end, err := strconv.ParseInt(columns[1], 10, 32)
	if err != nil || end < 0 {
		return line{}, false
	}
	stamp, err := strconv.ParseInt(columns[2], 10, 64)
	if err != nil {
		return line{}, false
	}
	hash, err := strconv.ParseUint(columns[4], 16, 64)
	if err != nil {
		return line{}, false
	}
	return line{
		start: time.Duration(start) * time.Millisecond, end: time.Duration(end) * time.Millisecond,
		stamp: moment(stamp), output: columns[3], hash: hash,
	}, true
}

// windowsZero is the moment that ninja counts file times of Windows from, in seconds since 1970: its source subtracts
// 12622770400 s from a time that counts from 1601.
const windowsZero = 12622770400 - 11644473600

// moment is the moment of a stamp. Its unit follows from its size: nanoseconds since 1970, units of 100 ns on Windows,
// and before ninja 1.9 seconds of either.
func moment(stamp int64) records.Moment {
	switch {
	case stamp > 1e17:
		return records.At(time.Unix(0, stamp))
	case stamp > 1e15:
		return records.At(time.Unix(windowsZero+stamp/1e7, stamp%1e7*100))
	case stamp > 1e9 && stamp < 1e10:
		return records.At(time.Unix(stamp, 0))
	case stamp > 1e8 && stamp <= 1e9:
		return records.At(time.Unix(windowsZero+stamp, 0))
	}
	return records.Unknown
}
