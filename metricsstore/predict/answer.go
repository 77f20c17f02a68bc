package predict

import (
	"fmt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Bounds of a prediction.
const (
	// MinRuns is from how many runs of the same parameters on a makespan is predicted.
	MinRuns = 5
	// MinSamples is from how many attempts on a time is predicted.
	MinSamples = 5
	// MaxRuns is how many runs are read, the latest ones.
	MaxRuns = 50
	// MaxTasks is how many tasks the graph may have.
	MaxTasks = 200_000

	maxRead = 400_000 // tasks of all runs that are read; at least MinRuns runs are
)

// Method is how makespans are predicted.
const Method = "simulation with durations drawn from earlier runs at the level of one of them, corrected by how far earlier predictions were off"

// MethodUncorrected is Method for parameters that too few runs had.
const MethodUncorrected = "simulation with durations drawn from runs with other parameters, not corrected"

// Interval is what is expected: one run in ten takes less than P10NS, one in two less than P50NS, nine in ten less than
// P90NS. In nanoseconds.
type Interval struct {
	P10NS int64 `json:"p10_ns"`
	P50NS int64 `json:"p50_ns"`
	P90NS int64 `json:"p90_ns"`
}

// Calibration counts how earlier runs ended, against what would have been predicted for each from the runs before it.
type Calibration struct {
	Runs      int `json:"runs" doc:"Earlier runs with enough runs before them."`
	WithinP90 int `json:"within_p90" doc:"How many of them took at most their p90; nine in ten are expected."`
	BelowP10  int `json:"below_p10" doc:"How many of them took less than their p10; one in ten is expected."`
}

// Prediction is what is expected of a run.
type Prediction struct {
	Workflow string `json:"workflow"`
	// Peers are the runs that the answer comes from: same, those with the same parameters, else workflow.
	Peers     metricsstore.PeerScope `json:"peers" enum:"same,workflow" doc:"Runs that the answer comes from: with the same parameters, or, if those are too few, with any."`
	Terms     []string               `json:"terms" doc:"What those runs have in common apart from the workflow."`
	Runs      int                    `json:"runs" doc:"How many they are; of a workflow with many or large runs, the latest."`
	RunsLike  int                    `json:"runs_like" doc:"How many earlier runs had the same parameters."`
	MinRuns   int                    `json:"min_runs" doc:"How many runs with the same parameters a corrected prediction takes."`
	Missing   string                 `json:"missing,omitempty" doc:"Why nothing is predicted: what there is not enough of."`
	Makespan  *Interval              `json:"makespan,omitempty" doc:"From the first claim to the last end; absent if nothing is predicted."`
	Method    string                 `json:"method"`
	Tasks     int                    `json:"tasks" doc:"Tasks that were simulated, those of fan-outs as wide as in the latest run."`
	Simulated int                    `json:"simulated" doc:"Simulations."`
	// Calibration is of runs with the same parameters.
	Calibration Calibration `json:"calibration"`
	Functions   []TimeOf    `json:"functions" doc:"Execution times by function and size of inputs."`
	Transfers   []TimeOf    `json:"transfers" doc:"Times for fetching inputs by their size."`
	Notes       []string    `json:"notes" doc:"What is assumed."`
}

// EndPrediction is when a run that is under way will end.
type EndPrediction struct {
	Run     record.RunID `json:"run"`
	AsOfNS  int64        `json:"as_of_ns" doc:"When this was predicted, in nanoseconds since the run's start."`
	Done    int          `json:"done" doc:"Tasks that had ended."`
	Running int          `json:"running" doc:"Tasks that were being executed; how long they had been is taken into account."`
	Runs    int          `json:"runs" doc:"Earlier runs with the same parameters that the answer comes from."`
	MinRuns int          `json:"min_runs" doc:"How many of them a prediction takes."`
	Missing string       `json:"missing,omitempty" doc:"Why nothing is predicted: what there is not enough of."`
	End     *Interval    `json:"end,omitempty" doc:"Moments of the end, in nanoseconds since the run's start; absent if nothing is predicted."`
	// Level is how much longer than usual bodies take in this run, as far as is known.
	Level       float64     `json:"level" doc:"Time in bodies of ended tasks to what is usual for them; 1 before any has ended."`
	Method      string      `json:"method"`
	Simulated   int         `json:"simulated" doc:"Simulations."`
	Calibration Calibration `json:"calibration" doc:"Of predictions before launch."`
}

// tooFew says how many runs there are not.
func tooFew(n int) string {
	return fmt.Sprintf("not enough runs: %d with these parameters succeeded, expected at least %d", n, MinRuns)
}

const unknownWidth = "not enough runs: how wide a fan-out will be is not known"

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", metricsstore.ErrInvalid, fmt.Sprintf(format, args...))
}
