package report

import (
	"fmt"
	"io"
	"strconv"

	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/compare"
	"github.com/dagscope/dagscope/templates"
)

// WriteComparison writes what changed between two runs as one HTML file that needs neither service nor network nor script.
// Tables are bounded by the rows that the still part of a report has, and say how many others there are.
func WriteComparison(w io.Writer, c *compare.Comparison, version string) error {
	a := &c.Alignment
	data := templates.ComparisonData{
		Page: templates.Page{Version: version}, Title: fmt.Sprintf("Run %s compared with %s", c.Run.Run, c.Base.Run), Evidence: c.Evidence,
		Alignment: fmt.Sprintf("Tasks aligned by %s: %d, added: %d, removed: %d.", a.Method, a.Aligned, a.Added, a.Removed),
	}
	base := "run " + string(c.Base.Run)
	if c.Against != nil {
		base += fmt.Sprintf(", of median makespan among %d runs", c.Against.N)
	}
	data.Lead = fmt.Sprintf("Run %s, %d of %d tasks executed, against %s.", c.Run.Run, c.Run.Executed, c.Run.Tasks, base)
	if d := c.Decomposition; d != nil {
		data.Lead = fmt.Sprintf("Run %s took %s, %s against %s of %s.",
			c.Run.Run, duration(float64(c.Run.MakespanNS)), signed(d.Difference), duration(float64(c.Base.MakespanNS)), base)
		data.Paths = pathBars(&c.Base, &c.Run)
		data.Parts, data.PartsLeftOut = comparedParts(d)
		data.Parts = append(data.Parts, templates.ComparedPart{
			What: "makespan", Base: duration(float64(c.Base.MakespanNS)), Run: duration(float64(c.Run.MakespanNS)), Difference: signed(d.Difference), Worse: d.Difference > 0,
		})
		for i := range d.Tasks[:min(listed, len(d.Tasks))] {
			t := &d.Tasks[i]
			data.Tasks = append(data.Tasks, templates.ComparedTask{Task: t.Task, Function: t.Function, Difference: signed(t.Difference)})
		}
	}
	data.FunctionsLeftOut = max(0, len(c.Functions)-listed)
	for i := range c.Functions[:min(listed, len(c.Functions))] {
		f := &c.Functions[i]
		data.Functions = append(data.Functions, templates.ComparedFunction{
			Name: f.Function, BaseN: strconv.Itoa(f.BaseTasks), RunN: strconv.Itoa(f.RunTasks),
			Ratio: figure(f.Ratio), Interval: between(f.Interval), Slower: figure(f.Slower), Changed: signed(f.Changed),
		})
	}
	return templates.Comparison(w, data)
}

// comparedParts lists the largest parts of a difference, and what no path shows.
func comparedParts(d *compare.Decomposition) (parts []templates.ComparedPart, left int) {
	for _, p := range d.Parts[:min(listed, len(d.Parts))] {
		parts = append(parts, templates.ComparedPart{
			What: p.Function, Phase: p.Phase, Base: duration(float64(p.Base)), Run: duration(float64(p.Run)),
			Difference: signed(p.Difference), Worse: p.Difference > 0,
		})
	}
	if d.Rest != 0 {
		parts = append(parts, templates.ComparedPart{What: "not explained", Difference: signed(d.Rest), Worse: d.Rest > 0})
	}
	return parts, max(0, len(d.Parts)-listed)
}

// pathBars draws the critical paths of both runs on one scale.
func pathBars(runs ...*compare.Compared) (bars []templates.PathBar) {
	longest := int64(0)
	for _, r := range runs {
		longest = max(longest, phasesOf(r).Total())
	}
	if longest <= 0 {
		return nil
	}
	for _, r := range runs {
		bar := templates.PathBar{Run: string(r.Run), Makespan: duration(float64(r.MakespanNS))}
		x := 0.0
		for _, phase := range phasesOf(r).Named() {
			if phase.NS <= 0 {
				continue
			}
			width := float64(phase.NS) / float64(longest) * templates.PathBarWidth
			bar.Phases = append(bar.Phases, templates.PhaseBar{Phase: phase.Name, Time: duration(float64(phase.NS)), X: x, Width: width})
			x += width
		}
		bars = append(bars, bar)
	}
	return bars
}

func phasesOf(r *compare.Compared) *analysis.PathPhases {
	if r.Path == nil {
		return &analysis.PathPhases{}
	}
	return &r.Path.Phases
}

// signed is a difference with its sign.
func signed(ns int64) string {
	if ns < 0 {
		return "−" + duration(float64(-ns))
	}
	return "+" + duration(float64(ns))
}

// figure is a number that may not be known.
func figure(x *float64) string {
	if x == nil {
		return "–"
	}
	return strconv.FormatFloat(*x, 'f', 2, 64)
}

func between(interval *[2]float64) string {
	if interval == nil {
		return "–"
	}
	return figure(&interval[0]) + " to " + figure(&interval[1])
}
