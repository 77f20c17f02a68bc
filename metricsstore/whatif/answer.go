package whatif

import (
	"context"
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/plan/simulate"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Method is how all answers are found.
const Method = "discrete-event simulation of the recorded durations"

// Answer is what would have been. All times are nanoseconds; moments count from the first claim.
type Answer struct {
	Run      record.RunID `json:"run"`
	Question Question     `json:"question"`
	Method   string       `json:"method"`
	N        int          `json:"n" doc:"Attempts that were simulated."`
	// Order is engine or recorded: whether ready tasks are claimed by the rules of the engine, or in the order in which
	// they were.
	Order string    `json:"order" enum:"engine,recorded" doc:"Whether ready tasks are claimed by the rules of the engine, or in the order in which they were claimed, for runs of other tools."`
	Error Deviation `json:"error"`
	// MakespanNS is that of the question, between LowNS and HighNS if the simulation errs by as much as it does for the
	// unchanged run. Of a changed run nobody knows whether what held up tasks would do so again, so LowNS is without that.
	// Ratio is MakespanNS to that of the unchanged simulation.
	MakespanNS int64   `json:"makespan_ns"`
	LowNS      int64   `json:"low_ns" doc:"The makespan less the error of the unchanged simulation, and of a changed run without what held up tasks."`
	HighNS     int64   `json:"high_ns" doc:"The makespan plus the error of the unchanged simulation."`
	Ratio      float64 `json:"ratio" doc:"The makespan to that of the unchanged simulation."`
	// Workers has the slots of each worker, and Recorded those that the run had.
	Workers  []WorkerSlots `json:"workers"`
	Recorded []WorkerSlots `json:"recorded_workers"`
	Path     SimulatedPath `json:"path"`
	// Functions by how much faster the run would be, the most first.
	Functions     []Sensitivity   `json:"functions"`
	FunctionsLeft int             `json:"functions_left" doc:"Further functions, which executed for less time."`
	Curve         *Curve          `json:"curve,omitempty" doc:"Absent if no task waits for a slot."`
	Notes         []string        `json:"notes" doc:"What is assumed and left out."`
	Lanes         *SimulatedLanes `json:"lanes,omitempty" doc:"The attempts as they were simulated, if they are asked for."`
}

// Deviation is how far the simulation of the unchanged run is from what happened.
type Deviation struct {
	// RealNS is what happened, SimulatedNS its simulation, and Share the difference to RealNS, negative if that is longer.
	RealNS      int64   `json:"real_ns"`
	SimulatedNS int64   `json:"simulated_ns"`
	Share       float64 `json:"share"`
	// Reconstructed says how start times were invented; empty if they were recorded.
	Reconstructed string `json:"reconstructed,omitempty"`
}

// WorkerSlots is a worker with its slots.
type WorkerSlots struct {
	Worker int `json:"worker"`
	Slots  int `json:"slots"`
}

// Options of Ask.
type Options struct {
	// Lanes: the answer has every attempt.
	Lanes bool
}

// Ask answers a question about a run that has ended. The error is metricsstore.ErrInvalid if the question makes no sense,
// names a function that the run does not have, or the run has not ended or has executed nothing.
func Ask(ctx context.Context, queries *metricsstore.Queries, run *metricsstore.Run, q Question, o Options) (*Answer, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if !run.Status.Final() {
		return nil, invalid("run %s is %s, expected one that has ended", run.Info.ID, run.Status)
	}
	r, err := read(ctx, queries, run)
	if err != nil {
		return nil, err
	}
	if len(r.attempts) == 0 {
		return nil, invalid("run %s has executed nothing, expected a run with attempts of tasks", run.Info.ID)
	}
	inquiry, err := begin(r)
	if err != nil {
		return nil, err
	}
	return inquiry.answer(ctx, q, o)
}

// inquiry is a model with what is known about the unchanged run.
type inquiry struct {
	*recording
	model     *model
	simulator *simulate.Simulator
	unchanged int64
	real      int64
}

func begin(r *recording) (*inquiry, error) {
	in := &inquiry{recording: r, model: newModel(r)}
	from, to := r.span()
	in.real = to - from
	var err error
	if in.simulator, err = simulate.New(&in.model.Model); err != nil {
		return nil, err
	}
	in.unchanged, err = in.makespan((&Question{}).conditions(in.model, r))
	return in, err
}

func (in *inquiry) makespan(c simulate.Conditions) (int64, error) {
	out, err := in.simulator.Run(c)
	if err != nil {
		return 0, err
	}
	return out.Makespan, nil
}

func (in *inquiry) answer(ctx context.Context, q Question, o Options) (*Answer, error) {
	if err := q.fits(in.recording, in.functions()); err != nil {
		return nil, err
	}
	c := q.conditions(in.model, in.recording)
	out, err := in.simulator.Run(c)
	if err != nil {
		return nil, err
	}
	a := &Answer{
		Run: in.run.Info.ID, Question: q, Method: Method, N: len(in.attempts), Order: "engine", Error: in.error(), MakespanNS: out.Makespan,
		Workers: slotsOf(c.Workers, nil), Recorded: slotsOf(in.model.workers, in.model.numbers), Notes: in.notes(&q),
	}
	if c.Recorded {
		a.Order = "recorded"
	}
	a.Ratio = share(a.MakespanNS, in.unchanged)
	if q.Workers == 0 {
		a.Workers = slotsOf(c.Workers, in.model.numbers)
	}
	if q.NoQueue {
		a.Workers = unlimitedSlots(a.Workers, out)
	}
	a.Path = in.path(out)
	if o.Lanes {
		a.Lanes = in.lanes(out, a.Workers)
	}
	if err := in.bound(a, c); err != nil {
		return nil, err
	}
	if a.Functions, a.FunctionsLeft, err = in.sensitivities(ctx, c, a.MakespanNS); err != nil {
		return nil, err
	}
	if !q.NoQueue {
		a.Curve, err = in.curve(ctx, &q, c)
	}
	return a, err
}

// bound says between what the makespan of an answer is.
func (in *inquiry) bound(a *Answer, c simulate.Conditions) error {
	off := func(ns int64) int64 { return int64(math.Ceil(math.Abs(a.Error.Share) * float64(ns))) }
	least := a.MakespanNS
	if in.model.heldUp > 0 && !a.Question.IsUnchanged() {
		c.Unheld = true
		free, err := in.makespan(c)
		if err != nil {
			return err
		}
		least = min(least, free)
	}
	a.LowNS, a.HighNS = max(0, least-off(least)), a.MakespanNS+off(a.MakespanNS)
	return nil
}

func (in *inquiry) error() Deviation {
	e := Deviation{RealNS: in.real, SimulatedNS: in.unchanged, Reconstructed: in.run.Info.Reconstructed}
	if in.real > 0 {
		e.Share = float64(in.unchanged-in.real) / float64(in.real)
	}
	return e
}

// share is a as a share of b; 1 if both are 0.
func share(a, b int64) float64 {
	if a == b {
		return 1
	}
	return float64(a) / math.Max(1, float64(b))
}

func slotsOf(workers []simulate.Worker, numbers []uint16) []WorkerSlots {
	out := make([]WorkerSlots, len(workers))
	for i := range workers {
		out[i] = WorkerSlots{Worker: i, Slots: len(workers[i].Lanes)}
		if numbers != nil {
			out[i].Worker = int(numbers[i])
		}
	}
	return out
}

// unlimitedSlots adds the lanes that a simulation without queues has added.
func unlimitedSlots(workers []WorkerSlots, out *simulate.Outcome) []WorkerSlots {
	had := 0
	for _, w := range workers {
		had += w.Slots
	}
	workers[len(workers)-1].Slots += len(out.WorkerOf) - had
	return workers
}

// functions lists the names of the functions of the run.
func (in *inquiry) functions() []string {
	var names []string
	for _, f := range in.numbering.Graph().Functions() {
		names = append(names, f.Name())
	}
	slices.Sort(names)
	return slices.Compact(names)
}
