package whatif

import (
	"fmt"
	"time"
)

// notes say what is assumed and left out.
func (in *inquiry) notes(q *Question) []string {
	notes := []string{}
	note := func(when bool, format string, args ...any) {
		if when {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	info, m := &in.run.Info, in.model
	note(info.Reconstructed != "", "Start times are reconstructed, so the error is that of simulating a reconstruction: %s", info.Reconstructed)
	if o := info.Imported(); o != nil {
		note(true, "The rules of %s are not known: ready tasks start in the order in which they started.", info.Engine())
		note(o.Lanes != "", "Slots are not recorded: %s", o.Lanes)
		note(int64(o.Makespan) > in.real, "The recorded makespan is %s; the simulation covers the %s from the first task to the end of the last.",
			o.Makespan, time.Duration(in.real))
	}
	note(m.heldUp > 0, "%d of %d tasks started later than what they waited for and busy slots explain; these delays stay%s.",
		m.heldUp, in.tasks(), map[bool]string{false: ", but not in the lower bound"}[q.IsUnchanged()])
	note(m.overlaps > 0, "%d attempts began before the slot that was recorded for them was free; they have slots of their own.", m.overlaps)
	note(in.remade > 0, "%d attempts made outputs again that were lost; they are left out.", in.remade)
	note(in.unseen > 0, "%d attempts were lost without a record of their start; they are left out.", in.unseen)
	note(in.run.Upload.Partial(), "The log is incomplete: %d of %d steps are recorded.", in.run.Upload.StepsKept, in.run.Upload.Steps)
	note(q.Bandwidth != 0 && q.Bandwidth != 1 && in.transfers() == 0, "No transfers were recorded, so their speed changes nothing.")
	note(q.Workers > len(m.workers), "Each task keeps the transfers that were recorded; further ones that more workers cause are not known.")
	note(q.Slots > 0 || q.Workers > 0 || q.NoQueue, "Each slot is taken to have a processor of its own.")
	return notes
}

// tasks counts the nodes that were executed.
func (in *inquiry) tasks() int {
	n := 0
	for i := range in.attempts {
		if i == 0 || in.attempts[i].node != in.attempts[i-1].node {
			n++
		}
	}
	return n
}

// transfers adds up the time in which inputs were fetched and outputs stored.
func (in *inquiry) transfers() int64 {
	sum := int64(0)
	for i := range in.model.Attempts {
		a := &in.model.Attempts[i]
		if sum += a.Fetch; a.Stored {
			sum += a.Settle
		}
	}
	return sum
}
