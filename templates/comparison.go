package templates

import (
	"fmt"
	"html/template"
	"io"
)

// ComparisonData is the data of Comparison. All of it is text but the bars.
type ComparisonData struct {
	Page
	Title string
	Lead  string // by how much the makespans differ
	// Evidence says how far the figures carry, Alignment how many tasks both runs have.
	Evidence, Alignment string
	Paths               []PathBar // of the base and of the run, on one scale
	Parts               []ComparedPart
	PartsLeftOut        int
	Tasks               []ComparedTask
	Functions           []ComparedFunction
	FunctionsLeftOut    int
}

// PathBarWidth is the width of the longer of two critical paths.
const PathBarWidth = 960

// PathBar is the critical path of a run by phases.
type PathBar struct {
	Run, Makespan string
	Phases        []PhaseBar
}

// PhaseBar is one phase, from X on, out of PathBarWidth.
type PhaseBar struct {
	Phase, Time string
	X, Width    float64
}

// ComparedPart is a part of the difference of two makespans; Worse, if it made the run longer.
type ComparedPart struct {
	What, Phase, Base, Run, Difference string
	Worse                              bool
}

// ComparedTask is a task that makes up much of the difference.
type ComparedTask struct{ Task, Function, Difference string }

// ComparedFunction is how the tasks of a function changed.
type ComparedFunction struct{ Name, BaseN, RunN, Ratio, Interval, Slower, Changed string }

// comparisonPage is what the template sees.
type comparisonPage struct {
	ComparisonData
	Policy string
	Sheet  template.CSS
}

// Comparison writes what changed between two runs as a page that is one file without script, and needs no network, which
// its own policy forbids.
func Comparison(w io.Writer, d ComparisonData) error {
	sheet, err := files.ReadFile("report.css")
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	page := comparisonPage{ComparisonData: d, Policy: reportPolicy(nil, [][]byte{sheet}), Sheet: template.CSS(sheet)}
	if _, err := io.WriteString(w, "<!doctype html>\n"); err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	return render(w, "comparison.html", page)
}
