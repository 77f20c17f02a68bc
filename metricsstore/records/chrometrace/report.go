package chrometrace

import (
	"maps"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
)

// phases are what events are that are counted only.
var phases = map[byte]string{
	'i': "instant events are not in the run", 'I': "instant events are not in the run", 'n': "instant events are not in the run",
	'T': "instant events are not in the run", 'p': "instant events are not in the run", 'R': "instant events are not in the run",
	'C': "counter events are not in the run", 'P': "samples are not in the run",
	'N': "events of objects are not in the run", 'O': "events of objects are not in the run", 'D': "events of objects are not in the run",
	'v': "memory dumps are not in the run", 'V': "memory dumps are not in the run",
	'c': "clock synchronisations are not in the run", '(': "events of contexts are not in the run", ')': "events of contexts are not in the run",
}

// report adds notes on what all traces have.
func (b *builder) report(kept int) {
	notes := &b.run.Notes
	opened := 0
	for i := range b.spans {
		if b.spans[i].end == open && !b.drop[i] {
			opened++
		}
	}
	notes.Inferred(kept-b.outcomes, "spans have no recorded outcome; those that ended count as succeeded")
	notes.Recorded(opened, "spans have no end")
	notes.Recorded(b.flows.edges, "edges are flow events")
	notes.LeftOut(b.orphans, "ends have no begin")
	notes.Repaired(b.backwards, "spans have a negative duration and are empty")
	notes.Repaired(b.shortened, "spans ended up to a microsecond after the one that contains them, because of rounding")
	notes.Inferred(b.crossing, "spans overlap others of their thread, so what contains what there is uncertain")
	notes.LeftOut(b.flows.astray, "flow events lie in no span")
	notes.LeftOut(b.flows.endless, "flows begin and do not end")
	notes.LeftOut(b.flows.baseless, "flows end and have not begun")
	notes.LeftOut(b.broken, "elements of the array are no events")
	notes.LeftOut(b.timed, "events have no time that can be read")
	for phase, n := range b.left {
		text, ok := phases[byte(phase)]
		if !ok {
			text = "events have a phase that is not known"
		}
		notes.LeftOut(int(n), text)
	}
	for _, key := range slices.Sorted(maps.Keys(b.members)) {
		switch key {
		case "samples", "stackFrames", "systemTraceEvents", "powerTraceAsString", "androidProcessDump":
			notes.Remark(record.NoteLeftOut, "the member %s of the document is not in the run", key)
		}
	}
	if !b.dated {
		notes.Remark(record.NoteRecorded, "times count from an unknown moment")
	} else if b.base == 0 {
		notes.Remark(record.NoteInferred, "times are read as microseconds since 1970")
	}
}
