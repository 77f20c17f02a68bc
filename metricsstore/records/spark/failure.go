package spark

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// outcome is how an attempt ended.
type outcome struct {
	outcome     record.Outcome
	resubmitted bool
	kind        record.ErrorKind
	message     string
	stack       string
}

var succeeded = []byte(`{"Reason":"Success"}`)

// outcomeOf takes the end of an attempt apart.
func outcomeOf(e *taskEvent) outcome {
	if bytes.Equal(e.reason, succeeded) {
		return outcome{outcome: record.OutcomeOK}
	}
	r := gjson.ParseBytes(e.reason)
	reason := r.Get("Reason").String()
	switch reason {
	case "Success":
		return outcome{outcome: record.OutcomeOK}
	case "Resubmitted":
		return outcome{outcome: record.OutcomeOK, resubmitted: true}
	case "ExceptionFailure":
		return exception(r)
	case "FetchFailed":
		return outcome{outcome: record.OutcomeFailed, kind: record.OutputLostError, message: fetchFailure(r)}
	case "ExecutorLostFailure":
		return outcome{
			outcome: record.OutcomeLost, kind: record.WorkerLostError,
			message: sentence("executor "+r.Get(`Executor ID`).String()+" lost", r.Get("Loss Reason").String()),
		}
	case "TaskKilled":
		return outcome{
			outcome: record.OutcomeCancelled, kind: record.CancelledError,
			message: sentence("killed", r.Get("Kill Reason").String()),
		}
	case "TaskResultLost":
		return outcome{
			outcome: record.OutcomeFailed, kind: record.OutputLostError,
			message: "the result was lost before the driver had it (TaskResultLost)",
		}
	case "TaskCommitDenied":
		return outcome{
			outcome: record.OutcomeFailed, kind: record.UserError,
			message: "the driver let another attempt write the output (TaskCommitDenied)",
		}
	}
	return byFlags(e, reason)
}

// exception is a failure of user code, as a rule.
func exception(r gjson.Result) outcome {
	message := r.Get("Class Name").String()
	if description := r.Get("Description").String(); description != "" {
		message = sentence(message, description)
	}
	stack := r.Get("Full Stack Trace").String()
	if stack == "" {
		stack = trace(r.Get("Stack Trace"))
	}
	return outcome{outcome: record.OutcomeFailed, kind: record.UserError, message: message, stack: stack}
}

// fetchFailure says what could not be fetched.
func fetchFailure(r gjson.Result) string {
	from := "fetch failed"
	if executor := r.Get("Block Manager Address.Executor ID"); executor.Exists() {
		from += " from executor " + executor.String()
	}
	return sentence(from, r.Get("Message").String())
}

// byFlags is the outcome of an attempt whose reason is none that is known: Spark says failed or killed as well.
func byFlags(e *taskEvent, reason string) outcome {
	switch {
	case e.info.killed:
		return outcome{outcome: record.OutcomeCancelled, kind: record.CancelledError, message: sentence("killed", reason)}
	case e.info.failed || reason != "":
		return outcome{outcome: record.OutcomeFailed, kind: record.UserError, message: sentence("failed", reason)}
	case e.info.finish > 0: // what Spark itself calls successful
		return outcome{outcome: record.OutcomeOK}
	}
	return outcome{outcome: record.NoOutcome}
}

// failure is what the run keeps, nil of an attempt that did not fail.
func (o *outcome) failure(t *texts) *records.Failure {
	if o.message == "" && o.stack == "" {
		return nil
	}
	return &records.Failure{Kind: o.kind, Message: t.keep([]byte(o.message)), Stack: t.keep([]byte(o.stack))}
}

// sentence is "what: why", or what there is of it.
func sentence(what, why string) string {
	switch {
	case why == "":
		return what
	case what == "":
		return why
	}
	return what + ": " + why
}

// trace writes a stack trace that is recorded as objects the way Java prints one.
func trace(frames gjson.Result) string {
	var b strings.Builder
	frames.ForEach(func(_, f gjson.Result) bool {
		b.WriteString("\tat " + f.Get("Declaring Class").String() + "." + f.Get("Method Name").String())
		b.WriteString("(" + f.Get("File Name").String() + ":" + f.Get("Line Number").String() + ")\n")
		return b.Len() < records.MaxText
	})
	return b.String()
}
