package findings

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// end is how a run ended that did not succeed, nil for one that did. It comes first, whatever took how long.
func (e *ended) end() *Finding {
	if e.context.EndUnknown {
		f := e.finding(EndUnknown).say("The record is damaged: how the run ended is not known.")
		return &f
	}
	switch {
	case e.context.Status == record.Cancelled || lastOutcome(e.table) == record.OutcomeCancelled: // the log has it before the header
		return e.endedEarly(Cancelled, "Cancelled")
	case e.context.Status == record.Interrupted:
		return e.endedEarly(Interrupted, "Interrupted")
	}
	return e.failed()
}

// lastOutcome is how the log says that the run ended, NoOutcome if it does not.
func lastOutcome(table *runtable.Table) record.Outcome {
	for _, m := range slices.Backward(table.Marks()) {
		if m.Kind == record.RunFinished {
			return record.Outcome(m.Value)
		}
	}
	return record.NoOutcome
}

func (e *ended) failed() *Finding {
	node, attempt, message := dag.NoNode, 0, ""
	if c := e.context.Failure; c != nil {
		message, attempt = c.Message, c.Attempt
		if c.Task != "" {
			node = c.Node
		}
	}
	if node == dag.NoNode {
		node, attempt = firstFailed(e.table, attempt)
	}
	f := e.finding(Failed)
	if node == dag.NoNode {
		if message == "" {
			return nil
		}
		f = f.say("The run failed: ", fullStop(firstLine(message)))
		return &f
	}
	f.Tasks, f.Query = 1, taskQuery(node)
	if rows := e.table.RowsOf(node); len(rows) > 0 {
		if row := e.table.Row(rows[len(rows)-1]); row.Worker != runtable.NoWorker {
			f = f.worked(int(row.Worker))
			f.From, f.To = row.Claimed, row.Updated
		}
	}
	f = f.name(e.named(node)).say(" failed")
	if attempt > 1 {
		f = f.say(" at attempt ", count(float64(attempt)))
	}
	if message == "" {
		f = f.say(".")
	} else {
		f = f.say(": ", fullStop(firstLine(message)))
	}
	switch skipped := e.counts[runtable.Skipped]; {
	case skipped == 1:
		f = f.say(" 1 task that needed it was skipped.")
	case skipped > 0:
		f = f.say(" ", counted(skipped, "task"), " that needed it were skipped.")
	}
	return &f
}

// firstFailed is the first task whose last attempt failed; what was done again is over. NoNode if there is none.
func firstFailed(table *runtable.Table, attempt int) (dag.NodeID, int) {
	for i := range table.Rows() {
		row := table.Row(i)
		if row.Outcome != record.OutcomeFailed {
			continue
		}
		if rows := table.RowsOf(row.Node); rows[len(rows)-1] == i {
			return row.Node, int(row.Attempt)
		}
	}
	return dag.NoNode, attempt
}

// endedEarly is that the run was cut short, and where that was not asked for, by what.
func (e *ended) endedEarly(kind Kind, word string) *Finding {
	has := func(kind record.StepKind) bool {
		return slices.ContainsFunc(e.table.Marks(), func(m runtable.Mark) bool { return m.Kind == kind })
	}
	why := ""
	if c := e.context.Failure; c != nil && !has(record.CancelRequested) {
		message := c.Message
		if c.Kind == record.ShutdownError {
			message = "the server was stopped" // the engine reports on itself
		}
		if line := firstLine(message); line != "" {
			why = ": " + line
		}
	}
	if has(record.RunDeadline) {
		why = ", at its deadline"
	}
	// If no attempt has ended there is no makespan, but the log has how long the run was seen.
	seen := e.makespan()
	if seen == 0 {
		seen = float64(e.table.End())
	}
	f := e.finding(kind)
	f.Tasks = e.counts[runtable.Succeeded] + e.counts[runtable.Cached]
	f = f.say(word, " after ", duration(seen), " with ", count(float64(f.Tasks)), " of ", counted(e.table.Tasks(), "task"), " done", why, ".")
	return &f
}

// longestMessage is how many characters of an error are said.
const longestMessage = 160

// firstLine of a message, without its full stop; what is longer is cut off.
func firstLine(message string) string {
	line, _, _ := strings.Cut(message, "\n")
	line = strings.TrimSuffix(strings.TrimSpace(line), ".")
	if utf8.RuneCountInString(line) <= longestMessage {
		return line
	}
	return string([]rune(line)[:longestMessage-1]) + "…"
}

// fullStop ends a sentence, unless its message was cut off.
func fullStop(line string) string {
	if strings.HasSuffix(line, "…") {
		return line
	}
	return line + "."
}

// lower has a text begin with a small letter.
func lower(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToLower(first)) + text[size:]
}
