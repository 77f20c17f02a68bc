package bench

import (
	"fmt"
	"runtime"
)

// Report is what one measurement has found.
type Report struct {
	Machine  Machine  `json:"machine"`
	Rounds   int      `json:"rounds"`
	Shapes   []Result `json:"shapes"`
	Blocking Blocking `json:"blocking"`
	Live     []Live   `json:"live"`
	Goals    []Goal   `json:"goals"`
}

// Machine is where it was measured.
type Machine struct {
	Go         string `json:"go"`
	System     string `json:"system"`
	Processors int    `json:"processors"` // that Go uses
}

// ThisMachine describes the machine that this process runs on.
func ThisMachine() Machine {
	return Machine{Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.GOMAXPROCS(0)}
}

// String is the machine as all benchmarks print it.
func (m Machine) String() string {
	return fmt.Sprintf("%s on %s, %d processors", m.Go, m.System, m.Processors)
}

// Met reports whether every goal is met.
func (r Report) Met() bool {
	for _, g := range r.Goals {
		if !g.Met {
			return false
		}
	}
	return true
}

// Result is one shape in every mode.
type Result struct {
	Shape Shape    `json:"shape"`
	Tasks int      `json:"tasks"`
	Modes []Figure `json:"modes"`
}

// Figure is what a task of one shape costs in one mode.
type Figure struct {
	Mode     Mode `json:"mode"`
	Makespan Stat `json:"makespan_ns"` // a task, from the submission to the end of the run
	Drained  Stat `json:"drained_ns"`  // a task, from the submission to the complete record
	CPU      Stat `json:"cpu_ns"`      // a task, until the record is complete
	Bytes    Stat `json:"bytes"`       // allocated, a task
	// Quickest makespan and drain as multiples of the floor's quickest makespan.
	MakespanRatio float64 `json:"makespan_ratio"`
	DrainedRatio  float64 `json:"drained_ratio"`
}

// Figure finds the figures of a mode; the zero Figure where it was not measured.
func (r Result) Figure(m Mode) Figure {
	for _, f := range r.Modes {
		if f.Mode == m {
			return f
		}
	}
	return Figure{}
}

func newResult(s Shape, contestants []contestant, samples [][]sample) Result {
	r := Result{Shape: s, Tasks: s.Tasks()}
	for i, c := range contestants {
		f := Figure{
			Mode:     c.mode,
			Makespan: statOf(samples[i], func(s sample) float64 { return s.makespan }),
			Drained:  statOf(samples[i], func(s sample) float64 { return s.drained }),
			CPU:      statOf(samples[i], func(s sample) float64 { return s.cpu }),
			Bytes:    statOf(samples[i], func(s sample) float64 { return s.bytes }),
		}
		floor := f.Makespan.Min
		if i > 0 {
			floor = r.Modes[0].Makespan.Min
		}
		f.MakespanRatio, f.DrainedRatio = f.Makespan.Min/floor, f.Drained.Min/floor
		r.Modes = append(r.Modes, f)
	}
	return r
}

// Goals, as multiples of the floor.
const (
	bareGoal     = 2.0
	makespanGoal = 3.0
	drainedGoal  = 4.0
)

func (r Result) goals() []Goal {
	var out []Goal
	for _, f := range r.Modes {
		name := r.Shape.String() + ", " + string(f.Mode)
		switch f.Mode {
		case Bare:
			out = append(out, AtMost(name+", makespan / floor", f.MakespanRatio, bareGoal))
		case Steps, Archive:
			out = append(out,
				AtMost(name+", makespan / floor", f.MakespanRatio, makespanGoal),
				AtMost(name+", drained / floor", f.DrainedRatio, drainedGoal))
		case Disk: // how long its drain takes is the disk's to say
			out = append(out, AtMost(name+", makespan / floor", f.MakespanRatio, makespanGoal))
		}
	}
	return out
}

// Blocking is a tree of tasks that sleep: it is as deep as Levels, and no quicker than Levels times the sleep.
type Blocking struct {
	Shape    Shape `json:"shape"`
	Levels   int   `json:"levels"`
	SleepNS  int64 `json:"sleep_ns"`
	Makespan Stat  `json:"makespan_ns"` // of the run
	// Ratio is the quickest makespan as a multiple of Levels sleeps.
	Ratio float64 `json:"ratio"`
}

// Live is what a run holds in memory, in bytes a task, while it is not forgotten.
type Live struct {
	Shape Shape   `json:"shape"`
	Graph float64 `json:"graph_bytes"`
	// Begun: graph and state before the first task; Ended: after the last one; Logged: ended, with the log.
	Begun  float64 `json:"begun_bytes"`
	Ended  float64 `json:"ended_bytes"`
	Logged float64 `json:"logged_bytes"`
}
