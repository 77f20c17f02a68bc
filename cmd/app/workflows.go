package app

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/pipeline"
)

// workflowsCommand lists workflows.
type workflowsCommand struct {
	Names []string `arg:"" optional:"" name:"workflow" help:"Only these workflows."`
	foldersFlags
}

// Run prints the workflows. Pipelines with mistakes are errors after the others were printed.
func (c *workflowsCommand) Run(s *session) error {
	folders, err := c.foldersFlags.open(s, nil)
	if err != nil {
		return err
	}
	broken := []pipeline.Broken{}
	if folders != nil {
		s.workflows, broken = slices.Concat(s.workflows, folders.Workflows()), folders.Broken()
	}
	chosen := s.workflows
	if len(c.Names) > 0 {
		chosen = nil
		for _, name := range c.Names {
			w, err := s.workflow(name)
			if err != nil {
				return err
			}
			chosen = append(chosen, w)
		}
	}
	errs := []error{c.print(s, chosen, broken)}
	for _, b := range broken {
		errs = append(errs, &pipeline.Error{File: b.File, Mistakes: b.Mistakes})
	}
	return errors.Join(errs...)
}

// print prints workflows; as JSON the broken files as well.
func (c *workflowsCommand) print(s *session, workflows []*engine.Workflow, broken []pipeline.Broken) error {
	if s.flags.JSON {
		list := make([]workflowJSON, len(workflows))
		for i, w := range workflows {
			list[i] = describeWorkflow(w)
		}
		return s.printJSON(map[string]any{"workflows": list, "broken": broken})
	}
	for i, w := range workflows {
		if i > 0 {
			fmt.Fprintln(s.stdout)
		}
		if err := printWorkflow(s.stdout, w); err != nil {
			return err
		}
	}
	return nil
}

func printWorkflow(w io.Writer, wf *engine.Workflow) error {
	fmt.Fprintf(w, "%s\n  %s\n", wf.Name, wf.Description)
	if len(wf.Params) == 0 {
		_, err := fmt.Fprintln(w, "  It has no parameters.")
		return err
	}
	t := newTable(left("  parameter"), left("kind"), left("values"), left("default"), left("meaning"))
	for i := range wf.Params {
		p := &wf.Params[i]
		byDefault := orDash(p.Default)
		if required(p) {
			byDefault = "(required)"
		}
		t.add("  "+p.Name, string(p.Kind), paramValues(p), oneLine(byDefault, 40), p.Help)
	}
	return t.print(w)
}

func required(p *engine.Param) bool { return p.Kind == engine.FileParam && p.DefaultFile == nil }

// paramValues describes the values of a parameter.
func paramValues(p *engine.Param) string {
	switch {
	case p.Kind == engine.ChoiceParam:
		return strings.Join(p.Choices, ", ")
	case p.Kind == engine.BoolParam:
		return "true, false"
	case p.Kind == engine.FileParam:
		return "a path"
	case p.Max <= p.Min:
		return "any"
	case p.Kind == engine.DurationParam:
		return fmt.Sprintf("%s to %s", span(p.Min), span(p.Max))
	case p.Kind == engine.IntParam:
		return fmt.Sprintf("%s to %s", count(int64(p.Min)), count(int64(p.Max)))
	default:
		return fmt.Sprintf("%g to %g", p.Min, p.Max)
	}
}

// span formats seconds as a duration.
func span(seconds float64) string {
	if seconds == 0 {
		return "0"
	}
	return duration(time.Duration(seconds * float64(time.Second)))
}

// workflowJSON describes a workflow.
type workflowJSON struct {
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Params      []paramJSON `json:"params"`
	Functions   []string    `json:"functions"`
	File        string      `json:"file"` // of a pipeline; empty for workflows of the program
}

// paramJSON describes a parameter; fields that do not apply to its kind are absent.
type paramJSON struct {
	Name     string           `json:"name"`
	Kind     engine.ParamKind `json:"kind"`
	Help     string           `json:"help"`
	Required bool             `json:"required"`
	Default  string           `json:"default"`
	Min      *float64         `json:"min,omitempty"` // of durations: seconds
	Max      *float64         `json:"max,omitempty"`
	Choices  []string         `json:"choices,omitempty"`
}

func describeWorkflow(w *engine.Workflow) workflowJSON {
	d := workflowJSON{Name: w.Name, Description: w.Description, Params: []paramJSON{}, Functions: []string{}}
	for i := range w.Params {
		p := &w.Params[i]
		j := paramJSON{
			Name: p.Name, Kind: p.Kind, Help: p.Help, Required: required(p), Default: p.Default, Choices: p.Choices,
		}
		if p.Max > p.Min {
			j.Min, j.Max = &p.Min, &p.Max
		}
		d.Params = append(d.Params, j)
	}
	if w.Source != nil {
		d.File = w.Source.File
	}
	for _, f := range w.Functions {
		d.Functions = append(d.Functions, f.Name())
	}
	return d
}
