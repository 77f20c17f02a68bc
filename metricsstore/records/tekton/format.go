package tekton

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/manifest"
)

type format struct{}

// New is the format.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "tekton" }

// Title implements records.Format.
func (format) Title() string { return "Tekton runs" }

// Kinds of objects, in JSON and YAML.
var (
	runKinds     = regexp.MustCompile(`\bkind["']?:\s*["']?(PipelineRun|TaskRun|CustomRun)\b`)
	pipelineKind = regexp.MustCompile(`(?m)\bkind["']?:\s*["']?Pipeline["']?,?\s*$`)
)

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	switch {
	case !bytes.Contains(head, []byte("tekton.dev/")):
		return records.Foreign
	case runKinds.Match(head):
		return records.Main
	case pipelineKind.Match(head):
		return records.Companion
	}
	return records.Foreign
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	d := &drop{pipelines: map[string]*pipeline{}}
	for i := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := d.readFile(&files[i]); err != nil {
			return nil, err
		}
	}
	if len(d.pipelineRuns)+len(d.taskRuns) == 0 {
		return nil, records.Nothing(files, "no PipelineRun or TaskRun that has run")
	}
	return d.build()
}

// drop is the objects of all files.
type drop struct {
	pipelineRuns []*object
	taskRuns     []*object // and what else a PipelineRun may have as children
	pipelines    map[string]*pipeline
}

func (d *drop) readFile(f *records.File) error {
	objects, err := manifest.Read(f)
	if err != nil {
		return err
	}
	before := len(d.pipelineRuns) + len(d.taskRuns)
	for i := range objects {
		o := &object{path: f.Path, last: objects[i].YAML && i == len(objects)-1}
		switch kind := objects[i].Kind; kind {
		case "PipelineRun", "TaskRun", "CustomRun", "Run", "Pipeline":
			if err := objects[i].Decode(o); err != nil {
				return err
			}
			if kind == "Pipeline" {
				d.pipelines[o.Metadata.Name] = &o.Spec.pipeline
				continue
			}
			if o.Status == nil {
				return objects[i].Fault("%s %s has no status, expected one that has run", kind, o.Metadata.Name)
			}
			if kind == "PipelineRun" {
				d.pipelineRuns = append(d.pipelineRuns, o)
			} else {
				d.taskRuns = append(d.taskRuns, o)
			}
		}
	}
	if f.Part == records.Main && len(d.pipelineRuns)+len(d.taskRuns) == before {
		return &records.Fault{Path: f.Path, Byte: -1, Text: "no object is a PipelineRun or TaskRun"}
	}
	return nil
}

// build makes a run of each PipelineRun and of each TaskRun that belongs to none.
func (d *drop) build() ([]*records.Run, error) {
	slices.SortStableFunc(d.taskRuns, func(a, b *object) int {
		return cmp.Or(cmp.Compare(a.Status.Started, b.Status.Started), cmp.Compare(a.Metadata.Name, b.Metadata.Name))
	})
	owner, alone := map[*object][]*object{}, []*object{}
	for _, t := range d.taskRuns {
		if p := d.ownerOf(t); p != nil {
			owner[p] = append(owner[p], t)
		} else {
			alone = append(alone, t)
		}
	}
	var runs []*records.Run
	for _, p := range d.pipelineRuns {
		run, err := d.buildPipeline(p, owner[p])
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	for _, list := range together(alone) {
		runs = append(runs, buildTasks(list))
	}
	return runs, nil
}

// together groups TaskRuns by the label of their PipelineRun, which is not there. Those without are alone.
func together(list []*object) [][]*object {
	var groups [][]*object
	number := map[string]int{}
	for _, t := range list {
		name := t.Metadata.Labels["tekton.dev/pipelineRun"]
		if name == "" {
			groups = append(groups, []*object{t})
			continue
		}
		name = t.Metadata.Namespace + "/" + name
		i, there := number[name]
		if !there {
			i = len(groups)
			groups, number[name] = append(groups, nil), i
		}
		groups[i] = append(groups[i], t)
	}
	return groups
}

// ownerOf finds the PipelineRun of a TaskRun: as it says itself, as the other says, or by its name.
func (d *drop) ownerOf(t *object) *object {
	names := []string{t.Metadata.Labels["tekton.dev/pipelineRun"]}
	for _, o := range t.Metadata.Owners {
		if o.Kind == "PipelineRun" {
			names = append(names, o.Name)
		}
	}
	says := ""
	for _, name := range names {
		says = cmp.Or(says, name)
	}
	var byName *object
	for _, p := range d.pipelineRuns {
		if p.Metadata.Namespace != t.Metadata.Namespace {
			continue
		}
		if says != "" {
			if p.Metadata.Name == says {
				return p
			}
			continue
		}
		if slices.ContainsFunc(p.Status.Children, func(c child) bool { return c.Name == t.Metadata.Name }) {
			return p
		}
		if _, there := p.Status.TaskRuns[t.Metadata.Name]; there {
			return p
		}
		if strings.HasPrefix(t.Metadata.Name, p.Metadata.Name+"-") && (byName == nil || len(byName.Metadata.Name) < len(p.Metadata.Name)) {
			byName = p
		}
	}
	return byName
}

var errTooMany = fmt.Errorf("%w: too many tasks or edges", records.ErrTooLarge)
