package api

import (
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/pipeline"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Workflow describes a workflow that can be submitted.
type Workflow struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Params      []Param        `json:"params"`
	Functions   []FunctionName `json:"functions"`
	Dynamic     bool           `json:"dynamic" doc:"Its arguments can name more functions."`
	Source      OrNull[source] `json:"source" doc:"The file that the workflow was made of; null for workflows of the program."`
}

// source mirrors record.Source: the file that a workflow was made of.
type source struct {
	File string `json:"file" doc:"Its name without folders."`
	Text string `json:"text"`
	Cut  bool   `json:"cut" doc:"The text is only the beginning of the file: its lines up to 64 KiB."`
}

// runSource is the file of a run's workflow.
type runSource struct {
	File  string      `json:"file" doc:"Its name without folders."`
	Text  string      `json:"text"`
	Cut   bool        `json:"cut" doc:"The text is only the beginning of the file: its lines up to 64 KiB."`
	Steps []stepLines `json:"steps" doc:"Where its steps are, a group before its own; empty if they are not known, as those of a file that is cut."`
}

// stepLines mirrors pipeline.StepLines.
type stepLines struct {
	Path string `json:"path" doc:"The function of the step's tasks, or what it begins with before a dot."`
	From int    `json:"from" doc:"Its first line, from 1."`
	To   int    `json:"to" doc:"Its last line."`
}

// newRunSource looks for the steps in the text as it was kept. A text that this version of the program no longer takes has
// none.
func newRunSource(s *source) runSource {
	out := runSource{File: s.File, Text: s.Text, Cut: s.Cut, Steps: []stepLines{}}
	p, err := pipeline.Parse(s.File, []byte(s.Text))
	if s.Cut || err != nil {
		return out
	}
	for _, l := range p.Lines() {
		out.Steps = append(out.Steps, stepLines(l))
	}
	return out
}

// newSource is null without a source.
func newSource(s *record.Source) OrNull[source] {
	if s = s.Bounded(); s == nil {
		return OrNull[source]{}
	}
	return orNull(&source{File: s.File, Text: s.Text, Cut: s.Cut})
}

// Param describes one parameter of a workflow.
type Param struct {
	Name     string           `json:"name"`
	Kind     engine.ParamKind `json:"kind" enum:"int,float,bool,duration,text,choice,file"`
	Help     string           `json:"help"`
	Required bool             `json:"required" doc:"It has no default."`
	Default  string           `json:"default,omitempty" doc:"As text; for a file, a description."`
	Min      *float64         `json:"min,omitempty" doc:"For durations, in seconds."`
	Max      *float64         `json:"max,omitempty"`
	Choices  []string         `json:"choices,omitempty"`
}

// workflowList lists the workflows of the server.
type workflowList struct {
	Workflows []Workflow   `json:"workflows"`
	Broken    []brokenFile `json:"broken" doc:"Files of workflows that have mistakes."`
	Followed  bool         `json:"followed" doc:"The server follows folders of files: the list may change."`
}

// brokenFile mirrors pipeline.Broken.
type brokenFile struct {
	File     string    `json:"file" doc:"With its folder, as the server was given it."`
	Kept     string    `json:"kept" doc:"The workflow that is still offered as the file was before its mistakes; empty if there is none."`
	Mistakes []mistake `json:"mistakes"`
}

// mistake mirrors pipeline.Mistake.
type mistake struct {
	Line    int    `json:"line" doc:"Counts from 1; 0 if the file cannot be read."`
	Column  int    `json:"column" doc:"Likewise."`
	Message string `json:"message" doc:"What is wrong, and what was expected."`
}

func newBroken(files []pipeline.Broken) []brokenFile {
	out := make([]brokenFile, len(files))
	for i, b := range files {
		out[i] = brokenFile{File: b.File, Kept: b.Kept, Mistakes: make([]mistake, len(b.Mistakes))}
		for j, m := range b.Mistakes {
			out[i].Mistakes[j] = mistake(m)
		}
	}
	return out
}

func newWorkflow(w *engine.Workflow) Workflow {
	out := Workflow{
		Name: w.Name, Description: w.Description, Params: make([]Param, len(w.Params)),
		Functions: functionNames(w.Functions), Dynamic: w.Dynamic != nil, Source: newSource(w.Source),
	}
	for i := range w.Params {
		p := &w.Params[i]
		v := Param{Name: p.Name, Kind: p.Kind, Help: p.Help, Default: p.Default, Choices: p.Choices}
		v.Required = p.Kind == engine.FileParam && p.DefaultFile == nil
		if p.Max > p.Min {
			v.Min, v.Max = &p.Min, &p.Max
		}
		out.Params[i] = v
	}
	return out
}

// functions lists functions that have history.
type functions struct {
	Functions []FunctionName        `json:"functions"`
	Metrics   []metricsstore.Metric `json:"metrics" doc:"Metrics with at least one known value."`
}
