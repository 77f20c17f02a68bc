package chrometrace

import (
	"encoding/json"
	"fmt"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// maxEvents bounds the events that are kept in memory. Each task has at most two, apart from what is folded into it.
const maxEvents = 8 * records.MaxTasks

// eventBlock is how many events are allocated at once. Growing one list would copy it again and again.
const eventBlock = 1 << 12

// trace is a file that is being read.
type trace struct {
	file       *records.File
	incomplete string
	damage     error // what to say if there are no spans because the file is incomplete
	members    map[string]json.RawMessage

	texts   texts
	lanes   []lane
	laneOf  map[lanePlace]int32
	at      lanePlace // of the event before
	atLane  int32
	process map[int32]*process // by pid
	args    args

	blocks [][]event  // the events as they are read, in blocks of eventBlock
	events []event    // all of them, when they are read
	left   [256]int64 // events that are not kept, by phase
	broken int        // elements that are no events
	timed  int        // events without a time, or with one that cannot be
	count  int        // of events
}

// event is one that has a part in a span or edge.
type event struct {
	at    int64 // ns since the zero of the trace
	lasts int64 // ns, of a complete event, or unknown
	args  argsAt
	id    int64
	name  int32 // in texts, like cat
	cat   int32
	lane  int32
	phase byte
	flow  flowMark
}

// unknown is a time that is not recorded.
const unknown = int64(records.Unknown)

// lane is a thread of a trace.
type lane struct {
	lanePlace
	name string
}

type lanePlace struct{ pid, tid int32 } // in texts

// process is what metadata says about one.
type process struct{ name, labels string }

func newTrace(file *records.File) *trace {
	t := &trace{
		file: file, members: map[string]json.RawMessage{}, laneOf: map[lanePlace]int32{}, process: map[int32]*process{},
	}
	t.texts.number("")
	return t
}

// addMember keeps a member of the document other than the events, if it is small.
func (t *trace) addMember(key string, raw []byte) {
	if len(raw) > 1<<20 || len(t.members) > 1000 {
		raw = nil
	}
	t.members[key] = append(json.RawMessage(nil), raw...)
}

// member is a text or number among the members of the document, at a path of keys, "" if it is not there.
func (t *trace) member(path ...string) string {
	raw := []byte(t.members[path[0]])
	for _, key := range path[1:] {
		raw = value(raw, key)
	}
	return text(raw)
}

// add takes an event with these members. The error is one for the whole file.
func (t *trace) add(raw []byte, members []scan.Member) error {
	var f fields
	for _, m := range members {
		f.take(raw[m.Key:m.KeyEnd], raw[m.Value:m.End])
	}
	if f.phase == 0 {
		t.broken++
		return nil
	}
	switch f.phase {
	case 'X', 'B', 'E', 'b', 'e', 'S', 'F', 's', 't', 'f':
	case 'M':
		t.addMetadata(&f)
		return nil
	default:
		t.left[f.phase]++
		return nil
	}
	at, ok := nanoseconds(f.at)
	if !ok {
		t.timed++
		return nil
	}
	if t.count++; t.count > maxEvents {
		return fmt.Errorf("%s: more than %d events: %w", t.file.Path, maxEvents, records.ErrTooLarge)
	}
	e := event{
		at: at, lasts: unknown, phase: f.phase, flow: f.flow,
		name: t.texts.decoded(f.name), cat: t.texts.decoded(f.cat), lane: t.lane(f.pid, f.tid),
	}
	if lasts, ok := nanoseconds(f.duration); ok {
		e.lasts = lasts
	}
	if id := f.identity(); len(id) > 0 {
		e.id = t.texts.id(id)
	}
	if f.more {
		e.args = t.args.keepEvent(raw)
	} else if len(f.args) > 2 {
		e.args = t.args.keep(f.args)
	}
	last := len(t.blocks) - 1
	if last < 0 || len(t.blocks[last]) == eventBlock {
		t.blocks = append(t.blocks, make([]event, 0, eventBlock))
		last++
	}
	t.blocks[last] = append(t.blocks[last], e)
	return nil
}

// lane is the number of the lane of a thread.
func (t *trace) lane(pid, tid []byte) int32 {
	at := lanePlace{t.texts.decoded(pid), t.texts.decoded(tid)}
	if at == t.at && len(t.lanes) > 0 {
		return t.atLane
	}
	n, ok := t.laneOf[at]
	if !ok {
		n = int32(len(t.lanes))
		t.lanes = append(t.lanes, lane{lanePlace: at})
		t.laneOf[at] = n
	}
	t.at, t.atLane = at, n
	return n
}

// addMetadata takes the names of processes and threads.
func (t *trace) addMetadata(f *fields) {
	switch string(f.name) {
	case `"process_name"`:
		t.processOf(f.pid).name = text(value(f.args, "name"))
	case `"process_labels"`:
		t.processOf(f.pid).labels = text(value(f.args, "labels"))
	case `"thread_name"`:
		t.lanes[t.lane(f.pid, f.tid)].name = text(value(f.args, "name"))
	}
}

func (t *trace) processOf(pid []byte) *process {
	n := t.texts.decoded(pid)
	p, ok := t.process[n]
	if !ok {
		p = &process{}
		t.process[n] = p
	}
	return p
}

// onlyProcess is the name of the process, if the trace has one and names it.
func (t *trace) onlyProcess() string {
	if len(t.process) != 1 {
		return ""
	}
	for _, p := range t.process {
		return p.name
	}
	return ""
}

func (t *trace) name(e *event) string { return t.texts.all[e.name] }

func (t *trace) cat(e *event) string { return t.texts.all[e.cat] }

// arg is an argument of an event as text, "" if it has none.
func (t *trace) arg(e *event, key string) string { return text(t.args.get(e.args, key)) }
