package ninja

import (
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// run makes a run of its commands.
func (l *log) run(o one, g *graph) *records.Run {
	r := records.NewRun("ninja", fmt.Sprintf("ninja log %d", l.version))
	r.Path = l.file.Path
	r.Workflow = workflow(l.file)
	first := &l.lines[o.commands[0].lines[0]]
	if first.stamp.Known() {
		r.Key = fmt.Sprintf("%d %d %d %s %x", first.stamp, first.start.Milliseconds(), first.end.Milliseconds(), first.output, first.hash)
	}
	r.Notes.LeftOut(l.odd.Count, l.odd.Text("lines of the log are no entries")+": expected start, end, stamp, output and hash with tabs between them")
	zero := records.Moment(0)
	r.Undated = l.version < stampIsStart || !o.zero.Known() || !o.byStamp
	if r.Undated {
		r.Date = o.zero
	} else {
		zero = o.zero
	}
	r.Started = zero
	if o.cut {
		r.Incomplete = fmt.Sprintf("the file ends in the middle of line %d", l.cut)
	}
	for _, c := range o.commands {
		r.Tasks = append(r.Tasks, l.task(c, zero))
		if n := len(c.lines); n > 1 {
			r.Notes.Inferred(n-1, "lines with the start, end and hash of another one are further outputs of its command")
		}
	}
	l.remark(r, &o)
	if g == nil {
		r.Notes.Remark(record.NoteLeftOut, "dependencies are not in the log; what ninja -t graph prints has them")
		return r
	}
	l.connect(r, &o, g)
	return r
}

// task is the task of a command.
func (l *log) task(c command, zero records.Moment) records.Task {
	e := &l.lines[c.lines[0]]
	t := records.NewTask(e.output)
	a := records.NewAttempt()
	a.Started, a.Ended, a.Outcome = zero.Add(e.start), zero.Add(e.end), record.OutcomeOK
	if len(c.lines) > 1 {
		var b strings.Builder
		for _, i := range c.lines[1:] {
			more := "output " + l.lines[i].output + "\n"
			if b.Len()+len(more) > records.MaxText {
				break
			}
			b.WriteString(more)
		}
		a.Log = b.String()
	}
	t.Attempts = []records.Attempt{a}
	return t
}

// remark says what is known about the run as a whole.
func (l *log) remark(r *records.Run, o *one) {
	r.Notes.Remark(record.NoteLeftOut, "commands that failed are not in the log, so the build may have failed")
	switch {
	case !r.Undated:
		r.Notes.Remark(record.NoteInferred, "when ninja started follows from stamps of the file system's clock at the starts of commands")
	case r.Date.Known():
		r.Notes.Remark(record.NoteInferred, "the day follows from the times of outputs")
	}
	if o.partial {
		r.Notes.Remark(record.NoteLeftOut, "ninja compacted the log: commands that ran again in a later run are not in it")
	}
	if o.byStamp {
		r.Notes.Remark(record.NoteInferred, "commands were put into runs by their stamps")
	} else {
		r.Notes.Remark(record.NoteInferred, "a run ends where ends of commands go back or an output occurs again")
	}
}
