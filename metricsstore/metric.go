package metricsstore

import (
	"slices"

	"github.com/dagscope/dagscope/engine/record"
)

// Metric names what a digest measures. Its last word is the unit.
type Metric string

// Metrics of attempts that ended well, as record.TaskMetrics has them. Values that are not known are left out.
const (
	QueueNS     Metric = "queue_ns"           // ready until claimed
	WaitNS      Metric = "wait_ns"            // claimed until all inputs are present, without fetch_ns
	FetchNS     Metric = "fetch_ns"           // fetching inputs from elsewhere
	ExecuteNS   Metric = "execute_ns"         // the body
	StoreNS     Metric = "store_ns"           // storing the output and notifying the children, 0 where it was not stored
	UpdateNS    Metric = "update_ns"          // notifying the children, 0 where the output was stored
	OutputBytes Metric = "output_bytes"       // of the output
	StoredBytes Metric = "stored_bytes"       // that went into the store
	OutputRate  Metric = "output_bytes_per_s" // output_bytes by execute_ns, where both are above 0, rounded down

	// Metrics that were measured only for some runs, see record.Usage.

	CPUNS        Metric = "cpu_ns"        // of processors
	MemoryBytes  Metric = "memory_bytes"  // resident
	ReadBytes    Metric = "read_bytes"    // by the process
	WrittenBytes Metric = "written_bytes" // by the process
)

// columns are the metrics in the order in which a Fold keeps them.
var columns = [...]Metric{QueueNS, WaitNS, FetchNS, ExecuteNS, StoreNS, UpdateNS, OutputBytes, StoredBytes, OutputRate, CPUNS, MemoryBytes, ReadBytes, WrittenBytes}

// Scheduled reports whether the metric depends on when and where tasks were executed, and not on what they did. In an
// imported run such values are not measured, as a rule: see MeasuredIn.
func (m Metric) Scheduled() bool {
	switch m {
	case QueueNS, WaitNS, FetchNS, StoreNS, UpdateNS, StoredBytes:
		return true
	}
	return false
}

// MeasuredIn reports whether values of the metric were measured in a run: in an imported one, a scheduled metric was not,
// except for QueueNS where the record has when tasks could have started.
func (m Metric) MeasuredIn(r *record.RunInfo) bool {
	o := r.Imported()
	return !m.Scheduled() || o == nil || m == QueueNS && o.Queued
}

// Of returns the value of the metric in a record; ok is false where it is not known.
func (m Metric) Of(t *record.TaskMetrics) (v int64, ok bool) {
	switch m {
	case QueueNS:
		return int64(t.Queue), true
	case WaitNS:
		return int64(t.Wait), true
	case FetchNS:
		return int64(t.Fetch), true
	case ExecuteNS:
		return int64(t.Execute), true
	case StoreNS:
		return int64(t.Store), true
	case UpdateNS:
		return int64(t.Update), true
	case OutputBytes:
		return t.Output, t.Output >= 0
	case StoredBytes:
		return t.Stored, t.Stored >= 0
	case OutputRate:
		if t.Output <= 0 || t.Execute <= 0 {
			return 0, false
		}
		return rate(t.Output, int64(t.Execute)), true
	}
	if t.Usage == nil {
		return 0, false
	}
	return m.ofUsage(t.Usage)
}

// ofUsage is the value of a metric that only attempts with a record.Usage have.
func (m Metric) ofUsage(u *record.Usage) (v int64, ok bool) {
	switch m {
	case CPUNS:
		v = int64(u.CPU)
	case MemoryBytes:
		v = u.MemoryBytes
	case ReadBytes:
		v = u.ReadBytes
	case WrittenBytes:
		v = u.WrittenBytes
	default:
		return 0, false
	}
	return max(v, 0), v >= 0
}

// Metrics lists all metrics.
func Metrics() []Metric { return slices.Clone(columns[:]) }

// ParseMetric finds a metric by its name; the error is ErrInvalid and lists the names.
func ParseMetric(name string) (Metric, error) {
	if slices.Contains(columns[:], Metric(name)) {
		return Metric(name), nil
	}
	return "", invalid("metric %q, expected one of %q", name, columns)
}
