package table

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// row is what a row says.
type row struct {
	key      string // of its task
	task     records.Task
	attempt  records.Attempt
	after    string
	number   float64 // of the attempt
	numbered bool
	verdict  verdict
	ran      bool // it has an attempt
}

// rows are those of one run.
type rows struct {
	layout   *layout
	all      []row
	workflow string
	workers  map[string]int32
	names    []string // of workers
	lanes    map[string]int32
	perLanes map[int32]int32 // lanes of a worker
	named    bool            // lanes are names and not numbers
	assumed  int             // attempts without a status
	unknown  map[string]int  // words of a status
}

// add adds a row to its run, or counts it as one that cannot be read.
func (t *reader) add(cells []string, line int) error {
	if t.count++; t.count > records.MaxTasks {
		return fmt.Errorf("%s: %w: it has more than %d rows", t.file.Path, records.ErrTooLarge, records.MaxTasks)
	}
	c := cellsOf{t, cells}
	name := c.text(fieldRun)
	rs := t.runs[name]
	if rs == nil {
		rs = &rows{
			layout: t.layout, workers: map[string]int32{}, lanes: map[string]int32{}, perLanes: map[int32]int32{}, unknown: map[string]int{},
		}
	}
	r := row{task: records.NewTask(""), attempt: records.NewAttempt()}
	if bad := c.times(&r); bad != "" {
		t.count--
		t.dropped++
		t.example = bad
		return nil
	}
	if len(rs.all) == 0 {
		t.runs[name] = rs
		t.order = append(t.order, name)
	}
	c.identity(&r, line, len(rs.all))
	c.place(&r, rs)
	c.judge(&r, rs)
	c.usage(&r)
	if rs.workflow == "" {
		rs.workflow = c.text(fieldWorkflow)
	}
	rs.all = append(rs.all, r)
	return nil
}

// cellsOf reads the cells of a row.
type cellsOf struct {
	*reader
	cells []string
}

func (c cellsOf) raw(f field) string {
	if i := c.layout.columns[f].index; i >= 0 {
		return c.cells[i]
	}
	return ""
}

// text is a cell, empty if it says that there is nothing.
func (c cellsOf) text(f field) string {
	if cell := c.raw(f); !isNothing(cell) {
		return short(cell)
	}
	return ""
}

func short(text string) string {
	if len(text) > records.MaxText {
		return strings.ToValidUTF8(text[:records.MaxText], "")
	}
	return text
}

// times reads the moments and the duration; bad is a cell that cannot be read.
func (c cellsOf) times(r *row) (bad string) {
	a := &r.attempt
	for f, m := range map[field]*records.Moment{fieldStart: &a.Started, fieldEnd: &a.Ended, fieldSubmit: &a.Ready} {
		var ok bool
		if *m, ok = c.reading.moment(f, c.raw(f)); !ok {
			bad = max(bad, c.raw(f))
		}
	}
	if cell := c.text(fieldDuration); cell != "" {
		d, ok := parseDuration(cell, c.reading.scales[fieldDuration].unit)
		if !ok {
			return max(bad, cell)
		}
		a.Runtime = d
	}
	r.ran = a.Started.Known() || a.Ended.Known() || a.Runtime >= 0
	if a.Started.Known() && !a.Ended.Known() && a.Runtime >= 0 && int64(a.Started) <= math.MaxInt64-int64(a.Runtime) {
		a.Ended = a.Started.Add(a.Runtime)
	}
	return bad
}

func (c cellsOf) identity(r *row, line, before int) {
	r.task.Name, r.task.Function = c.text(fieldName), c.text(fieldFunction)
	r.task.Command, r.after = c.text(fieldCommand), c.text(fieldAfter)
	if n, err := strconv.ParseFloat(c.text(fieldAttempt), 64); err == nil && !math.IsNaN(n) {
		r.number, r.numbered = n, true
	}
	r.key = c.text(fieldID)
	switch {
	case r.key != "":
	case r.task.Name != "" && r.numbered:
		r.key = r.task.Name
	case line > 0:
		r.key = fmt.Sprintf("row %d", line)
	default:
		r.key = fmt.Sprintf("row %d", before+1)
	}
}

// judge reads what the row says about the end of the attempt.
func (c cellsOf) judge(r *row, rs *rows) {
	a := &r.attempt
	status := c.text(fieldStatus)
	code, signal, exited := parseExit(c.text(fieldExit))
	message := c.text(fieldError)
	r.verdict = parseStatus(status)
	v := &r.verdict
	if !v.known {
		ended := a.Ended.Known() || a.Runtime >= 0
		switch {
		case exited && (code != 0 || signal != 0), status == "" && message != "":
			v.outcome = record.OutcomeFailed
		case exited && ended:
			v.outcome = record.OutcomeOK
		case status != "" && message != "":
			v.outcome = record.OutcomeFailed
		case ended:
			v.outcome = record.OutcomeOK
			rs.assumed++
		}
		if status != "" && len(rs.unknown) < 20 {
			rs.unknown[fmt.Sprintf("%.40s", status)]++
		}
	}
	a.Outcome = v.outcome
	switch a.Outcome {
	case record.OutcomeFailed, record.OutcomeCancelled, record.OutcomeLost:
		if exited || message != "" || v.kind != "" && v.kind != record.UserError {
			a.Error = &records.Failure{Kind: v.kind, Message: message, ExitCode: code}
			if signal != 0 {
				a.Error.Signal = strconv.Itoa(signal)
			}
		}
	}
	c.log(r, status, exited)
}

// log keeps what has no other place.
func (c cellsOf) log(r *row, status string, exited bool) {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" && b.Len()+len(name)+len(value)+2 <= records.MaxText {
			fmt.Fprintf(&b, "%s %s\n", name, value)
		}
	}
	line("status", status)
	if exited && r.attempt.Error == nil {
		line("exit", c.text(fieldExit))
	}
	if r.attempt.Error == nil {
		line("error", c.text(fieldError))
	}
	if r.numbered {
		line("attempt", c.text(fieldAttempt))
	}
	if lane := c.text(fieldLane); lane != strconv.Itoa(int(r.attempt.Lane)) {
		line("lane", lane)
	}
	for _, i := range c.layout.rest {
		if !isNothing(c.cells[i]) {
			line(c.source.header[i], c.cells[i])
		}
	}
	r.attempt.Log = strings.TrimSuffix(b.String(), "\n")
}

// place reads where the attempt ran.
func (c cellsOf) place(r *row, rs *rows) {
	worker, lane := c.text(fieldWorker), c.text(fieldLane)
	if worker == "" && lane == "" || !r.ran {
		return
	}
	n, ok := rs.workers[worker]
	if !ok {
		n = int32(len(rs.names))
		rs.workers[worker] = n
		rs.names = append(rs.names, worker)
	}
	r.attempt.Worker = n
	if lane == "" {
		return
	}
	key := fmt.Sprintf("%d %s", n, lane)
	if _, ok := rs.lanes[key]; !ok {
		rs.lanes[key] = rs.perLanes[n]
		rs.perLanes[n]++
	}
	r.attempt.Lane = rs.lanes[key]
	if number, err := strconv.Atoi(lane); err != nil || number != int(r.attempt.Lane) {
		rs.named = true
	}
}

func (c cellsOf) usage(r *row) {
	u := records.NewUsage()
	if d, ok := parseDuration(c.text(fieldCPU), max(1, c.reading.scales[fieldCPU].unit)); ok && c.text(fieldCPU) != "" {
		u.CPU, r.attempt.Usage = d, u
	}
	for f, to := range map[field]*int64{fieldMemory: &u.MemoryBytes, fieldRead: &u.ReadBytes, fieldWritten: &u.WrittenBytes} {
		if n, ok := parseSize(c.text(f), max(1, c.reading.scales[f].unit)); ok {
			*to, r.attempt.Usage = n, u
		}
	}
	if n, ok := parseSize(c.text(fieldBytes), max(1, c.reading.scales[fieldBytes].unit)); ok {
		r.task.OutputBytes = n
	}
}

// byTime sorts the attempts of a task.
func byTime(a, b row) int {
	if a.numbered && b.numbered && a.number != b.number {
		return cmp.Compare(a.number, b.number)
	}
	return cmp.Compare(begin(a), begin(b))
}

// begin is the start of an attempt, or its end if only that is known.
func begin(r row) records.Moment {
	if r.attempt.Started.Known() {
		return r.attempt.Started
	}
	return r.attempt.Ended
}

// sorted are the rows, those of one task together and in order, tasks in the order in which they first occur.
func (rs *rows) sorted() []row {
	place := make(map[string]int, len(rs.all))
	for i := range rs.all {
		if _, ok := place[rs.all[i].key]; !ok {
			place[rs.all[i].key] = i
		}
	}
	slices.SortStableFunc(rs.all, func(a, b row) int {
		return cmp.Or(cmp.Compare(place[a.key], place[b.key]), byTime(a, b))
	})
	return rs.all
}
