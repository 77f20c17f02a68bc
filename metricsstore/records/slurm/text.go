package slurm

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// columns that only sacct writes, next to JobID.
var columns = []string{
	"JobName", "Partition", "Account", "AllocCPUS", "NCPUS", "State", "ExitCode", "Submit", "Eligible", "Start", "End", "Elapsed", "ElapsedRaw",
	"TotalCPU", "MaxRSS", "NodeList", "User", "ReqMem", "Timelimit", "NNodes", "DerivedExitCode",
}

// headerOf splits a first line, if it is that of sacct.
func headerOf(line string) (header []string, mark string) {
	line = strings.TrimSuffix(line, "\r")
	for _, mark := range []string{"|", "\t", ",", ";"} {
		cells := strings.Split(line, mark)
		if !slices.Contains(cells, "JobID") && !slices.Contains(cells, "JobIDRaw") {
			continue
		}
		for _, c := range columns {
			if slices.Contains(cells, c) {
				return cells, mark
			}
		}
	}
	return nil, ""
}

// maxLine bounds a row; lines that submit jobs can be long.
const maxLine = 4 << 20

// readText reads the rows of a text.
func (b *builder) readText(f *records.File, r io.Reader) error {
	all := lines.New(r, maxLine)
	fault := func(text string) error {
		return &records.Fault{Path: f.Path, Line: all.Number(), Byte: -1, Text: text}
	}
	if !all.Next() {
		if all.Err() != nil {
			return all.Err()
		}
		return fault("empty, expected a header with JobID")
	}
	header, mark := headerOf(string(all.Bytes()))
	if header == nil {
		return fault("no header, expected names of columns such as JobID|JobName|State with bars between them")
	}
	width := len(header)
	if header[width-1] == "" { // --parsable ends each line with a bar
		width--
	}
	if !slices.ContainsFunc(header, func(name string) bool { return name == "End" || isTimed(name) }) {
		return fault("the columns Start, End and Elapsed are missing, so nothing says when a job ran; expected at least one of them, and best " +
			"sacct --parsable2 --format=JobID,JobName,State,ExitCode,Submit,Eligible,Start,End,Elapsed,NCPUS,NodeList")
	}
	b.timed = slices.ContainsFunc(header, isTimed)
	wrong := 0
	for all.Next() {
		line := string(all.Bytes())
		if line == "" {
			continue
		}
		cells := strings.Split(line, mark)
		if len(cells) < width || all.Cut() {
			if !all.Ended() {
				b.incomplete = fmt.Sprintf("the file ends in the middle of line %d", all.Number())
				break
			}
			wrong++
			continue
		}
		if !all.Ended() {
			b.incomplete = fmt.Sprintf("the file ends in the middle of line %d, or after it", all.Number())
		}
		if err := b.add(b.row(header[:width], cells)); err != nil {
			return fmt.Errorf("%s: line %d: %w", f.Path, all.Number(), err)
		}
	}
	b.run.Notes.LeftOut(wrong, "lines have fewer cells than the header")
	return all.Err()
}

// isTimed reports whether a column says when or for how long a job ran; an end alone says neither.
func isTimed(column string) bool {
	return column == "Start" || column == "Elapsed" || column == "ElapsedRaw"
}

// row reads the cells of a row.
func (b *builder) row(header, cells []string) entry {
	e := newEntry()
	moments := map[string]*records.Moment{"Submit": &e.submit, "Eligible": &e.eligible, "Start": &e.start, "End": &e.end}
	var exitText string
	texts := map[string]*string{
		"JobName": &e.name, "State": &e.state, "NodeList": &e.nodes, "ExitCode": &exitText, "SubmitLine": &e.submits, "Dependency": &e.depends,
	}
	sizes := map[string]*int64{"MaxRSS": &e.usage.MemoryBytes, "MaxDiskRead": &e.usage.ReadBytes, "MaxDiskWrite": &e.usage.WrittenBytes}
	for i, name := range header {
		cell := strings.TrimSpace(cells[i])
		if cell == "" {
			continue
		}
		if to, ok := moments[name]; ok {
			var utc bool
			if *to, utc = moment(cell); utc {
				b.utc++
			}
			continue
		} else if to, ok := texts[name]; ok {
			*to = cell
			continue
		} else if to, ok := sizes[name]; ok {
			*to = sizeOf(cell)
			continue
		}
		switch name {
		case "JobID":
			e.id, e.step, _ = strings.Cut(cell, ".")
		case "JobIDRaw":
			e.raw, e.step, _ = strings.Cut(cell, ".")
		case "AllocCPUS", "NCPUS":
			e.cpus, _ = strconv.Atoi(cell)
		case "Elapsed":
			e.elapsed = max(e.elapsed, span(cell))
		case "ElapsedRaw":
			if n, err := strconv.ParseUint(cell, 10, 31); err == nil {
				e.elapsed = time.Duration(n) * time.Second
			}
		case "TotalCPU":
			e.usage.CPU = span(cell)
		case "Restarts":
			e.restarts, _ = strconv.Atoi(cell)
		default:
			e.log = append(e.log, name+" "+cell)
		}
	}
	e.exit = parseExit(exitText)
	if e.id == "" {
		e.id = e.raw
	}
	return e
}
