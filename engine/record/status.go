package record

// Status is the state of a run.
type Status string

// Statuses of runs. The last four are final.
const (
	Queued      Status = "queued"
	Running     Status = "running"
	Paused      Status = "paused"
	Succeeded   Status = "succeeded"
	Failed      Status = "failed"
	Cancelled   Status = "cancelled"
	Interrupted Status = "interrupted" // its only process died
)

// Final reports whether the run has ended.
func (s Status) Final() bool {
	return s == Succeeded || s == Failed || s == Cancelled || s == Interrupted
}

// Policy says what a run does when a task has failed permanently.
type Policy string

// Failure policies.
const (
	// FailFast ends the run: running tasks are cancelled, and the others never start. The default.
	FailFast Policy = "fail-fast"
	// Continue skips what depends on the failed task and finishes everything else.
	Continue Policy = "continue"
)

// RunStatus is the status of a run whose RunFinished step has this outcome.
func (o Outcome) RunStatus() Status {
	switch o {
	case OutcomeOK:
		return Succeeded
	case OutcomeFailed:
		return Failed
	case OutcomeCancelled:
		return Cancelled
	default:
		return Interrupted
	}
}

// Outcome is the inverse of Outcome.RunStatus for final statuses.
func (s Status) Outcome() Outcome {
	switch s {
	case Succeeded:
		return OutcomeOK
	case Failed:
		return OutcomeFailed
	case Cancelled:
		return OutcomeCancelled
	default:
		return OutcomeLost
	}
}
