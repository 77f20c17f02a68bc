package api

import (
	"strings"
	"time"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/metricsstore"
)

// method says how quantiles are computed.
const method = "type 7 (Hyndman and Fan 1996); exact up to 512 values, then from a merged digest with the bound given"

// Estimate is one answer about a distribution.
type Estimate struct {
	Value *float64 `json:"value" doc:"Null where there are too few values for the answer to mean anything."`
	Low   float64  `json:"low" doc:"With high, encloses the true answer; all three are equal when it is exact."`
	High  float64  `json:"high"`
	Needs uint64   `json:"needs,omitempty" doc:"How many values it would need; absent where there are enough."`
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

// Quantile is an estimate of the quantile q.
type Quantile struct {
	Q float64 `json:"q"`
	Estimate
}

// Distribution sums up the values of a metric, in its unit.
type Distribution struct {
	N        uint64     `json:"n"`
	Rejected uint64     `json:"rejected" doc:"Values that were no numbers."`
	Exact    bool       `json:"exact" doc:"Every answer is exact."`
	Bound    float64    `json:"bound" doc:"The relative error that no quantile exceeds."`
	Method   string     `json:"method"`
	Sum      float64    `json:"sum"`
	Mean     *float64   `json:"mean"`
	Min      *float64   `json:"min"`
	Max      *float64   `json:"max"`
	Variance *float64   `json:"variance" doc:"Of the population."`
	StdDev   *float64   `json:"stddev"`
	CV       *float64   `json:"cv" doc:"Standard deviation by mean."`
	P25      Estimate   `json:"p25"`
	P50      Estimate   `json:"p50"`
	P75      Estimate   `json:"p75"`
	P90      Estimate   `json:"p90"`
	P95      Estimate   `json:"p95"`
	P99      Estimate   `json:"p99"`
	P999     Estimate   `json:"p99_9"`
	IQR      Estimate   `json:"iqr"`
	MAD      Estimate   `json:"mad"`
	Quantile []Quantile `json:"quantiles" doc:"Those asked for, in that order."`
}

func newDistribution(d *metricsstore.Distribution) Distribution {
	s := &d.Summary
	out := Distribution{
		N: d.N, Rejected: s.Rejected, Exact: d.Exact, Bound: d.Bound, Method: method, Sum: s.Sum,
		P25: newEstimate(s.P25), P50: newEstimate(s.P50), P75: newEstimate(s.P75), P90: newEstimate(s.P90), P95: newEstimate(s.P95),
		P99: newEstimate(s.P99), P999: newEstimate(s.P999), IQR: newEstimate(s.IQR), MAD: newEstimate(s.MAD),
		Quantile: make([]Quantile, len(d.Quantiles)),
	}
	if d.N > 0 {
		out.Mean, out.Min, out.Max = &s.Mean, &s.Min, &s.Max
		out.Variance, out.StdDev, out.CV = &s.Variance, &s.StdDev, &s.CV
	}
	for i, q := range d.Quantiles {
		out.Quantile[i] = Quantile{q.Q, newEstimate(q)}
	}
	return out
}

// Throughput relates output bytes to the time that made them, as the ratio of their sums.
type Throughput struct {
	Records   int64   `json:"records"`
	Bytes     int64   `json:"bytes"`
	ExecuteNS int64   `json:"execute_ns"`
	BytesPerS float64 `json:"bytes_per_s"`
	NSPerByte float64 `json:"ns_per_byte"`
}

// Group is the statistic over one group of attempts of a run.
type Group struct {
	Key      string `json:"key" doc:"The group as text: a function's name, with @version above 0; a worker's or level's number; empty."`
	Function string `json:"function,omitempty"`
	Version  *int   `json:"version,omitempty"`
	Number   *int   `json:"number,omitempty" doc:"Of the worker or level."`
	Distribution
	Throughput Throughput `json:"throughput"`
}

// RunStatistics is a statistic over the attempts of one run that ended well.
type RunStatistics struct {
	Metric    metricsstore.Metric  `json:"metric"`
	Unit      string               `json:"unit" enum:"ns,bytes,bytes_per_s"`
	GroupBy   metricsstore.GroupBy `json:"group_by" enum:"function,worker,level,none"`
	Method    string               `json:"method"`
	AtNS      *int64               `json:"at_ns" doc:"The moment asked for; null for all."`
	AsOf      uint64               `json:"as_of" doc:"The last step that was taken into account."`
	Complete  bool                 `json:"complete" doc:"That is the whole of an ended run, and all of it was kept."`
	Attempts  int64                `json:"attempts" doc:"That had ended, whatever their outcome."`
	Succeeded int64                `json:"succeeded" doc:"Those of them that ended well: only these are summed up."`
	Groups    []Group              `json:"groups" doc:"By function and version, or by number."`
	Next      string               `json:"next,omitempty" doc:"The cursor of the following groups; absent on the last page."`
}

// Bar is a number of values in an interval: above low, up to and including high.
type Bar struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Count uint64  `json:"count"`
}

// Step is one step of a distribution function: the share p of the values is at most x.
type Step struct {
	X float64 `json:"x"`
	P float64 `json:"p"`
}

// HistoryPart is the statistic over the runs that started in [from, to).
type HistoryPart struct {
	Key      string    `json:"key" doc:"The function's name, with @version above 0; empty where it is not grouped by function."`
	Function string    `json:"function,omitempty"`
	Version  *int      `json:"version,omitempty"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Runs     int       `json:"runs"`
	Distribution
	Histogram []Bar  `json:"histogram,omitempty" doc:"Where bins were asked for: bars for a logarithmic axis, which line up between parts; zeros have one of their own in front."`
	ECDF      []Step `json:"ecdf,omitempty" doc:"Where bins were asked for: the distribution function, exact where it is given."`
}

// History is a statistic over the runs that were recorded.
type History struct {
	Metric  metricsstore.Metric `json:"metric"`
	Unit    string              `json:"unit" enum:"ns,bytes,bytes_per_s"`
	Method  string              `json:"method"`
	Peers   *Peers              `json:"peers,omitempty" doc:"Whose runs take part; absent without query.before."`
	Buckets []HistoryPart       `json:"buckets" doc:"Ascending by time; only those with runs. Empty where it is grouped by function."`
	Groups  []HistoryPart       `json:"groups" doc:"By function and version; empty where it is not grouped by function."`
	LeftOut []LeftOut           `json:"left_out" doc:"Runs that have ended, were asked for and have no part in the answer."`
}

// LeftOut counts runs that are left out of a statistic.
type LeftOut struct {
	Reason metricsstore.Reason `json:"reason" enum:"not_measured,not_known,unreadable" doc:"not_measured: imported, and the metric is about their schedule; not_known: no value is known; unreadable: damaged, in part or as a whole."`
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

// Timeline is how many attempts were ready, moving data, and running, as means over spans of equal length.
type Timeline struct {
	FromNS  int64     `json:"from_ns"`
	ToNS    int64     `json:"to_ns"`
	StepNS  int64     `json:"step_ns" doc:"The length of a span; the last one may reach beyond to_ns."`
	Slots   int       `json:"slots" doc:"Lanes that took part."`
	Ready   []float64 `json:"ready"`
	Moving  []float64 `json:"moving" doc:"Fetching inputs or handing on outputs."`
	Running []float64 `json:"running"`
	AsOf    uint64    `json:"as_of" doc:"The last step that was taken into account."`
}

// bars is a histogram of at most so many bars, beside one for zeros.
func bars(s *digest.Sketch, bins int) []Bar {
	out := []Bar{}
	for _, b := range s.Histogram(bins) {
		out = append(out, Bar(b))
	}
	return out
}

// ecdf is the distribution function at some of the points where it is known exactly, the last one among them.
func ecdf(s *digest.Sketch, bins int) []Step {
	points := s.ECDF()
	every := max((len(points)+2*bins-1)/(2*bins), 1)
	out := []Step{}
	for i := range points {
		if (len(points)-1-i)%every == 0 {
			out = append(out, Step(points[i]))
		}
	}
	return out
}
