package whatif

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/plan/simulate"
	"github.com/dagscope/dagscope/metricsstore"
)

// Question says what would be otherwise. The zero value asks for the unchanged run.
type Question struct {
	// Slots of each worker; 0 for those that were recorded.
	Slots int `json:"slots,omitempty"`
	// Workers, each with Slots; if those are 0, with as many as the recorded worker with the most. 0 for those that were
	// recorded.
	Workers int `json:"workers,omitempty"`
	// Faster has, by the name of a function, how many times as fast it is: 2 is half of the time.
	Faster map[string]float64 `json:"faster,omitempty"`
	// Bandwidth is how many times as fast inputs are fetched and outputs stored; 0 for 1.
	Bandwidth float64 `json:"bandwidth,omitempty"`
	// WithoutRetries: only the last attempt of each task is made.
	WithoutRetries bool `json:"without_retries,omitempty"`
	// NoQueue: a task that is ready has a slot at once.
	NoQueue bool `json:"no_queue,omitempty"`
	// NoBecome: a slot does not continue with a task that its own task made ready. Only of runs of the engine.
	NoBecome bool `json:"no_become,omitempty"`
}

// Bounds of a question.
const (
	MaxSlots   = 4096
	MaxWorkers = 1024
	MaxFactor  = 1e6
)

// IsUnchanged reports whether the question is about the run as it was.
func (q *Question) IsUnchanged() bool {
	return q.Slots == 0 && q.Workers == 0 && len(q.Faster) == 0 && (q.Bandwidth == 0 || q.Bandwidth == 1) &&
		!q.WithoutRetries && !q.NoQueue && !q.NoBecome
}

// Check returns metricsstore.ErrInvalid if the question makes no sense for any run.
func (q *Question) Check() error {
	switch {
	case q.Slots < 0 || q.Slots > MaxSlots:
		return invalid("slots is %d, expected 1 to %d, or 0 for those that were recorded", q.Slots, MaxSlots)
	case q.Workers < 0 || q.Workers > MaxWorkers:
		return invalid("workers is %d, expected 1 to %d, or 0 for those that were recorded", q.Workers, MaxWorkers)
	case q.Slots*q.Workers > simulate.MaxLanes:
		return invalid("%d workers of %d slots have %d, expected at most %d", q.Workers, q.Slots, q.Slots*q.Workers, simulate.MaxLanes)
	case q.Bandwidth != 0 && !isFactor(q.Bandwidth):
		return invalid("bandwidth is %g, expected how many times as fast transfers are, from %g to %g", q.Bandwidth, 1/MaxFactor, MaxFactor)
	case q.NoQueue && (q.Slots > 0 || q.Workers > 0):
		return invalid("no_queue gives each task a slot at once, expected no slots and workers with it")
	}
	for _, name := range slices.Sorted(maps.Keys(q.Faster)) {
		if !isFactor(q.Faster[name]) {
			return invalid("faster is %s=%g, expected how many times as fast it is, from %g to %g", name, q.Faster[name], 1/MaxFactor, MaxFactor)
		}
	}
	return nil
}

func isFactor(f float64) bool { return f >= 1/MaxFactor && f <= MaxFactor && !math.IsNaN(f) }

// fits refuses what the run does not have.
func (q *Question) fits(r *recording, functions []string) error {
	for _, name := range slices.Sorted(maps.Keys(q.Faster)) {
		if !slices.Contains(functions, name) {
			return invalid("faster names the function %q, expected one of %s", name, strings.Join(functions, ", "))
		}
	}
	if q.NoBecome && r.run.Info.Imported() != nil {
		return invalid("no_become changes a rule of this engine, expected a run that it has executed; %s has executed this one", r.run.Info.Engine())
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", metricsstore.ErrInvalid, fmt.Sprintf(format, args...))
}

// conditions are what a question means for a model. executes has the factor of each class.
func (q *Question) conditions(m *model, r *recording) simulate.Conditions {
	own, rules := r.run.Info.Imported() == nil, r.run.Info.Rules
	c := simulate.Conditions{
		Workers: q.lanes(m), Unlimited: q.NoQueue, Recorded: !own, NoRetries: q.WithoutRetries,
		NoBecome: q.NoBecome || !own || rules != nil && rules.NoBecome,
	}
	if q.Bandwidth > 0 {
		c.Transfer = 1 / q.Bandwidth
	}
	if len(q.Faster) > 0 {
		c.Execute = factors(r)
		for class, f := range r.numbering.Graph().Functions() {
			if speed, ok := q.Faster[f.Name()]; ok {
				c.Execute[class] = 1 / speed
			}
		}
	}
	return c
}

// factors of all classes: the functions, and the expansions.
func factors(r *recording) []float64 {
	return slices.Repeat([]float64{1}, len(r.numbering.Graph().Functions())+1)
}

// lanes of the workers; those that were not recorded are there from the start.
func (q *Question) lanes(m *model) []simulate.Worker {
	if q.Slots == 0 && q.Workers == 0 {
		return m.workers
	}
	widest, queues := m.widest()
	slots := q.Slots
	if slots == 0 {
		slots = widest
	}
	if q.Workers > 0 {
		return slices.Repeat([]simulate.Worker{{Lanes: make([]int64, slots), Queues: queues}}, q.Workers)
	}
	out := make([]simulate.Worker, len(m.workers))
	for i := range out {
		out[i] = simulate.Worker{Lanes: slices.Repeat([]int64{slices.Min(m.workers[i].Lanes)}, slots), Queues: m.workers[i].Queues}
	}
	return out
}

// widest is the most slots of a recorded worker, and how many queues that one has.
func (m *model) widest() (slots, queues int) {
	for i := range m.workers {
		if n := len(m.workers[i].Lanes); n > slots {
			slots, queues = n, m.workers[i].Queues
		}
	}
	return slots, queues
}

// ParseFaster reads texts such as blur=2, a function and how many times as fast it is. The error is
// metricsstore.ErrInvalid.
func ParseFaster(texts []string) (map[string]float64, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	faster := map[string]float64{}
	for _, text := range texts {
		at := strings.LastIndex(text, "=") // names may have one
		if at < 1 {
			return nil, invalid("faster is %q, expected a function and how many times as fast it is, such as blur=2", text)
		}
		by, err := strconv.ParseFloat(text[at+1:], 64)
		if err != nil || !isFactor(by) {
			return nil, invalid("faster is %q, expected a number from %g to %g after =, such as blur=2", text, 1/MaxFactor, MaxFactor)
		}
		if _, twice := faster[text[:at]]; twice {
			return nil, invalid("faster names the function %q twice, expected it once", text[:at])
		}
		faster[text[:at]] = by
	}
	return faster, nil
}
