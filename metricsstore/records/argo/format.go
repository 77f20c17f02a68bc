package argo

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/manifest"
)

type format struct{}

// New is the format.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "argo" }

// Title implements records.Format.
func (format) Title() string { return "Argo workflow" }

// Sniff implements records.Format. Objects of the web page lack apiVersion and kind, so fields of nodes count too.
func (format) Sniff(_ string, head []byte) records.Part {
	if trimmed := bytes.TrimLeft(head, " \t\r\n"); len(trimmed) == 0 || trimmed[0] == '<' {
		return records.Foreign
	}
	has := func(words ...string) bool {
		for _, w := range words {
			if !bytes.Contains(head, []byte(w)) {
				return false
			}
		}
		return true
	}
	ours := has("argoproj.io/") && has("kind", "Workflow")
	switch {
	case has("compressedNodes", "startedAt", "phase"):
	case has("metadata", "status", "nodes", "displayName", "phase", "startedAt"):
	case ours && has("status", "phase"):
	case ours && len(head) >= 64<<10: // its spec is longer than that
	default:
		return records.Foreign
	}
	return records.Main
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var runs []*records.Run
	for i := range files {
		if files[i].Part != records.Main {
			continue
		}
		objects, err := manifest.Read(&files[i])
		if err != nil {
			return nil, err
		}
		before := len(runs)
		for k := range objects {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if kind := objects[k].Kind; kind != "" && kind != "Workflow" {
				continue
			}
			run, err := readWorkflow(&objects[k])
			if err != nil {
				return nil, err
			}
			run.Path = files[i].Path
			runs = append(runs, run)
		}
		if len(runs) == before {
			return nil, &records.Fault{Path: files[i].Path, Byte: -1, Text: "no object is a Workflow"}
		}
	}
	return runs, nil
}

// readWorkflow makes a run of an object.
func readWorkflow(o *manifest.Object) (*records.Run, error) {
	var w workflow
	if err := o.Decode(&w); err != nil {
		return nil, err
	}
	if err := w.inflate(o); err != nil {
		return nil, err
	}
	if len(w.Status.Nodes) == 0 {
		return nil, o.Fault("workflow %s has no status.nodes, expected one that has run", w.Metadata.Name)
	}
	if len(w.Status.Nodes) > records.MaxTasks {
		return nil, fmt.Errorf("%w: %d nodes", records.ErrTooLarge, len(w.Status.Nodes))
	}
	run := records.NewRun("Argo Workflows", "Argo workflow")
	if version, found := strings.CutPrefix(o.APIVersion, "argoproj.io/"); found {
		run.Format += " " + version
	}
	b := &builder{
		tree: newTree(w.Status.Nodes), run: run, root: w.Metadata.Name, commands: w.commands(), workers: map[string]int32{}, whole: true,
	}
	run.Key, run.Workflow, run.Params = w.key(), w.name(), w.params()
	run.Started, run.Ended = b.moment(w.Status.StartedAt), b.moment(w.Status.FinishedAt)
	run.Status, run.Error = w.status(), w.Status.Message
	if err := b.build(); err != nil {
		return nil, err
	}
	b.finish(o, &w)
	return run, nil
}

// finish says what is true of the run as a whole.
func (b *builder) finish(o *manifest.Object, w *workflow) {
	r := b.run
	switch {
	case w.Status.Phase == "" || r.Status == "" || o.YAML && !r.Started.Known():
		r.Incomplete = "the workflow has no valid phase or start, so the file may be cut off"
		r.Status = ""
	case b.absent > 0 && o.YAML:
		r.Incomplete = fmt.Sprintf("%d children of nodes are not in the file, so it may be cut off", b.absent)
	case r.Status == record.Running:
		r.Incomplete = "the workflow was under way when the file was written"
	}
	if r.Error == "" && r.Status == record.Failed {
		r.Error = b.messages()
	}
	r.Notes.LeftOut(b.absent, "children of nodes are not in the file")
	r.Notes.Remark(record.NoteRecorded, "a task's time begins when its pod was made; scheduling and pulling images are part of it")
	if b.whole {
		r.Notes.Remark(record.NoteRecorded, "moments are whole seconds, of the controller's and of the container's clock")
	}
}

// messages is what nodes with members say that failed although none of their members did.
func (b *builder) messages() string {
	var texts []string
	for i, n := range b.nodes {
		if n.outcome() != failed {
			continue
		}
		if !b.composite(i) {
			return "" // the task's own error says it
		}
		if n.Message != "" && len(texts) < 3 && !strings.HasPrefix(n.Message, "child ") {
			texts = append(texts, b.name(n)+": "+n.Message)
		}
	}
	return strings.Join(texts, "; ")
}

// key is the same for all objects of one run, also of later states of it.
func (w *workflow) key() string {
	switch m := w.Metadata; {
	case m.UID != "":
		return m.UID
	case m.Name != "" && w.Status.StartedAt != "":
		return m.Namespace + "/" + m.Name + "/" + w.Status.StartedAt
	}
	return ""
}

// name is what the workflow was made from.
func (w *workflow) name() string {
	for _, name := range []string{
		w.Metadata.Labels["workflows.argoproj.io/cron-workflow"], w.Metadata.Labels["workflows.argoproj.io/workflow-template"],
		w.Spec.TemplateRef.Name, strings.TrimRight(w.Metadata.GenerateName, "-"), w.Metadata.Name, w.Spec.Entrypoint,
	} {
		if name != "" {
			return name
		}
	}
	return "workflow"
}

func (w *workflow) params() map[string]string {
	params := map[string]string{}
	for name, value := range map[string]string{"name": w.Metadata.Name, "namespace": w.Metadata.Namespace, "entrypoint": w.Spec.Entrypoint} {
		if value != "" {
			params[name] = value
		}
	}
	for _, p := range w.Spec.Arguments.Parameters {
		if p.Value != nil && len(params) < 100 {
			params["argument "+p.Name] = fmt.Sprint(p.Value)
		}
	}
	return params
}

// status is the status of the run, empty for a phase that is none.
func (w *workflow) status() record.Status {
	switch w.Status.Phase {
	case "Succeeded":
		return record.Succeeded
	case "Failed", "Error":
		if w.Spec.Shutdown != "" || shutdown(w.Status.Message) {
			return record.Cancelled
		}
		return record.Failed
	case "Running", "Pending":
		return record.Running
	}
	return ""
}
