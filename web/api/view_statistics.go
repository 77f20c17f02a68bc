package api

import (
	"strings"
	"time"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/metricsstore"
)

// method describes how quantiles are computed.
const method = "type 7 (Hyndman and Fan 1996); exact up to 512 values, then from a merged digest with the bound given"

// Estimate is an estimate of one property of a distribution.
type Estimate struct {
	Value *float64 `json:"value" doc:"Null if there are too few values for a meaningful estimate."`
	Low   float64  `json:"low" doc:"low and high enclose the true value; all three are equal if it is exact."`
	High  float64  `json:"high"`
	Needs uint64   `json:"needs,omitempty" doc:"How many values it would need; absent if there are enough."`
}

func newEstimate(e digest.Estimate) Estimate {
	out := Estimate{Low: e.Low, High: e.High}
	if e.N == 0 || !e.Enough() {
		out.Needs = e.Need
		return out
	}
	out.Value = &e.Value
	return out
}

// quantile is an estimate of the quantile q.
type quantile struct {
	Q float64 `json:"q"`
	Estimate
}

// Distribution sums up the values of a metric, in its unit.
type Distribution struct {
	N        uint64     `json:"n"`
	Rejected uint64     `json:"rejected" doc:"Values that were not numbers."`
	Exact    bool       `json:"exact" doc:"Every estimate is exact."`
	Bound    float64    `json:"bound" doc:"The relative error that no quantile exceeds."`
	Method   string     `json:"method"`
	Sum      float64    `json:"sum"`
	Mean     *float64   `json:"mean"`
	Min      *float64   `json:"min"`
	Max      *float64   `json:"max"`
	Variance *float64   `json:"variance" doc:"Of the population."`
	StdDev   *float64   `json:"stddev"`
	CV       *float64   `json:"cv" doc:"Standard deviation divided by mean."`
	P25      Estimate   `json:"p25"`
	P50      Estimate   `json:"p50"`
	P75      Estimate   `json:"p75"`
	P90      Estimate   `json:"p90"`
	P95      Estimate   `json:"p95"`
	P99      Estimate   `json:"p99"`
	P999     Estimate   `json:"p99_9"`
	IQR      Estimate   `json:"iqr"`
	MAD      Estimate   `json:"mad"`
	Quantile []quantile `json:"quantiles" doc:"The requested quantiles, in the requested order."`
}

func newDistribution(d *metricsstore.Distribution) Distribution {
	s := &d.Summary
	out := Distribution{
		N: d.N, Rejected: s.Rejected, Exact: d.Exact, Bound: d.Bound, Method: method, Sum: s.Sum,
		P25: newEstimate(s.P25), P50: newEstimate(s.P50), P75: newEstimate(s.P75), P90: newEstimate(s.P90), P95: newEstimate(s.P95),
		P99: newEstimate(s.P99), P999: newEstimate(s.P999), IQR: newEstimate(s.IQR), MAD: newEstimate(s.MAD),
		Quantile: make([]quantile, len(d.Quantiles)),
	}
	if d.N > 0 {
		out.Mean, out.Min, out.Max = &s.Mean, &s.Min, &s.Max
		out.Variance, out.StdDev, out.CV = &s.Variance, &s.StdDev, &s.CV
	}
	for i, q := range d.Quantiles {
		out.Quantile[i] = quantile{q.Q, newEstimate(q)}
	}
	return out
}

// throughput relates output bytes to the time in which they were produced, as the ratio of their sums.
type throughput struct {
	Records   int64   `json:"records"`
	Bytes     int64   `json:"bytes"`
	ExecuteNS int64   `json:"execute_ns"`
	BytesPerS float64 `json:"bytes_per_s"`
	NSPerByte float64 `json:"ns_per_byte"`
}

// group is the statistic over one group of attempts of a run.
type group struct {
	Key      string `json:"key" doc:"The group as text: a function's name, with @version above version 0; the number of a worker or level; or empty."`
	Function string `json:"function,omitempty"`
	Version  *int   `json:"version,omitempty"`
	Number   *int   `json:"number,omitempty" doc:"Number of the worker or level."`
	Distribution
	Throughput throughput `json:"throughput"`
}

// runStatistics is a statistic over the attempts of one run that were executed and succeeded.
type runStatistics struct {
	Metric    metricsstore.Metric  `json:"metric"`
	Unit      string               `json:"unit" enum:"ns,bytes,bytes_per_s"`
	GroupBy   metricsstore.GroupBy `json:"group_by" enum:"function,worker,level,none"`
	Method    string               `json:"method"`
	AtNS      *int64               `json:"at_ns" doc:"The requested moment; null for all attempts."`
	AsOf      uint64               `json:"as_of" doc:"The last step that is included."`
	Complete  bool                 `json:"complete" doc:"The run has ended, and everything about it is recorded and included."`
	Attempts  int64                `json:"attempts" doc:"Attempts that had ended, with any outcome."`
	Succeeded int64                `json:"succeeded" doc:"Attempts that were executed and succeeded: the statistic is over these, so cached ones are not among them."`
	Groups    []group              `json:"groups" doc:"By function and version, or by number."`
	Next      string               `json:"next,omitempty" doc:"Cursor of the next groups; absent on the last page."`
}

// bar is a number of values in an interval: above low, up to and including high.
type bar struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Count uint64  `json:"count"`
}

// step is one step of a distribution function: the share p of the values is at most x.
type step struct {
	X float64 `json:"x"`
	P float64 `json:"p"`
}

// historyPart is the statistic over the runs that started in [from, to).
type historyPart struct {
	Key      string    `json:"key" doc:"The function's name, with @version above version 0; empty if not grouped by function."`
	Function string    `json:"function,omitempty"`
	Version  *int      `json:"version,omitempty"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Runs     int       `json:"runs"`
	Distribution
	Histogram []bar  `json:"histogram,omitempty" doc:"If bins were requested: bars for a logarithmic axis, which line up between parts; zeros have a bar of their own in front."`
	ECDF      []step `json:"ecdf,omitempty" doc:"If bins were requested: the distribution function, exact at the given points."`
}

// history is a statistic over recorded runs.
type history struct {
	Metric  metricsstore.Metric `json:"metric"`
	Unit    string              `json:"unit" enum:"ns,bytes,bytes_per_s"`
	Method  string              `json:"method"`
	Peers   *Peers              `json:"peers,omitempty" doc:"Describes the peers that query.before selects; absent without query.before."`
	Buckets []historyPart       `json:"buckets" doc:"Ascending by time; only those with runs. Empty if grouped by function."`
	Groups  []historyPart       `json:"groups" doc:"By function and version; empty if not grouped by function."`
	LeftOut []leftOut           `json:"left_out" doc:"Runs that have ended and match the query, but are not part of the response. Runs in which nothing was executed and succeeded, such as those that took everything from a cache, have no values and are not counted here."`
}

// leftOut counts runs that are left out of a statistic.
type leftOut struct {
	Reason metricsstore.Reason `json:"reason" enum:"not_measured,not_known,unreadable" doc:"not_measured: imported, and the metric describes their schedule, which the recording does not have (queue_ns is there where it says when tasks could have started); not_known: no value is known; unreadable: damaged, in part or as a whole."`
	Runs   int                 `json:"runs"`
}

// unitOf is the unit of a metric.
func unitOf(m metricsstore.Metric) string {
	switch {
	case strings.HasSuffix(string(m), "_ns"):
		return "ns"
	case strings.HasSuffix(string(m), "_bytes_per_s"):
		return "bytes_per_s"
	}
	return "bytes"
}

// timeline counts attempts that were ready, moving data, and running, as means over spans of equal length.
type timeline struct {
	FromNS  int64     `json:"from_ns"`
	ToNS    int64     `json:"to_ns"`
	StepNS  int64     `json:"step_ns" doc:"The length of a span; the last one may reach beyond to_ns."`
	Slots   int       `json:"slots" doc:"Lanes that took part."`
	Ready   []float64 `json:"ready"`
	Moving  []float64 `json:"moving" doc:"Fetching inputs or publishing outputs."`
	Running []float64 `json:"running"`
	AsOf    uint64    `json:"as_of" doc:"The last step that is included."`
}

// bars is a histogram of at most bins bars, and one more for zeros.
func bars(s *digest.Sketch, bins int) []bar {
	out := []bar{}
	for _, b := range s.Histogram(bins) {
		out = append(out, bar(b))
	}
	return out
}

// ecdf is the distribution function at some of the points where it is known exactly, the last one among them.
func ecdf(s *digest.Sketch, bins int) []step {
	points := s.ECDF()
	every := max((len(points)+2*bins-1)/(2*bins), 1)
	out := []step{}
	for i := range points {
		if (len(points)-1-i)%every == 0 {
			out = append(out, step(points[i]))
		}
	}
	return out
}
