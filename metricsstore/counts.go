package metricsstore

import (
	"fmt"
	"math"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// Counts are totals of a run. Byte counts leave out outputs whose size is not known.
type Counts struct {
	Tasks     int64 `json:"tasks"`     // tasks known at the end, those of fan-outs included
	Attempts  int64 `json:"attempts"`  // that ended, each of which is one record
	Succeeded int64 `json:"succeeded"` // executed, and ended well
	Failed    int64 `json:"failed"`    // for good
	Retried   int64 `json:"retried"`   // failed and tried again
	Cancelled int64 `json:"cancelled"`
	Lost      int64 `json:"lost"`    // with their worker
	Skipped   int64 `json:"skipped"` // tasks that never ran because one that they need has failed
	// Cached are tasks that were not executed because their output was there from an earlier run.
	Cached int64 `json:"cached,omitempty"`
	// Unfinished are tasks that had begun and have not ended for good: an attempt is under way, or the latest one was
	// lost, or failed and waits to be repeated. Programs that did not count it left it 0.
	Unfinished int64 `json:"unfinished,omitempty"`

	OutputBytes    int64 `json:"output_bytes"`
	StoredBytes    int64 `json:"stored_bytes"`
	UnknownOutputs int64 `json:"unknown_outputs"` // outputs whose size is not known
	Became         int64 `json:"became"`          // tasks that the worker of one of their parents continued with
	Workers        int64 `json:"workers"`

	// FirstClaim and LastEnd are nanoseconds since the run's start, 0 where nothing was claimed; MakespanNS is the
	// time between them.
	FirstClaim int64 `json:"first_claim_ns"`
	LastEnd    int64 `json:"last_end_ns"`
	MakespanNS int64 `json:"makespan_ns"`
	ExecuteNS  int64 `json:"execute_ns"` // of all attempts that were executed, together

	// The rest is about attempts that ended well and have a record.Usage. BytesIn were read from files that no task
	// makes, BytesMoved from files that other tasks made, each as often as it was read; BytesOut are in files that no
	// task reads.
	CPUNS      int64 `json:"cpu_ns,omitempty"`
	BytesIn    int64 `json:"bytes_in,omitempty"`
	BytesMoved int64 `json:"bytes_moved,omitempty"`
	BytesOut   int64 `json:"bytes_out,omitempty"`
	// CPUKnown and BytesKnown count the attempts of which the sums above have something.
	CPUKnown   int64 `json:"cpu_known,omitempty"`
	BytesKnown int64 `json:"bytes_known,omitempty"`

	// Used sums up all attempts that were executed, however they ended. Programs that did not count it left it zero.
	Used Used `json:"used,omitzero"`
}

// Used is what attempts used that were executed, as far as it was measured.
type Used struct {
	CPUNS    int64 `json:"cpu_ns"`
	CPUKnown int64 `json:"cpu_attempts"` // attempts whose CPU time is known
	// MemoryByteS is in bytes times seconds: the peak of each attempt, for as long as its body was executed.
	MemoryByteS int64 `json:"memory_byte_s"`
	MemoryKnown int64 `json:"memory_attempts"` // attempts whose memory is known
}

// add adds an attempt that was executed for a time.
func (u *Used) add(execute time.Duration, of *record.Usage) {
	if of.CPU >= 0 {
		u.CPUNS, u.CPUKnown = sumUp(u.CPUNS, int64(of.CPU)), u.CPUKnown+1
	}
	if of.MemoryBytes >= 0 {
		held := math.Min(float64(of.MemoryBytes)*execute.Seconds(), math.MaxInt64/2)
		u.MemoryByteS, u.MemoryKnown = sumUp(u.MemoryByteS, int64(math.Round(held))), u.MemoryKnown+1
	}
}

// Prices are what resources cost, in any currency; zero for no prices.
type Prices struct {
	CPUHour float64 // of one processor
	GiBHour float64 // of memory
}

// Cost is what was used at these prices. What was not measured costs nothing here.
func (p Prices) Cost(u Used) float64 {
	return p.CPUHour*time.Duration(u.CPUNS).Hours() + p.GiBHour*float64(u.MemoryByteS)/(1<<30)/3600
}

// Done is the number of tasks whose output is there: they were executed and ended well, or were cached.
func (c *Counts) Done() int64 { return c.Succeeded + c.Cached }

// NotRun is the number of tasks that have neither begun nor been skipped or cached; once the run has ended, they never will.
func (c *Counts) NotRun() int64 {
	return max(0, c.Tasks-c.Done()-c.Failed-c.Cancelled-c.Skipped-c.Unfinished)
}

// Upload says how much of what a run delivered was kept.
type Upload struct {
	Strategy string `json:"strategy"`
	// Steps and Details were delivered; StepsKept and DetailsKept of them are in the store.
	Steps       int64 `json:"steps"`
	StepsKept   int64 `json:"steps_kept"`
	Details     int64 `json:"details"`
	DetailsKept int64 `json:"details_kept"`
	// Calls is how often the store was called with a batch, Failures how many of those calls failed.
	Calls    int64 `json:"calls"`
	Failures int64 `json:"failures"`
}

// Partial reports whether something that was delivered is not kept.
func (u Upload) Partial() bool { return u.StepsKept < u.Steps || u.DetailsKept < u.Details }

// String says "1,000 of 1,000 steps, 997 of 1,000 details".
func (u Upload) String() string {
	return fmt.Sprintf("%s of %s steps, %s of %s details",
		grouped(u.StepsKept), grouped(u.Steps), grouped(u.DetailsKept), grouped(u.Details))
}

// grouped writes a count with commas between groups of three digits.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
