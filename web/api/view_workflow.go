package api

import (
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// Workflow describes a workflow that can be submitted.
type Workflow struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Params      []Param        `json:"params"`
	Functions   []FunctionName `json:"functions"`
	Dynamic     bool           `json:"dynamic" doc:"Its arguments can name more functions."`
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
	Workflows []Workflow `json:"workflows"`
}

func newWorkflow(w *engine.Workflow) Workflow {
	out := Workflow{
		Name: w.Name, Description: w.Description, Params: make([]Param, len(w.Params)),
		Functions: functionNames(w.Functions), Dynamic: w.Dynamic != nil,
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
