package tekton

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// object is a PipelineRun, TaskRun, CustomRun or Pipeline, as far as it is read.
type object struct {
	Kind     string   `json:"kind"`
	Metadata metadata `json:"metadata"`
	Spec     struct {
		pipeline               // of a Pipeline
		PipelineRef  reference `json:"pipelineRef"`
		PipelineSpec *pipeline `json:"pipelineSpec"`
		TaskRef      reference `json:"taskRef"`
		Status       string    `json:"status"`
		Params       []param   `json:"params"`
	} `json:"spec"`
	Status *status `json:"status"`

	path string
	last bool // of a YAML file, which may be cut off in it
}

type metadata struct {
	Name         string            `json:"name"`
	GenerateName string            `json:"generateName"`
	Namespace    string            `json:"namespace"`
	UID          string            `json:"uid"`
	Created      string            `json:"creationTimestamp"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	Owners       []struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	} `json:"ownerReferences"`
}

type reference struct {
	Name string `json:"name"`
}

type param struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// status is that of a PipelineRun, a TaskRun, or an earlier try of one.
type status struct {
	Started    string      `json:"startTime"`
	Completed  string      `json:"completionTime"`
	Conditions []condition `json:"conditions"`

	PipelineSpec *pipeline           `json:"pipelineSpec"`
	Children     []child             `json:"childReferences"`
	TaskRuns     map[string]embedded `json:"taskRuns"`
	Runs         map[string]embedded `json:"runs"`
	Skipped      []skipped           `json:"skippedTasks"`

	Pod     string   `json:"podName"`
	Steps   []step   `json:"steps"`
	Retries []status `json:"retriesStatus"`
	Spec    *struct {
		Steps []stepSpec `json:"steps"`
	} `json:"taskSpec"`
}

type condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type child struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Task string `json:"pipelineTaskName"`
}

// embedded is a TaskRun within a PipelineRun, as before Tekton 0.45.
type embedded struct {
	Task   string  `json:"pipelineTaskName"`
	Status *status `json:"status"`
}

type skipped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

type step struct {
	Name       string `json:"name"`
	Terminated *struct {
		ExitCode int    `json:"exitCode"`
		Reason   string `json:"reason"`
		Started  string `json:"startedAt"`
		Finished string `json:"finishedAt"`
	} `json:"terminated"`
	Running *struct {
		Started string `json:"startedAt"`
	} `json:"running"`
}

type stepSpec struct {
	Name    string   `json:"name"`
	Script  string   `json:"script"`
	Command []string `json:"command"`
	Args    []string `json:"args"`
}

// pipeline is the tasks of a pipeline.
type pipeline struct {
	Tasks   []pipelineTask `json:"tasks"`
	Finally []pipelineTask `json:"finally"`
}

// pipelineTask is a task of a pipeline with the names of those that it waits for.
type pipelineTask struct {
	name   string
	ref    string
	before []string
}

// used finds results of other tasks.
var used = regexp.MustCompile(`\$\(tasks\.([^.()]+)\.(?:results|outputs)\b`)

// UnmarshalJSON implements json.Unmarshaler.
func (p *pipelineTask) UnmarshalJSON(text []byte) error {
	var fields struct {
		Name      string    `json:"name"`
		RunAfter  []string  `json:"runAfter"`
		Ref       reference `json:"taskRef"`
		Resources struct {
			Inputs []struct {
				From []string `json:"from"`
			} `json:"inputs"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	*p = pipelineTask{name: fields.Name, ref: fields.Ref.Name, before: fields.RunAfter}
	for _, in := range fields.Resources.Inputs {
		p.before = append(p.before, in.From...)
	}
	for _, match := range used.FindAllSubmatch(text, -1) {
		p.before = append(p.before, string(match[1]))
	}
	return nil
}

// spec is the pipeline of a PipelineRun, nil if the object does not have it.
func (o *object) spec() *pipeline {
	switch {
	case o.Status != nil && o.Status.PipelineSpec != nil:
		return o.Status.PipelineSpec
	case o.Spec.PipelineSpec != nil:
		return o.Spec.PipelineSpec
	}
	// kubectl apply of a Pipeline leaves its text there, and Tekton copies annotations to runs.
	var applied object
	text := o.Metadata.Annotations["kubectl.kubernetes.io/last-applied-configuration"]
	if json.Unmarshal([]byte(text), &applied) == nil && applied.Kind == "Pipeline" && len(applied.Spec.Tasks) > 0 {
		return &applied.Spec.pipeline
	}
	return nil
}

// succeeded is the condition that says how a run ended or that it runs.
func (s *status) succeeded() condition {
	for _, c := range s.Conditions {
		if c.Type == "Succeeded" {
			return c
		}
	}
	return condition{}
}

// outcome is how an execution ended.
func (c condition) outcome() record.Outcome {
	switch {
	case c.Status == "True":
		return record.OutcomeOK
	case c.Status != "False":
		return record.NoOutcome
	case strings.Contains(c.Reason, "Cancel") || strings.Contains(c.Reason, "Stopped"):
		return record.OutcomeCancelled
	}
	return record.OutcomeFailed
}

// moment reads a stamp.
func moment(stamp string) records.Moment {
	t, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return records.Unknown
	}
	return records.At(t)
}
