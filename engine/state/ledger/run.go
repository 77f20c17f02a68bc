package ledger

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

func (op Stop) moment() int64 { return op.Now }

func (op Stop) apply(t *transition) Reply {
	if why := op.validate(); why != "" {
		return malformed(why)
	}
	if t.Stopping != "" {
		return Reply{Verdict: Repeated}
	}
	if op.Reason != 0 {
		t.plain(record.Step{Kind: op.Reason, Became: dag.NoNode})
	}
	t.stop(op.Status)
	t.endRun()
	return Reply{}
}

func (t *transition) stop(status record.Status) {
	if t.Stopping == "" {
		t.Stopping, t.Status = status, record.Running
	}
}

func (op Pause) moment() int64 { return op.Now }

func (op Pause) apply(t *transition) Reply {
	if !t.Active() {
		return Reply{Verdict: Repeated}
	}
	t.Status = record.Paused
	t.plain(record.Step{Kind: record.RunPaused, Became: dag.NoNode})
	return Reply{}
}

func (op Resume) moment() int64 { return op.Now }

func (op Resume) apply(t *transition) Reply {
	if t.Status != record.Paused {
		return Reply{Verdict: Repeated}
	}
	t.Status = record.Running
	t.plain(record.Step{Kind: record.RunResumed, Became: dag.NoNode})
	return Reply{}
}

// endRun ends the run if it is over.
func (t *transition) endRun() {
	switch {
	case t.Stopping != "" && t.Counts.Claims == 0:
		t.Status = t.Stopping
	case t.Stopping == "" && t.Counts.Open == 0:
		t.Status = record.Succeeded
		if t.Counts.Failed > 0 {
			t.Status = record.Failed
		}
	default:
		return
	}
	t.plain(record.Step{Kind: record.RunFinished, Outcome: t.Status.Outcome(), Ended: t.now, Became: dag.NoNode})
}
