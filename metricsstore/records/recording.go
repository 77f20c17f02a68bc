package records

import (
	"github.com/dagscope/dagscope/engine/record"
)

// batch is how many steps or details Replay passes on at a time.
const batch = 512

// Replay passes the run to rec, in batches of up to 512 steps, each followed by details of attempts that have ended. They
// are made meanwhile: a run takes less memory than its steps. Replay may be called again. The error is the one that
// Begin or End returned.
func (r *Recording) Replay(rec record.Recorder) error {
	if err := rec.Begin(r.Info, r.Graph); err != nil {
		return err
	}
	out := &replay{writer: r.writer, to: rec, id: r.Info.ID, workers: r.Workers}
	out.write()
	return rec.End(r.Info.ID, r.End)
}

// replay collects what is written of a run and passes it on.
type replay struct {
	*writer
	to      record.Recorder
	id      record.RunID
	seq     uint64
	steps   []record.Step
	details []record.Detail
	workers []record.WorkerRecord // passed on with the first details
	text    []byte                // the log that is being written
	block   []byte                // of logs that were
}

// add takes the next step. What does not fit into it is added to details afterwards.
func (r *replay) add(s record.Step) {
	r.seq++
	s.Seq = r.seq
	if r.steps = append(r.steps, s); len(r.steps) == batch {
		r.pass()
	}
}

// pass passes on what was collected.
func (r *replay) pass() {
	r.to.Steps(r.id, r.steps)
	if len(r.details) > 0 || r.workers != nil {
		r.to.Details(r.id, r.details, r.workers)
	}
	r.steps, r.details, r.workers = r.steps[:0], r.details[:0], nil
}
