package ledger

import "github.com/dagscope/dagscope/engine"

func (op Stop) moment() int64 { return op.Now }

func (op Stop) at(now int64) Op { op.Now = now; return op }

func (op Stop) apply(t *transition) Reply {
	switch {
	case op.Status != engine.Failed && op.Status != engine.Cancelled:
		return malformed("a run is stopped as failed or as cancelled")
	case op.Reason != 0 && op.Reason != engine.CancelRequested && op.Reason != engine.RunDeadline:
		return malformed("a run is stopped on request or by its deadline")
	case t.Stopping != "":
		return Reply{Verdict: Repeated}
	}
	if op.Reason != 0 {
		t.plain(engine.Step{Kind: op.Reason, Became: engine.NoNode})
	}
	t.stop(op.Status)
	t.endRun()
	return Reply{}
}

func (t *transition) stop(status engine.Status) {
	if t.Stopping == "" {
		t.Stopping, t.Status = status, engine.Running
	}
}

func (op Pause) moment() int64 { return op.Now }

func (op Pause) at(now int64) Op { op.Now = now; return op }

func (op Pause) apply(t *transition) Reply {
	if !t.Active() {
		return Reply{Verdict: Repeated}
	}
	t.Status = engine.Paused
	t.plain(engine.Step{Kind: engine.RunPaused, Became: engine.NoNode})
	return Reply{}
}

func (op Resume) moment() int64 { return op.Now }

func (op Resume) at(now int64) Op { op.Now = now; return op }

func (op Resume) apply(t *transition) Reply {
	if t.Status != engine.Paused {
		return Reply{Verdict: Repeated}
	}
	t.Status = engine.Running
	t.plain(engine.Step{Kind: engine.RunResumed, Became: engine.NoNode})
	return Reply{}
}

// endRun ends the run if it is over.
func (t *transition) endRun() {
	switch {
	case t.Stopping != "" && (t.Counts.Claims == 0 || t.broken&stopAtOnce != 0):
		t.Status = t.Stopping
	case t.Stopping == "" && t.Counts.Open == 0:
		t.Status = engine.Succeeded
		if t.Counts.Failed > 0 {
			t.Status = engine.Failed
		}
	default:
		return
	}
	t.plain(engine.Step{Kind: engine.RunFinished, Outcome: t.Status.Outcome(), Ended: t.now, Became: engine.NoNode})
}
