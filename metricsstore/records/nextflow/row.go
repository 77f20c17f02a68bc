package nextflow

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// row is what a record says about one attempt.
type row struct {
	id, hash           string
	name, process, tag string
	status             string
	attempt            int // 0 if not recorded
	cpus               int
	host               string
	exit               int // -1 if not recorded
	when               times
	usage              *record.Usage
	script             string
	action             string // what Nextflow did about an error
	log                string
}

// times are the moments of an attempt.
type times struct {
	submit, start, complete records.Moment
	duration, realtime      span
	derived                 bool // complete is submit and duration
}

// cells are the values of a row by the names of columns of a trace.
type cells func(column string) string

// rowOf reads a row. all are the names of its columns. What cannot be read is counted in notes.
func rowOf(get cells, all []string, notes *records.Notes) row {
	p := rowParser{get: get, notes: notes}
	r := row{
		id: p.text("task_id"), hash: p.text("hash"), name: p.text("name"), process: p.text("process"), tag: p.text("tag"),
		status: strings.ToUpper(p.text("status")), host: p.text("hostname"), action: p.text("error_action"),
		attempt: p.number("attempt", 0), cpus: p.number("cpus", 0), exit: p.number("exit", -1),
		script: bounded.Text(unindent(get("script"))),
	}
	r.when = times{
		submit: p.moment("submit"), start: p.moment("start"), complete: p.moment("complete"),
		duration: p.span("duration"), realtime: p.span("realtime"),
	}
	if w := &r.when; !w.complete.Known() && w.duration.length >= 0 && w.submit.Known() {
		if sum := int64(w.submit); sum <= math.MaxInt64-int64(w.duration.length) {
			w.complete, w.derived = w.submit.Add(w.duration.length), true
		}
	}
	cached := r.status == "CACHED"
	if !cached {
		r.usage = p.usage(r.when.realtime.length)
	}
	r.log = p.rest(all, cached)
	r.complete()
	return r
}

// complete derives the process, tag and name from each other.
func (r *row) complete() {
	if r.process == "" {
		r.process, r.tag = r.name, ""
		if at := strings.Index(r.name, " ("); at > 0 && strings.HasSuffix(r.name, ")") {
			r.process, r.tag = r.name[:at], r.name[at+2:len(r.name)-1]
		}
	}
	if r.name == "" && r.process != "" {
		r.name = r.process
		if r.tag != "" {
			r.name += " (" + r.tag + ")"
		}
	}
	if _, err := strconv.Atoi(r.tag); err == nil {
		r.tag = "" // an index
	}
	if r.tag == "null" {
		r.tag = ""
	}
}

// rowParser reads cells and counts those that it cannot read.
type rowParser struct {
	get   cells
	notes *records.Notes
}

func (p *rowParser) text(column string) string {
	if cell := strings.TrimSpace(p.get(column)); !isNone(cell) {
		return bounded.Text(cell)
	}
	return ""
}

func (p *rowParser) bad(column string) {
	p.notes.LeftOut(1, fmt.Sprintf("values of the column %s are in a form that is not known", column))
}

func (p *rowParser) number(column string, otherwise int) int {
	cell := strings.TrimSpace(p.get(column))
	if isNone(cell) {
		return otherwise
	}
	n, err := strconv.ParseInt(cell, 10, 32)
	if err != nil || n < 0 {
		p.bad(column)
		return otherwise
	}
	return int(n)
}

func (p *rowParser) moment(column string) records.Moment {
	m, local, ok := parseMoment(strings.TrimSpace(p.get(column)))
	if !ok {
		p.bad(column)
	}
	if local && m.Known() {
		p.notes.Inferred(1, noZone)
	}
	return m
}

// noZone is said about dates. It is counted, and becomes a remark of the run.
const noZone = "dates have no zone: they are in the local time of the machine that ran Nextflow, and shown as if it were UTC"

func (p *rowParser) span(column string) span {
	s, ok := parseSpan(strings.TrimSpace(p.get(column)))
	if !ok {
		p.bad(column)
		return none
	}
	return s
}

func (p *rowParser) size(column string) int64 {
	size, ok := parseSize(strings.TrimSpace(p.get(column)))
	if !ok {
		p.bad(column)
	}
	return size
}

// usage reads what the attempt used: nil if nothing is recorded. Processor time is the average use times realtime.
func (p *rowParser) usage(realtime time.Duration) *record.Usage {
	u := records.NewUsage()
	u.MemoryBytes, u.ReadBytes, u.WrittenBytes = p.size("peak_rss"), p.size("rchar"), p.size("wchar")
	if u.MemoryBytes < 0 {
		u.MemoryBytes = p.size("rss")
	}
	percent, ok := parsePercent(strings.TrimSpace(p.get("%cpu")))
	if !ok {
		p.bad("%cpu")
	}
	if percent >= 0 && realtime >= 0 {
		if cpu, fits := scale(percent/100, realtime); fits {
			u.CPU = cpu
			p.notes.Inferred(1, "processor times are %cpu times realtime")
		}
	}
	if *u == *records.NewUsage() {
		return nil
	}
	return u
}

// shown are the columns that are in the run as something else than a line of the log.
var shown = map[string]bool{
	"task_id": true, "name": true, "process": true, "tag": true, "status": true, "exit": true, "submit": true, "start": true,
	"complete": true, "duration": true, "realtime": true, "attempt": true, "cpus": true, "hostname": true, "script": true,
	"error_action": true,
}

// used are the columns that are in the usage, except of cached tasks.
var used = map[string]bool{"%cpu": true, "peak_rss": true, "rchar": true, "wchar": true}

// rest lists the other columns, a line each.
func (p *rowParser) rest(all []string, cached bool) string {
	var out strings.Builder
	for _, column := range all {
		if cell := p.text(column); cell != "" && !shown[column] && (cached || !used[column]) {
			fmt.Fprintf(&out, "%s %s\n", column, cell)
		}
	}
	return bounded.Text(strings.TrimSuffix(out.String(), "\n"))
}

// unindent removes empty lines around a script and the indentation that its lines have in common.
func unindent(script string) string {
	if isNone(strings.TrimSpace(script)) {
		return ""
	}
	lines := strings.Split(strings.Trim(script, "\r\n"), "\n")
	indent := -1
	for _, line := range lines {
		if text := strings.TrimLeft(line, " \t"); text != "" && (indent < 0 || len(line)-len(text) < indent) {
			indent = len(line) - len(text)
		}
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(line[min(max(indent, 0), len(line)):], " \t\r")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
