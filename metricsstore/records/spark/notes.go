package spark

import (
	"maps"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
)

// notes says what is in the run, and what is not.
func (a *application) notes(p *plan, b *builder) {
	n := &a.run.Notes
	n.Recorded(a.jobs.count, "jobs were started")
	n.Recorded(a.jobs.failed, "jobs failed")
	for _, message := range a.jobs.errors {
		message, _, _ = strings.Cut(message, "\n")
		n.Remark(record.NoteRecorded, "%.300s", message)
	}
	n.Recorded(p.skipped, "stages were skipped, because an earlier stage had made the same; what waits for them waits for that")
	n.Recorded(p.unmade, "stages were skipped although no stage in the log made the same")
	n.Inferred(p.pooled, "stages are called after their query, because Spark calls them after a thread pool")
	n.LeftOut(p.strange, "stages that others wait for are not in the log")
	n.Recorded(b.unstarted, "tasks were never started")
	n.LeftOut(int(b.beyond), "further tasks were never started")
	a.lack(int(b.lost), "tasks of stages that ended are not in the log")
	a.lack(a.jobs.unstarted, "jobs ended whose start is not in the log")
	a.lack(a.attempts.repeat.unstarted, "attempts ended whose start is not in the log")
	a.repeats(b)
	for _, reason := range slices.Sorted(maps.Keys(a.removals)) {
		n.Recorded(a.removals[reason], sentence("executors were removed", reason))
	}
	n.LeftOut(a.stages.bad, "stages have no number")
	n.LeftOut(a.ignored, "events say nothing about tasks: plans of SQL, storage, metrics of executors")
	n.Remark(record.NoteLeftOut, "accumulators of tasks and settings of the application are not read")
}

// lack says that something is not there that should be.
func (a *application) lack(count int, text string) {
	if count > 0 {
		a.lacks = append(a.lacks, text)
		a.run.Notes.LeftOut(count, text)
	}
}

// repeats says what was found about attempts.
func (a *application) repeats(b *builder) {
	n, r := &a.run.Notes, &a.attempts.repeat
	n.Recorded(r.speculative, "attempts were speculative")
	n.Recorded(r.resubmitted, "attempts that had succeeded lost their output with their executor (Resubmitted)")
	n.Recorded(b.repeated, "attempts belong to later attempts of their stage")
	n.Inferred(b.matched, "attempts of repeated stages were assigned to the tasks that were missing, in order")
	n.Inferred(b.unmatched, "attempts of repeated stages are tasks of their own, because the log does not say what they repeat")
	n.Inferred(b.gone, "attempts have no recorded end and were lost when their executor was removed")
	n.Inferred(b.passed, "attempts have no recorded end and succeeded at the latest when their stage completed; they are drawn up to then")
	n.Inferred(b.rerun, "attempts that had succeeded lost their output, because their tasks were run again afterwards")
	n.Inferred(r.waited, "attempts waited for fetches or wrote shuffles during their run time; this is shown before and after it")
	n.Repaired(r.clamped, "attempts have parts that are longer than the whole, which were shortened")
	n.LeftOut(r.starts, "starts of attempts are repeated")
	n.LeftOut(r.ends, "ends of attempts are repeated")
}
