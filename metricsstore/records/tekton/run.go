package tekton

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// builder makes the run of a PipelineRun.
type builder struct {
	run     *records.Run
	of      *object
	byTask  map[string][]int32 // tasks by the name of the pipeline's task
	byRun   map[string]bool    // names of TaskRuns that are tasks
	refs    map[string]string  // names of Tasks by those of pipeline's tasks
	missing int
}

func (d *drop) buildPipeline(p *object, taskRuns []*object) (*records.Run, error) {
	b := &builder{run: newRun(p), of: p, byTask: map[string][]int32{}, byRun: map[string]bool{}, refs: map[string]string{}}
	spec := p.spec()
	if spec == nil {
		spec = d.pipelines[p.pipelineName()]
	}
	if spec != nil {
		for _, t := range append(slices.Clone(spec.Tasks), spec.Finally...) {
			b.refs[t.name] = t.ref
		}
	}
	names := map[string]string{}
	for _, c := range p.Status.Children {
		names[c.Name] = c.Task
	}
	for _, t := range taskRuns {
		b.add(t, cmp.Or(t.Metadata.Labels["tekton.dev/pipelineTask"], names[t.Metadata.Name], p.Status.TaskRuns[t.Metadata.Name].Task))
	}
	b.addEmbedded(p.Status.TaskRuns)
	b.addEmbedded(p.Status.Runs)
	b.addAbsent(spec)
	if err := b.connect(spec); err != nil {
		return nil, err
	}
	b.finish(taskRuns)
	return b.run, nil
}

// newRun is a run of an object without its tasks.
func newRun(o *object) *records.Run {
	r := records.NewRun("Tekton", "Tekton "+o.Kind)
	r.Path, r.Workflow, r.Key = o.path, o.pipelineName(), o.Metadata.UID
	if r.Key == "" && o.Metadata.Name != "" && o.Status.Started != "" {
		r.Key = o.Metadata.Namespace + "/" + o.Metadata.Name + "/" + o.Status.Started
	}
	r.Params = map[string]string{}
	for name, value := range map[string]string{"name": o.Metadata.Name, "namespace": o.Metadata.Namespace} {
		if value != "" {
			r.Params[name] = value
		}
	}
	for _, p := range o.Spec.Params {
		if len(r.Params) < 100 && p.Value != nil {
			r.Params["param "+p.Name] = fmt.Sprint(p.Value)
		}
	}
	r.Started, r.Ended = moment(o.Status.Started), moment(o.Status.Completed)
	c := o.Status.succeeded()
	switch c.outcome() {
	case record.OutcomeOK:
		r.Status = record.Succeeded
	case record.OutcomeCancelled:
		r.Status, r.Error = record.Cancelled, c.Message
	case record.OutcomeFailed:
		r.Status, r.Error = record.Failed, c.Message
	default:
		r.Status, r.Ended = record.Running, records.Unknown
		r.Incomplete = "the run was under way when the file was written"
	}
	return r
}

// pipelineName is what runs of the same work have in common.
func (o *object) pipelineName() string {
	return cmp.Or(o.Spec.PipelineRef.Name, o.Metadata.Labels["tekton.dev/pipeline"], o.Spec.TaskRef.Name, o.Metadata.Labels["tekton.dev/task"],
		strings.TrimRight(o.Metadata.GenerateName, "-"), o.Metadata.Name, "pipeline")
}

// add adds the task of a TaskRun.
func (b *builder) add(t *object, name string) {
	if b.byRun[t.Metadata.Name] {
		b.run.Notes.LeftOut(1, "objects are there a second time")
		return
	}
	b.byRun[t.Metadata.Name] = true
	task := newTask(t, name)
	if task.Function == task.Name && b.refs[name] != "" {
		task.Function = b.refs[name]
	}
	b.byTask[name] = append(b.byTask[name], int32(len(b.run.Tasks)))
	b.run.Tasks = append(b.run.Tasks, task)
}

func newTask(t *object, name string) records.Task {
	task := records.NewTask(t.Metadata.Name)
	task.Name = cmp.Or(name, t.Metadata.Name)
	task.Function = cmp.Or(t.Spec.TaskRef.Name, t.Metadata.Labels["tekton.dev/task"], task.Name)
	task.Command = t.Status.command()
	task.Attempts = attempts(t.Status, moment(t.Metadata.Created))
	return task
}

// addEmbedded adds the TaskRuns that a PipelineRun contains and that are no objects themselves.
func (b *builder) addEmbedded(all map[string]embedded) {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if e := all[name]; e.Status != nil && !b.byRun[name] {
			b.add(&object{Metadata: metadata{Name: name}, Status: e.Status}, e.Task)
		}
	}
}

// addAbsent adds tasks that were skipped, whose TaskRuns are in no file, or that never ran.
func (b *builder) addAbsent(spec *pipeline) {
	absent := func(name string, isSkipped bool) {
		if len(b.byTask[name]) > 0 || name == "" {
			return
		}
		t := records.NewTask("task " + name)
		t.Name, t.Function, t.Skipped = name, cmp.Or(b.refs[name], name), isSkipped
		b.byTask[name] = []int32{int32(len(b.run.Tasks))}
		b.run.Tasks = append(b.run.Tasks, t)
	}
	for _, s := range b.of.Status.Skipped {
		absent(s.Name, true)
		if s.Reason != "" {
			b.run.Notes.Recorded(1, "tasks were skipped: "+s.Reason)
		}
	}
	for _, c := range b.of.Status.Children {
		if !b.byRun[c.Name] {
			b.missing++
			absent(c.Task, false)
		}
	}
	if spec == nil {
		return
	}
	for _, t := range append(slices.Clone(spec.Tasks), spec.Finally...) {
		absent(t.name, false)
	}
}

// connect puts the edges of the pipeline.
func (b *builder) connect(spec *pipeline) error {
	if spec == nil {
		b.run.Notes.Remark(record.NoteLeftOut, "the pipeline is not in the files, so there are no edges")
		return nil
	}
	edges := 0
	follow := func(name string, before []string) error {
		slices.Sort(before)
		for _, other := range slices.Compact(before) {
			if other == name {
				continue
			}
			if edges += len(b.byTask[name]) * len(b.byTask[other]); edges > records.MaxEdges {
				return errTooMany
			}
			for _, to := range b.byTask[name] {
				b.run.Tasks[to].Parents = append(b.run.Tasks[to].Parents, b.byTask[other]...)
			}
		}
		return nil
	}
	followed := map[string]bool{}
	for _, t := range spec.Tasks {
		for _, name := range t.before {
			followed[name] = true
		}
		if err := follow(t.name, slices.Clone(t.before)); err != nil {
			return err
		}
	}
	var ends []string
	for _, t := range spec.Tasks {
		if !followed[t.name] {
			ends = append(ends, t.name)
		}
	}
	for _, t := range spec.Finally {
		if err := follow(t.name, slices.Clone(ends)); err != nil {
			return err
		}
	}
	for i := range b.run.Tasks { // a pipeline may have a name twice
		slices.Sort(b.run.Tasks[i].Parents)
		b.run.Tasks[i].Parents = slices.Compact(b.run.Tasks[i].Parents)
	}
	return nil
}

// finish says what is true of the run as a whole.
func (b *builder) finish(taskRuns []*object) {
	r := b.run
	never := 0
	for i := range r.Tasks {
		if len(r.Tasks[i].Attempts) == 0 && !r.Tasks[i].Skipped {
			never++
		}
	}
	cut := b.of.last && (b.of.Status.Started == "" || never > 0)
	cut = cut || slices.ContainsFunc(taskRuns, (*object).mayBeCut)
	switch {
	case b.missing > 0:
		r.Incomplete = fmt.Sprintf("%d TaskRuns are in no file; kubectl get taskruns -o json writes them", b.missing)
	case never > 0 && r.Status == record.Succeeded:
		r.Incomplete = fmt.Sprintf("the run succeeded, but of %d tasks no TaskRun is in the files; kubectl get taskruns -o json writes them", never)
	case cut && r.Incomplete == "":
		r.Incomplete = "the file may be cut off in its last object"
	}
	r.Notes.Remark(record.NoteRecorded, "moments are whole seconds; what is before a task's start is the wait for its pod")
}

// mayBeCut reports whether the last object of a YAML file lacks what Tekton writes last.
func (o *object) mayBeCut() bool { return o.last && o.Kind == "TaskRun" && o.Status.Spec == nil }

// buildTasks makes a run of TaskRuns whose PipelineRun is in no file.
func buildTasks(list []*object) *records.Run {
	first := list[0]
	name := first.Metadata.Labels["tekton.dev/pipelineRun"]
	r := newRun(first)
	seen := map[string]bool{}
	for _, t := range list {
		if seen[t.Metadata.Name] {
			r.Notes.LeftOut(1, "objects are there a second time")
			continue
		}
		seen[t.Metadata.Name] = true
		r.Tasks = append(r.Tasks, newTask(t, t.Metadata.Labels["tekton.dev/pipelineTask"]))
		if t.mayBeCut() {
			r.Incomplete = "the file may be cut off in its last object"
		}
	}
	if name != "" {
		r.Key, r.Started, r.Ended, r.Status, r.Error = "", records.Unknown, records.Unknown, "", ""
		r.Params["name"] = name
		r.Incomplete = "PipelineRun " + name + " is in no file, so the run may have more tasks"
	}
	return r
}
