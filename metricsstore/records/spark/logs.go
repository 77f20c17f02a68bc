package spark

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// eventLog is one log: a file, or all that it was rolled into, in order.
type eventLog struct {
	files   []records.File
	running bool // a name says that the log is still being written
	broken  string
	compact bool
}

// rolled is the name of a file of a rolled log, with or without what compression and compaction append.
var rolled = regexp.MustCompile(`^events_(\d{1,9})_([^.]*)((?:\.[A-Za-z0-9]+)*)$`)

// databricks is the name of a file of a log of Databricks; that without a date is the newest.
var databricks = regexp.MustCompile(`^eventlog(-[0-9-]+)?(?:\.[A-Za-z0-9]+)*$`)

// part is a file with its place in its log.
type part struct {
	file    records.File
	index   int
	date    string
	compact bool
}

// logs says which files are one log.
func logs(files []records.File) []eventLog {
	parts := map[string][]part{}
	var order []string
	var running []string // what the empty files of folders say
	for _, f := range files {
		if f.Part != records.Main {
			if strings.HasPrefix(f.Base(), "appstatus_") && strings.HasSuffix(f.Base(), ".inprogress") {
				running = append(running, path.Dir(f.Path))
			}
			continue
		}
		key, p := place(f)
		if parts[key] == nil {
			order = append(order, key)
		}
		parts[key] = append(parts[key], p)
	}
	all := make([]eventLog, 0, len(order))
	for _, key := range order {
		l := joined(parts[key])
		if slices.Contains(running, path.Dir(l.files[0].Path)) {
			l.running = true
		}
		all = append(all, l)
	}
	return all
}

// place says to which log a file belongs, and where.
func place(f records.File) (key string, p part) {
	dir, base := path.Split(f.Path)
	if m := rolled.FindStringSubmatch(base); m != nil {
		index, _ := strconv.Atoi(m[1])
		return dir + "events_" + m[2], part{file: f, index: index, compact: strings.Contains(m[3]+".", ".compact.")}
	}
	if m := databricks.FindStringSubmatch(base); m != nil {
		return dir + "eventlog", part{file: f, date: cmp.Or(m[1], "~")}
	}
	return f.Path, part{file: f}
}

// paths are those of the files of the log.
func (l *eventLog) paths() []string {
	out := make([]string, len(l.files))
	for i := range l.files {
		out[i] = l.files[i].Path
	}
	return out
}

// joined puts the files of a log in order. A compacted file stands for itself and all before it.
func joined(parts []part) eventLog {
	slices.SortStableFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(a.date, b.date), order(a.compact, b.compact))
	})
	var l eventLog
	first := 0
	for i, p := range parts {
		if p.compact {
			first, l.compact = i, true
		}
	}
	last := 0
	for i, p := range parts[first:] {
		gap := p.index > last+1 && (i > 0 || !l.compact)
		if gap && l.broken == "" {
			l.broken = "events_" + strconv.Itoa(last+1) + " of the log is missing"
		}
		last = p.index
		l.files = append(l.files, p.file)
		l.running = l.running || strings.HasSuffix(p.file.Base(), ".inprogress")
	}
	return l
}

// order sorts what is not compacted first.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
