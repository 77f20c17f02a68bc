package slurm

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// entry is a row of text or an object of JSON: a job or a step of one.
type entry struct {
	id    string // as sacct shows it: 12, 12_3, 12+1
	raw   string // the number of the job alone, empty if it is not known
	step  string // empty for the job
	name  string
	state string
	nodes string

	submit, eligible, start, end records.Moment
	elapsed                      time.Duration // -1 if it is not known

	exit     exit
	cpus     int
	usage    record.Usage
	restarts int
	submits  string   // the line that submitted it
	depends  string   // its dependencies
	log      []string // what else is known
}

func newEntry() entry {
	return entry{
		submit: records.Unknown, eligible: records.Unknown, start: records.Unknown, end: records.Unknown,
		elapsed: -1, usage: *records.NewUsage(),
	}
}

// exit is how a process ended.
type exit struct {
	code, signal int
	known        bool
}

// parseExit reads code:signal.
func parseExit(text string) exit {
	code, signal, _ := strings.Cut(text, ":")
	n, err := strconv.Atoi(code)
	if err != nil {
		return exit{}
	}
	s, _ := strconv.Atoi(signal)
	return exit{n, s, true}
}

// fate is what a state says.
type fate struct {
	outcome record.Outcome
	kind    record.ErrorKind
	waiting bool // it has not started
	known   bool
}

var fates = map[string]fate{
	"COMPLETED":     {outcome: record.OutcomeOK},
	"FAILED":        {outcome: record.OutcomeFailed, kind: record.UserError},
	"TIMEOUT":       {outcome: record.OutcomeFailed, kind: record.TimeoutError},
	"DEADLINE":      {outcome: record.OutcomeFailed, kind: record.DeadlineError},
	"OUT_OF_MEMORY": {outcome: record.OutcomeFailed, kind: record.LimitError},
	"LAUNCH_FAILED": {outcome: record.OutcomeFailed, kind: record.UserError},
	"CANCELLED":     {outcome: record.OutcomeCancelled, kind: record.CancelledError},
	"REVOKED":       {outcome: record.OutcomeCancelled, kind: record.CancelledError},
	"NODE_FAIL":     {outcome: record.OutcomeLost, kind: record.WorkerLostError},
	"BOOT_FAIL":     {outcome: record.OutcomeLost, kind: record.WorkerLostError},
	"PREEMPTED":     {outcome: record.OutcomeLost, kind: record.WorkerLostError},
	"REQUEUED":      {outcome: record.OutcomeLost, kind: record.WorkerLostError},
	"PENDING":       {waiting: true},
	"REQUEUE_HOLD":  {waiting: true},
	"SPECIAL_EXIT":  {outcome: record.OutcomeFailed, kind: record.UserError},
	"RUNNING":       {}, "SUSPENDED": {}, "RESIZING": {}, "COMPLETING": {}, "CONFIGURING": {}, "STOPPED": {}, "SIGNALING": {}, "STAGE_OUT": {},
}

// fateOf reads a state, which says who cancelled as well: "CANCELLED by 1000".
func fateOf(state string) fate {
	word, _, _ := strings.Cut(state, " ")
	f, ok := fates[strings.TrimRight(strings.ToUpper(word), "+")]
	f.known = ok
	return f
}

// moment reads a stamp as sacct writes it by default, without a zone; utc reports that it was taken for UTC. With
// SLURM_TIME_FORMAT it may be seconds since 1970 or have a zone.
func moment(text string) (m records.Moment, utc bool) {
	switch text {
	case "", "Unknown", "None", "N/A", "0":
		return records.Unknown, false
	}
	if t, err := time.Parse("2006-01-02T15:04:05", text); err == nil {
		return records.At(t), true
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return records.At(t), false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 && n < math.MaxInt64/int64(time.Second) {
		return records.Moment(n * int64(time.Second)), false
	}
	return records.Unknown, false
}

// span reads [[DD-]HH:]MM:SS[.mmm], or seconds; -1 if it is neither.
func span(text string) time.Duration {
	var total float64
	if days, rest, ok := strings.Cut(text, "-"); ok {
		n, err := strconv.ParseUint(days, 10, 20)
		if err != nil {
			return -1
		}
		total, text = float64(n)*86400, rest
	}
	parts := strings.Split(text, ":")
	if text == "" || len(parts) > 3 {
		return -1
	}
	seconds := 0.0
	for _, p := range parts {
		n, err := strconv.ParseFloat(p, 64)
		if err != nil || n < 0 || !(n < 1e9) {
			return -1
		}
		seconds = seconds*60 + n
	}
	if total += seconds; total > 9e9 {
		return -1
	}
	return time.Duration(math.Round(total*1e6)) * time.Microsecond
}

// sizeOf reads a size as sacct writes it: 1024K, 1.5M or a plain number of bytes; -1 if it is none.
func sizeOf(text string) int64 {
	number := strings.TrimRight(text, "KMGTPEBc n")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n < 0 {
		return -1
	}
	if len(number) < len(text) {
		if power := strings.IndexByte("KMGTPE", text[len(number)]); power >= 0 {
			n *= math.Pow(1024, float64(power+1))
		}
	}
	if n >= math.MaxInt64 {
		return -1
	}
	return int64(n)
}

func short(text string) string {
	if len(text) > records.MaxText {
		return strings.ToValidUTF8(text[:records.MaxText], "")
	}
	return text
}
