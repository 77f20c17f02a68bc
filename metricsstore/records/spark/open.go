package spark

import (
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// closeOpen ends attempts of a task whose ends are not in the log, as far as the rest of it says how they ended: Spark
// drops events when too many wait to be written, and a lost executor reports nothing. numbers are those of attempts.
func (b *builder) closeOpen(st *stage, attempts []records.Attempt, numbers []int32) {
	for i := range attempts {
		at := &attempts[i]
		if b.app.attempts.keys[numbers[i]].ended {
			continue
		}
		if at.Worker != records.None {
			if removed := b.run.Workers[at.Worker].Ended; removed.Known() && removed >= at.Claimed {
				at.Outcome, at.Ended = record.OutcomeLost, removed
				at.Error = &records.Failure{Kind: record.WorkerLostError, Message: "the executor was removed, and the log has no end of the attempt"}
				b.gone++
				continue
			}
		}
		completed := moment(st.completion(b.app.attempts.keys[numbers[i]].stageAttempt))
		if st.completed() && completed.Known() && completed >= at.Claimed && !slices.ContainsFunc(attempts, isOK) {
			at.Outcome, at.Ended = record.OutcomeOK, completed
			b.passed++
		}
	}
}

func isOK(a records.Attempt) bool { return a.Outcome == record.OutcomeOK }
