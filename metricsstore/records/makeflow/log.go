package makeflow

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// States of nodes in the log.
const (
	waiting  = 0
	begun    = 1
	complete = 2
	failed   = 3
	aborted  = 4
)

// exists is the state of a file that has been made.
const exists = 2

// change is a line about a node.
type change struct {
	at    records.Moment
	node  int
	state int
	job   string
}

// section is one run in the log.
type section struct {
	started, ended records.Moment
	end            string // COMPLETED, FAILED or ABORTED, empty if the log has no end
	changes        []change
	done           map[int]bool     // nodes that were complete before it
	sizes          map[string]int64 // of files that were made
}

// log is what is read from a file.
type log struct {
	file     *records.File
	sections []*section
	rules    map[int]*rule // as newer logs name them
	total    int           // nodes that the log counts
	nodes    int           // one more than the greatest number of a node
	count    int
	strange  lines.Odd
	cut      string
}

func readLog(f *records.File) (*log, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	l := &log{file: f, rules: map[int]*rule{}}
	if err := l.read(in); err != nil {
		return nil, err
	}
	if l.count == 0 {
		return nil, &records.Fault{Path: f.Path, Byte: -1, Text: "no node was submitted, expected lines that begin with microseconds and the number of a node"}
	}
	return l, nil
}

func (l *log) read(in io.Reader) error {
	all := lines.New(in, maxLine)
	for all.Next() {
		if !all.Ended() {
			l.cut = fmt.Sprintf("the file ends in the middle of line %d", all.Number())
			break // its last number may be cut
		}
		line := string(all.Bytes())
		switch {
		case strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, "#"):
			l.remark(strings.TrimSpace(line[1:]))
		case !l.change(strings.Fields(line)):
			l.strange.Add(all.Number())
		}
		if l.count > records.MaxTasks*4 || len(l.rules) > records.MaxTasks {
			return fmt.Errorf("%s: %w: more than %d lines about nodes", l.file.Path, records.ErrTooLarge, records.MaxTasks*4)
		}
	}
	return all.Err()
}

func micros(text string) (records.Moment, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/int64(time.Microsecond) {
		return records.Unknown, false
	}
	return records.Moment(n * int64(time.Microsecond)), true
}

// last is the run that is being read.
func (l *log) last() *section {
	if len(l.sections) == 0 {
		l.begin(records.Unknown)
	}
	return l.sections[len(l.sections)-1]
}

// begin begins a run: what was complete at the end of the one before it is done.
func (l *log) begin(at records.Moment) {
	s := &section{started: at, ended: records.Unknown, done: map[int]bool{}, sizes: map[string]int64{}}
	if n := len(l.sections); n > 0 {
		before := l.sections[n-1]
		for node := range before.done {
			s.done[node] = true
		}
		for _, c := range before.changes {
			if c.state == complete {
				s.done[c.node] = true
			} else {
				delete(s.done, c.node)
			}
		}
	}
	l.sections = append(l.sections, s)
}

// remark reads a line that begins with #.
func (l *log) remark(text string) {
	words := strings.Fields(text)
	if len(words) < 2 {
		return
	}
	switch words[0] {
	case "STARTED":
		if at, ok := micros(words[1]); ok {
			l.begin(at)
		}
	case "COMPLETED", "FAILED", "ABORTED":
		if at, ok := micros(words[1]); ok {
			s := l.last()
			s.ended, s.end = at, words[0]
		}
	case "FILE":
		if len(words) >= 5 && words[len(words)-2] == strconv.Itoa(exists) {
			if n, err := strconv.ParseInt(words[len(words)-1], 10, 64); err == nil && n >= 0 {
				l.last().sizes[strings.Join(words[2:len(words)-2], " ")] = n
			}
		}
	case "NODE", "CATEGORY", "PARENTS", "SOURCES", "TARGETS", "COMMAND":
		if n, err := strconv.Atoi(words[1]); err == nil && n >= 0 && n < records.MaxTasks {
			l.describe(n, words[0], words[2:])
		}
	}
}

// describe reads what newer logs say about a node.
func (l *log) describe(n int, what string, words []string) {
	r := l.rules[n]
	if r == nil {
		r = &rule{}
		l.rules[n] = r
	}
	switch what {
	case "CATEGORY":
		r.category = strings.Join(words, " ")
	case "SOURCES":
		r.sources = names(strings.Join(words, " "))
	case "TARGETS":
		r.targets = names(strings.Join(words, " "))
	case "COMMAND":
		r.command = short(strings.Join(words, " "))
	case "PARENTS":
		for _, w := range words {
			if p, err := strconv.Atoi(w); err == nil {
				r.parents = append(r.parents, p)
			}
		}
	}
}

// change reads microseconds, node, new state, job, and how many nodes wait, run, are complete, failed and aborted, and
// are there.
func (l *log) change(words []string) bool {
	if len(words) < 10 {
		return false
	}
	at, ok := micros(words[0])
	node, wrong := strconv.Atoi(words[1])
	state, err := strconv.Atoi(words[2])
	if !ok || wrong != nil || err != nil || node < 0 || node >= records.MaxTasks {
		return false
	}
	if total, err := strconv.Atoi(words[9]); err == nil && total < records.MaxTasks {
		l.total = max(l.total, total)
	}
	l.nodes = max(l.nodes, node+1)
	l.count++
	s := l.last()
	s.changes = append(s.changes, change{at, node, state, words[3]})
	return true
}
