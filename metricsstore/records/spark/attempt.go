package spark

import (
	"bytes"
	"strconv"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// attempts are the attempts of an application in the order in which they are first heard of.
type attempts struct {
	chunks [][]records.Attempt // of attemptChunk each, which never move: tasks of one attempt refer to them
	usages []record.Usage      // what is left of the last chunk
	keys   []attemptKey
	pages  map[int64]*[idPage]int32 // number + 1 by ID: IDs are dense, in a good log
	texts  texts
	line   []byte // reused
	repeat repeats
}

// attemptKey says which task an attempt is of.
type attemptKey struct {
	id                                    int64 // unique in the application
	stage, stageAttempt, index, partition int32 // partition is -1 if it is not recorded
	ended                                 bool
	resubmitted                           bool // what it made was lost with its executor, so the task ran again
}

// repeats counts what was found about attempts.
type repeats struct {
	resubmitted, starts, ends int
	unstarted                 int
	speculative               int
	clamped, waited           int
}

const (
	attemptChunk = 1024
	idPage       = 64
)

// at is the attempt of a number.
func (a *attempts) at(n int32) *records.Attempt { return &a.chunks[n/attemptChunk][n%attemptChunk] }

// find returns the number of the attempt of an ID, which is added if it is new.
func (a *attempts) find(e *taskEvent) (n int32, fresh bool) {
	page := a.pages[e.info.id/idPage]
	if page == nil {
		if a.pages == nil {
			a.pages = map[int64]*[idPage]int32{}
		}
		page = new([idPage]int32)
		a.pages[e.info.id/idPage] = page
	}
	place := &page[e.info.id%idPage]
	if *place > 0 {
		return *place - 1, false
	}
	n = int32(len(a.keys))
	if int(n)/attemptChunk == len(a.chunks) {
		a.chunks = append(a.chunks, make([]records.Attempt, attemptChunk))
	}
	*a.at(n) = records.NewAttempt()
	partition := int32(-1)
	if is32(e.info.partition) {
		partition = int32(e.info.partition)
	}
	a.keys = append(a.keys, attemptKey{
		id: e.info.id, stage: int32(e.stage), stageAttempt: int32(e.stageAttempt),
		index: int32(e.info.index), partition: partition,
	})
	*place = n + 1
	return n, true
}

// start adds what a SparkListenerTaskStart says. Some have a Finish Time: the event was written after the task had
// ended, and only its end counts.
func (a *attempts) start(e *taskEvent, worker int32) {
	n, fresh := a.find(e)
	if !fresh {
		a.repeat.starts++
		return
	}
	at := a.at(n)
	at.Claimed, at.Worker = moment(e.info.launch), worker
}

// end adds what a SparkListenerTaskEnd says.
func (a *attempts) end(e *taskEvent, worker int32) {
	n, fresh := a.find(e)
	key := &a.keys[n]
	o := outcomeOf(e)
	if o.resubmitted {
		// The attempt had succeeded. This repeats its end, without its metrics, and says that its output is gone.
		a.repeat.resubmitted++
		key.resubmitted = true
	}
	if key.ended {
		if !o.resubmitted {
			a.repeat.ends++
		}
		return
	}
	at := a.at(n)
	if fresh {
		a.repeat.unstarted++
		at.Claimed, at.Worker = moment(e.info.launch), worker
	}
	key.ended = true
	at.Outcome = o.outcome
	at.Error = o.failure(&a.texts)
	a.place(at, e)
	a.use(at, &e.metrics)
	a.log(at, e)
}

// place maps the parts of an attempt onto its moments. Launch and Finish Time are the driver's, all parts between are
// durations that the executor measured; their order is that of Spark's own page: what is left over, deserialising,
// running, serialising, getting the result. Fetching and shuffle writing are parts of the run time that are spread over
// it; they are put before and after the body, so that all sums are kept.
func (a *attempts) place(at *records.Attempt, e *taskEvent) {
	finish := moment(e.info.finish)
	at.Ended = finish
	m := &e.metrics
	idle := m.run <= 0 && m.deserialise <= 0 // an attempt that was cut off has metrics of 0
	if m.run < 0 || idle && at.Outcome != record.OutcomeOK || !at.Claimed.Known() || !finish.Known() || finish < at.Claimed {
		if m.run >= 0 && !idle {
			at.Runtime = span(m.run, time.Millisecond)
		}
		return
	}
	run := span(m.run, time.Millisecond)
	after := span(m.serialise, time.Millisecond)
	if got := moment(e.info.getting); got.Known() && got >= at.Claimed && got <= finish {
		after += time.Duration(finish - got)
	}
	whole := time.Duration(finish - at.Claimed)
	if run+span(m.deserialise, time.Millisecond)+after > whole {
		a.repeat.clamped++
		run = min(run, whole)
		after = min(after, whole-run)
	}
	fetch := min(span(m.fetchWait, time.Millisecond), run)
	write := min(span(m.writeTime, time.Nanosecond), run-fetch)
	if fetch > 0 || write > 0 {
		a.repeat.waited++
	}
	at.Fetch = fetch
	at.Ended = finish.Add(-after - write)
	at.Started = at.Ended.Add(-(run - fetch - write))
	at.Over = finish
}

// use keeps what an attempt used, if anything is recorded.
func (a *attempts) use(at *records.Attempt, m *taskMetrics) {
	if *m == unknownMetrics {
		return
	}
	if len(a.usages) == 0 {
		a.usages = make([]record.Usage, attemptChunk)
	}
	u := &a.usages[0]
	a.usages = a.usages[1:]
	*u = *records.NewUsage()
	if m.cpu >= 0 {
		u.CPU = span(m.cpu, time.Nanosecond) + span(m.deserialiseCPU, time.Nanosecond)
	}
	u.OutsideBytes = known(m.input)
	u.ReadBytes = total(m.input, m.remoteRead, m.localRead)
	u.InputBytes = u.ReadBytes
	u.WrittenBytes = total(m.output, m.shuffleWritten)
	u.ResultBytes = known(m.output)
	at.Usage = u
}

// total is the sum of the numbers that are recorded, -1 if none is.
func total(parts ...int64) int64 {
	sum := int64(-1)
	for _, n := range parts {
		if n >= 0 {
			sum = max(sum, 0) + n
		}
	}
	return max(sum, -1) // a sum that is too large is none
}

// log keeps what has no place elsewhere, a line for each fact.
func (a *attempts) log(at *records.Attempt, e *taskEvent) {
	a.line = a.line[:0]
	m := &e.metrics
	a.fact("deserialise ", m.deserialise, "ms")
	a.fact("serialise ", m.serialise, "ms")
	if e.info.getting > 0 {
		a.fact("get result ", e.info.finish-e.info.getting, "ms")
	}
	a.fact("gc ", m.gc, "ms")
	a.fact("spilled ", m.spilledMemory, " bytes of memory")
	a.fact("spilled ", m.spilledDisk, " bytes to disk")
	a.fact("peak execution memory ", m.peakMemory, " bytes")
	if e.info.speculative {
		a.repeat.speculative++
		a.line = append(a.line, "speculative\n"...)
	}
	if l := scan.Text(e.info.locality); string(l) == "RACK_LOCAL" || string(l) == "ANY" {
		a.line = append(append(append(a.line, "locality "...), l...), '\n')
	}
	at.Log = a.texts.keep(bytes.TrimSuffix(a.line, []byte("\n")))
}

// fact appends a line, unless there is nothing to say.
func (a *attempts) fact(what string, n int64, unit string) {
	if n > 0 {
		a.line = append(a.line, what...)
		a.line = strconv.AppendInt(a.line, n, 10)
		a.line = append(append(a.line, unit...), '\n')
	}
}
