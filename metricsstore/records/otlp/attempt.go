package otlp

import (
	"strconv"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records/internal/trace"
)

// ownPrefix begins the names of attributes of spans that dagscope has exported, see metricsstore/export.
const ownPrefix = "dagscope."

// ownAttribute is one of them, without the prefix.
type ownAttribute struct{ name, value string }

// attemptOf is what attributes say about an attempt of a run that dagscope has exported; nil if they are not of one.
func attemptOf(attributes []ownAttribute) *trace.Attempt {
	if len(attributes) == 0 {
		return nil
	}
	texts := make(map[string]string, len(attributes))
	for _, a := range attributes {
		texts[a.name] = a.value
	}
	a := &trace.Attempt{Task: texts["task"], OutputBytes: -1}
	lane := int64(0)
	for name, to := range map[string]*int64{
		"node": &a.Node, "epoch": &a.Epoch, "attempt": &a.Number, "slot": &lane,
		"queue_ns": (*int64)(&a.Queue), "wait_ns": (*int64)(&a.Wait), "fetch_ns": (*int64)(&a.Fetch), "execute_ns": (*int64)(&a.Execute),
	} {
		n, err := strconv.ParseInt(texts[name], 10, 64)
		if err != nil || n < 0 || n > maxPhase {
			return nil
		}
		*to = n
	}
	if n, err := strconv.ParseInt(texts["output_bytes"], 10, 64); err == nil && n >= 0 {
		a.OutputBytes = n
	}
	if a.Task == "" || lane > maxLane || a.Outcome.UnmarshalText([]byte(texts["outcome"])) != nil {
		return nil
	}
	if a.Outcome == record.OutcomeRetrying { // that another attempt follows is seen from that one
		a.Outcome = record.OutcomeFailed
	}
	a.Lane = int32(lane)
	return a
}

// Bounds of what is believed: sums of phases do not overflow, and numbers of lanes have 16 bits.
const (
	maxPhase = int64(10 * 365 * 24 * time.Hour)
	maxLane  = 1<<16 - 2
)
