package spark

import (
	"math"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// taskEvent is what one line says about an attempt. Numbers are as recorded, missing if they are not there.
type taskEvent struct {
	stage        int64
	stageAttempt int64
	reason       []byte // the object that says how it ended, nil if it did not
	info         taskInfo
	metrics      taskMetrics
}

// missing is a number that is not recorded, or is none.
const missing = math.MinInt64

// taskInfo is what Spark's driver knows. Moments are milliseconds since 1970, and 0 if they have not come.
type taskInfo struct {
	id, index, partition    int64
	launch, finish, getting int64
	executor, host          []byte // with their quotes
	locality                []byte
	speculative             bool
	failed, killed          bool
}

// taskMetrics is what an executor measured: milliseconds, except for CPU and write times, which are nanoseconds.
type taskMetrics struct {
	deserialise, run, serialise, gc int64
	fetchWait                       int64
	deserialiseCPU, cpu             int64
	writeTime                       int64
	peakMemory                      int64
	spilledMemory, spilledDisk      int64
	remoteRead, localRead           int64
	shuffleWritten                  int64
	input, output                   int64
}

// unknownMetrics has nothing.
var unknownMetrics = taskMetrics{
	missing, missing, missing, missing, missing, missing, missing, missing,
	missing, missing, missing, missing, missing, missing, missing, missing,
}

// scan reads a line into the event and reports whether the line is whole and names a task.
func (e *taskEvent) scan(line []byte) bool {
	*e = taskEvent{
		stage: missing, stageAttempt: missing, metrics: unknownMetrics,
		info: taskInfo{id: missing, index: missing, partition: missing},
	}
	s := scan.New(line)
	if !s.Object() {
		return false
	}
	for key, ok := s.Key(); ok; key, ok = s.Key() {
		switch string(key) {
		case "Stage ID":
			e.stage = s.Int()
		case "Stage Attempt ID":
			e.stageAttempt = s.Int()
		case "Task End Reason":
			e.reason = s.Skip()
		case "Task Info":
			e.info.scan(&s)
		case "Task Metrics":
			e.metrics.scan(&s)
		default:
			s.Skip()
		}
	}
	if e.stageAttempt == missing {
		e.stageAttempt = 0
	}
	return s.Done() && is32(e.stage) && is32(e.stageAttempt) && is32(e.info.index) && e.info.id >= 0
}

// is32 reports whether n can be the number of a stage, an attempt or a task in it.
func is32(n int64) bool { return n >= 0 && n < math.MaxInt32 }

func (i *taskInfo) scan(s *scan.Scanner) {
	if !s.Object() {
		return
	}
	for key, ok := s.Key(); ok; key, ok = s.Key() {
		switch string(key) {
		case "Task ID":
			i.id = s.Int()
		case "Index":
			i.index = s.Int()
		case "Partition ID":
			i.partition = s.Int()
		case "Launch Time":
			i.launch = s.Int()
		case "Finish Time":
			i.finish = s.Int()
		case "Getting Result Time":
			i.getting = s.Int()
		case "Executor ID":
			i.executor = s.Skip()
		case "Host":
			i.host = s.Skip()
		case "Locality":
			i.locality = s.Skip()
		case "Speculative":
			i.speculative = s.Truth()
		case "Failed":
			i.failed = s.Truth()
		case "Killed":
			i.killed = s.Truth()
		case "Accumulables":
			// They are most of a line. In JSON a quote within a string is escaped, so this cannot be found in one.
			if !s.Jump(afterAccumulables, len("]")) {
				s.Skip()
			}
		default:
			s.Skip()
		}
	}
}

// afterAccumulables ends the Task Info of an attempt that has ended, as all versions write it.
var afterAccumulables = []byte(`]},"Task `)

func (m *taskMetrics) scan(s *scan.Scanner) {
	if !s.Object() {
		return
	}
	for key, ok := s.Key(); ok; key, ok = s.Key() {
		switch string(key) {
		case "Executor Deserialize Time":
			m.deserialise = s.Int()
		case "Executor Deserialize CPU Time":
			m.deserialiseCPU = s.Int()
		case "Executor Run Time":
			m.run = s.Int()
		case "Executor CPU Time":
			m.cpu = s.Int()
		case "Peak Execution Memory":
			m.peakMemory = s.Int()
		case "JVM GC Time":
			m.gc = s.Int()
		case "Result Serialization Time":
			m.serialise = s.Int()
		case "Memory Bytes Spilled":
			m.spilledMemory = s.Int()
		case "Disk Bytes Spilled":
			m.spilledDisk = s.Int()
		case "Shuffle Read Metrics":
			m.scanShuffleRead(s)
		case "Shuffle Write Metrics":
			members(s, "Shuffle Bytes Written", &m.shuffleWritten, "Shuffle Write Time", &m.writeTime)
		case "Input Metrics":
			members(s, "Bytes Read", &m.input, "", nil)
		case "Output Metrics":
			members(s, "Bytes Written", &m.output, "", nil)
		default:
			s.Skip()
		}
	}
}

func (m *taskMetrics) scanShuffleRead(s *scan.Scanner) {
	if !s.Object() {
		return
	}
	for key, ok := s.Key(); ok; key, ok = s.Key() {
		switch string(key) {
		case "Fetch Wait Time":
			m.fetchWait = s.Int()
		case "Remote Bytes Read":
			m.remoteRead = s.Int()
		case "Local Bytes Read":
			m.localRead = s.Int()
		default:
			s.Skip()
		}
	}
}

// members takes an object and two of its numbers, or only the first if second is nil.
func members(s *scan.Scanner, firstKey string, first *int64, secondKey string, second *int64) {
	if !s.Object() {
		return
	}
	for key, ok := s.Key(); ok; key, ok = s.Key() {
		switch {
		case string(key) == firstKey:
			*first = s.Int()
		case second != nil && string(key) == secondKey:
			*second = s.Int()
		default:
			s.Skip()
		}
	}
}

// latest is the last millisecond that is taken for a moment, in the year 2255.
const latest = 9_000_000_000_000

// moment is a recorded number of milliseconds since 1970. Spark writes 0 or -1 for what has not come.
func moment(ms int64) records.Moment {
	if ms <= 0 || ms > latest {
		return records.Unknown
	}
	return records.Moment(ms * int64(time.Millisecond))
}

// span is a recorded duration in units, 0 if it is not recorded.
func span(n int64, unit time.Duration) time.Duration {
	if n <= 0 || n > latest/int64(unit)*int64(time.Millisecond) {
		return 0
	}
	return time.Duration(n) * unit
}

// known is a recorded number, -1 if it is not recorded.
func known(n int64) int64 { return max(n, -1) }
