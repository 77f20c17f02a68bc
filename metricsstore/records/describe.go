package records

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// describe fills in what is known about the run as a whole.
func (c *compiler) describe(out *Recording, from Origin) { (&description{c}).of(out, from) }

// description is the stage that says what is known about the run.
type description struct{ *compiler }

func (c *description) of(out *Recording, from Origin) {
	r := c.run
	started, undated := c.start()
	makespan := c.recordedMakespan()
	status := c.status()
	c.noteOrder()
	id, others := r.ids(started, from)
	out.OtherIDs = others
	out.Info = record.RunInfo{
		ID: id, Workflow: record.FunctionName(r.Workflow), Params: maps.Clone(r.Params), Policy: record.FailFast,
		Tags: []string{"imported"}, SubmittedAt: started, StartedAt: started, Reconstructed: c.reconstruction(),
		Origin: &record.Origin{
			Format: r.Format, System: r.System, Digest: hex.EncodeToString(from.Digest[:]), Makespan: makespan,
			Explained: c.made.explained, Undated: undated, Lanes: c.lanesSentence(), Queued: c.isQueued(), Incomplete: r.incomplete(), Notes: c.notes,
		},
	}
	out.End = record.RunEnd{Status: status, EndedAt: started.Add(cmp.Or(makespan, c.made.makespan)), First: c.firstFailure(out)}
}

// start is when the run started, and whether that is not known.
func (c *description) start() (at time.Time, undated bool) {
	if c.run.Undated {
		return max(c.run.Date, 0).Time(), !c.run.Date.Known()
	}
	return max(c.zero, 0).Time(), c.zero <= 0 // no tool ran before 1970
}

// isQueued reports whether it is recorded of everything that was executed when it could have started, and when it was.
func (c *description) isQueued() bool {
	isAny := false
	for i := range c.run.Tasks {
		for k := range c.run.Tasks[i].Attempts {
			a := &c.run.Tasks[i].Attempts[k]
			if a.Outcome == record.OutcomeCached {
				continue
			}
			if !a.Ready.Known() || !a.Claimed.Known() && !a.Started.Known() {
				return false
			}
			isAny = true
		}
	}
	return isAny && !c.made.reconstructed
}

func (c *description) recordedMakespan() time.Duration {
	if c.run.Makespan > 0 {
		return c.run.Makespan
	}
	if c.run.Started.Known() && c.run.Ended.Known() && c.run.Ended > c.run.Started {
		return time.Duration(c.run.Ended - c.zero)
	}
	return 0
}

// firstFailure is the error of the first attempt that failed for good, or what is recorded for the run as a whole.
func (c *description) firstFailure(out *Recording) *record.ErrorRecord {
	switch c.status() {
	case record.Succeeded:
		return nil
	case record.Failed:
		if first := out.writer.firstFailure(); first != nil {
			return first
		}
	}
	if c.run.Error == "" {
		return nil
	}
	return &record.ErrorRecord{Kind: record.UserError, Node: dag.NoNode, Message: cut(c.run.Error, record.MaxEvidence), Time: out.Info.StartedAt.Add(c.made.makespan)}
}

// keyedTime is the unit of the time in the ID of a run that has a key, in milliseconds: some 37 hours. A longer record of
// a run may have a first moment that is earlier, as spans of a trace that began first are written last.
const keyedTime = 1 << 27

// ids returns the ID of a run, and those that records of it may have that begin earlier or later. An ID has the form of
// record.NewRunID, so that imported runs sort correctly among others: 48 bits of milliseconds, then, in place of random
// bits, 52 of a hash of what identifies the run.
func (r *Run) ids(started time.Time, from Origin) (id record.RunID, others []record.RunID) {
	ms, hash := started.UnixMilli(), from.Digest
	if r.Key != "" {
		hash = sha256.Sum256([]byte(r.System + "\x00" + r.Key))
		ms -= ms % keyedTime
		for _, near := range []int64{ms - keyedTime, ms + keyedTime} {
			if near >= 0 {
				others = append(others, idOf(near, hash))
			}
		}
	} else if from.Index > 0 {
		hash = sha256.Sum256(binary.BigEndian.AppendUint64(hash[:], uint64(from.Index)))
	}
	return idOf(ms, hash), others
}

func idOf(ms int64, hash [32]byte) record.RunID {
	var b [13]byte
	binary.BigEndian.PutUint64(b[:8], uint64(ms)<<16)
	copy(b[6:], hash[:7])
	encoding := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	return record.RunID(encoding.EncodeToString(b[:])[:20])
}

// reconstruction says how a schedule was made up, empty if moments are recorded.
func (c *description) reconstruction() string {
	if !c.made.reconstructed {
		return ""
	}
	var b strings.Builder
	if c.made.stamped == 0 {
		b.WriteString("the recording has no start times")
	} else {
		fmt.Fprintf(&b, "the recording has start times for %d of %d tasks only, which were not used", c.made.stamped, c.made.timed)
	}
	b.WriteString(", so each task was started as soon as its parents had ended and " +
		"cores of its machine were free, those that had waited longest first")
	if untimed := len(c.stretches) - c.made.timed; untimed > 0 {
		fmt.Fprintf(&b, "; %d of %d tasks have no runtime and take no time", untimed, len(c.run.Tasks))
	}
	if !c.hasMachines {
		b.WriteString("; no machine is recorded and none was ever full")
	}
	if c.run.Makespan > 0 {
		fmt.Fprintf(&b, "; this takes %s, and %s was recorded", c.made.makespan.Round(time.Millisecond), c.run.Makespan)
	}
	return b.String()
}

// lanesSentence returns the text of record.Origin.Lanes.
func (c *description) lanesSentence() string {
	if c.made.reconstructed || c.inventedLanes() == 0 {
		return ""
	}
	out := "start times are recorded; lanes are not, so each task was put in the lowest lane of its machine that was free"
	if c.made.early > 0 {
		out += fmt.Sprintf("; %d of the tasks started before the recorded end of a parent, by up to %s", c.made.early, c.made.earliest)
	}
	return out
}

// noteOrder says how many tasks started before a parent had ended.
func (c *description) noteOrder() {
	if c.made.early > 0 && !c.made.reconstructed {
		c.notes.Add(record.NoteRepaired, int64(c.made.early), fmt.Sprintf(
			"tasks started before a parent had ended, by up to %s; they count as ready when they started", c.made.earliest))
	}
}

// workerRecords describes the workers. What was recorded as the CPU time of tasks is that of their worker.
func (c *compiler) workerRecords() []record.WorkerRecord {
	cpu := make([]time.Duration, len(c.run.Workers))
	for i := range c.stretches {
		s := &c.stretches[i]
		if u := c.run.Tasks[s.task].Attempts[s.number-1].Usage; u != nil && u.CPU > 0 {
			cpu[s.worker] = addTimes(cpu[s.worker], u.CPU)
		}
	}
	out := make([]record.WorkerRecord, len(c.run.Workers))
	for i := range c.run.Workers {
		w := &c.run.Workers[i]
		if w.CPU > 0 {
			cpu[i] = w.CPU
		}
		name := record.FunctionName(w.Name)
		out[i] = record.WorkerRecord{
			Worker: i, Name: name, Host: cmp.Or(w.Host, name), Width: cmp.Or(coresOf(w.Cores), c.lanes[i].most, 1), Slots: len(c.lanes[i].busy),
			Started: c.workerStart(i), Ended: c.workerEnd(i), CPU: cpu[i],
		}
	}
	return out
}

// addTimes stops at the largest duration.
func addTimes(a, b time.Duration) time.Duration { return time.Duration(addBytes(int64(a), int64(b))) }
