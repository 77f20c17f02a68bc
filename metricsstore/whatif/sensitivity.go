package whatif

import (
	"cmp"
	"context"
	"slices"

	"github.com/dagscope/dagscope/engine/plan/simulate"
)

// maxFunctions bounds the sensitivities of one answer.
const maxFunctions = 24

// fasterBy is the speed-up that sensitivities are for: a tenth less time.
const fasterBy = 0.1

// Sensitivity is what a function that takes a tenth less time would do for the makespan of the question.
type Sensitivity struct {
	Function   string  `json:"function"`
	Version    int     `json:"version"`
	Attempts   int     `json:"attempts"`
	ExecuteNS  int64   `json:"execute_ns" doc:"Of all attempts, as recorded."`
	MakespanNS int64   `json:"makespan_ns" doc:"If the function took a tenth less time."`
	Shorter    float64 `json:"shorter" doc:"Share of the makespan; negative where tasks then meet other slots and the run is longer."`
}

// sensitivities simulates each function a tenth faster, those with the most time. left counts the others.
func (in *inquiry) sensitivities(ctx context.Context, c simulate.Conditions, makespan int64) (out []Sensitivity, left int, err error) {
	functions := in.numbering.Graph().Functions()
	all := make([]Sensitivity, len(functions))
	class := make([]int, 0, len(functions))
	for i := range in.attempts {
		if n := int(in.model.Class[in.attempts[i].node]); n < len(all) {
			all[n].Attempts++
			all[n].ExecuteNS += in.model.Attempts[i].Execute
		}
	}
	for i, f := range functions {
		all[i].Function, all[i].Version = f.Name(), f.Options().Version
		if all[i].ExecuteNS > 0 {
			class = append(class, i)
		}
	}
	slices.SortStableFunc(class, func(a, b int) int { return cmp.Compare(all[b].ExecuteNS, all[a].ExecuteNS) })
	left = max(0, len(class)-maxFunctions)
	out = []Sensitivity{}
	for _, i := range class[:len(class)-left] {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		faster := c
		faster.Execute = factors(in.recording)
		copy(faster.Execute, c.Execute)
		faster.Execute[i] *= 1 - fasterBy
		if all[i].MakespanNS, err = in.makespan(faster); err != nil {
			return nil, 0, err
		}
		all[i].Shorter = 1 - share(all[i].MakespanNS, makespan)
		out = append(out, all[i])
	}
	slices.SortStableFunc(out, func(a, b Sensitivity) int { return cmp.Compare(b.Shorter, a.Shorter) })
	return out, left, nil
}

// Curve is how the makespan depends on the slots of each worker, everything else as in the question.
type Curve struct {
	Points []Point `json:"points"`
	// Knee is the fewest slots with which the makespan exceeds the least one of the curve by at most a tenth.
	Knee int `json:"knee" doc:"The fewest slots of a worker with which the makespan exceeds the least one of the curve by at most a tenth."`
	// LeastNS is the makespan if every task had a slot as soon as it is ready.
	LeastNS int64 `json:"least_ns" doc:"The makespan if no task waited for a slot."`
}

// Point is one point of a curve.
type Point struct {
	Slots      int   `json:"slots"`
	MakespanNS int64 `json:"makespan_ns"`
}

// kneeWithin is how much more than the least makespan of a curve the knee may have.
const kneeWithin = 0.1

// curve simulates numbers of slots, each about half as many again, until more change nothing.
func (in *inquiry) curve(ctx context.Context, q *Question, c simulate.Conditions) (*Curve, error) {
	unlimited := c
	unlimited.Unlimited = true
	least, err := in.makespan(unlimited)
	if err != nil {
		return nil, err
	}
	out := &Curve{LeastNS: least}
	widest, _ := in.model.widest()
	for _, slots := range slotsFor(max(q.Slots, widest)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at := *q
		at.Slots = slots
		if at.Check() != nil {
			break // more lanes than can be simulated
		}
		point := c
		point.Workers = at.lanes(in.model)
		makespan, err := in.makespan(point)
		if err != nil {
			return nil, err
		}
		out.Points = append(out.Points, Point{slots, makespan})
		if slots >= max(q.Slots, widest) && float64(makespan) <= float64(least)*(1+kneeWithin/10) {
			break
		}
	}
	out.Knee = knee(out.Points)
	return out, nil
}

// slotsFor is 1, 2, 3, 4, 6, 8, 12 and so on to at least four times as many slots as now, which are among them.
func slotsFor(now int) []int {
	var out []int
	for a := 1; a <= MaxSlots && (a <= 4*now || a <= 16); a *= 2 {
		out = append(out, a)
		if a > 1 {
			out = append(out, a/2*3)
		}
	}
	out = append(out, now)
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(n int) bool { return n > MaxSlots })
}

func knee(points []Point) int {
	if len(points) == 0 {
		return 0
	}
	least := slices.MinFunc(points, func(a, b Point) int { return cmp.Compare(a.MakespanNS, b.MakespanNS) }).MakespanNS
	for _, p := range points {
		if float64(p.MakespanNS) <= float64(least)*(1+kneeWithin) {
			return p.Slots
		}
	}
	return points[len(points)-1].Slots
}
