package wfformat

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// Parameters of Workflow.
const (
	// DefaultTimeScale turns 17 minutes into a second. Fifteen recordings of the public collection, with up to 2,122
	// tasks and 78,000 s of work, were run with it: if tasks sleep, each run takes as long as its critical path, at
	// most 3 s. If tasks burn cpu, the work counts: the largest takes at least 39 s on two processors.
	DefaultTimeScale = 1e-3
	DefaultByteScale = 1e-4
	// MaxOutput bounds one output, in bytes.
	MaxOutput = 1 << 20
)

// Workflow runs a recording again: its own tasks and edges, where each task takes its recorded runtime × time_scale and
// passes its recorded output bytes × byte_scale to its children. Functions are named after categories, so they are
// Dynamic. The run returns a map from the id of each task without children to the number of tasks that it stands for;
// the sum is the number of all tasks, see Ran.
func Workflow() *engine.Workflow {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return &engine.Workflow{
		Name:        "wfformat",
		Description: "Runs a recorded workflow execution again, scaled down.",
		Params: []engine.Param{
			{Name: "file", Kind: engine.FileParam, Help: "recording in WfFormat 1.4, 1.5 or 1.6, as JSON, compressed by gzip or not"},
			{
				Name: "time_scale", Kind: engine.FloatParam, Default: number(DefaultTimeScale), Max: 10,
				Help: "seconds to burn for each recorded second",
			},
			{
				Name: "byte_scale", Kind: engine.FloatParam, Default: number(DefaultByteScale), Max: 1,
				Help: "bytes to hand on for each recorded byte, at most 1 MiB a task",
			},
			{
				Name: "burn", Kind: engine.ChoiceParam, Default: "sleep", Choices: []string{"sleep", "cpu"},
				Help: "what a task does with its time: sleep, or keep a processor busy",
			},
		},
		Dynamic: burner,
		Build: func(b *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			in, err := Parse(bytes.NewReader(args.File("file").Data))
			if err != nil {
				return nil, &engine.ParameterError{Param: "file", Err: err}
			}
			s := scale{time: args.Float("time_scale"), bytes: args.Float("byte_scale"), cpu: args.String("burn") == "cpu"}
			return build(b, in, s), nil
		},
	}
}

// Ran adds up the numbers that a run of Workflow returned: the sum is the number of its tasks, if each task ran.
func Ran(result map[string]string) (int, error) {
	sum := 0
	for id, count := range result {
		n, err := strconv.Atoi(count)
		if err != nil {
			return 0, fmt.Errorf("wfformat: %s returned %q, expected a number of tasks", short(id), short(count))
		}
		sum += n
	}
	return sum, nil
}

// scale says how a recording is scaled when it is run again.
type scale struct {
	time, bytes float64
	cpu         bool
}

// build adds the tasks in their order, so task i of the instance is node i of the graph.
func build(b *engine.Builder, in *Instance, s scale) engine.AnyRef {
	type function = engine.F2[burn, []string, string]
	functions := map[string]function{}
	refs := make([]engine.Ref[string], len(in.Tasks))
	last := map[string]engine.Ref[string]{}
	for i := range in.Tasks {
		t := &in.Tasks[i]
		f, known := functions[t.Category]
		if !known {
			f = declare(t.Category)
			functions[t.Category] = f
		}
		parts := make([]engine.Ref[string], len(t.Parents))
		for k, p := range t.Parents {
			parts[k] = refs[p]
		}
		refs[i] = f.Call(engine.Const(b, s.burn(in, i)), engine.List(b, parts...))
		if len(t.Children) == 0 {
			last[t.ID] = refs[i]
		}
	}
	return engine.Map(b, last)
}

func (s scale) burn(in *Instance, task int) burn {
	t := &in.Tasks[task]
	out := burn{
		ID: t.ID, Number: int32(task), To: -1, CPU: s.cpu, Time: time.Duration(float64(t.Runtime) * s.time),
	}
	if len(t.Children) > 0 {
		out.To = t.Children[0]
		out.Bytes = int(min(math.Ceil(float64(max(in.OutputBytes(task), 0))*s.bytes), MaxOutput))
	}
	return out
}

// burn is what one task has to do. Its fields are exported because it is encoded as a constant of the graph.
type burn struct {
	ID     string
	Number int32 // of the task
	To     int32 // the child that counts this task, -1 without children
	Time   time.Duration
	Bytes  int // of the output, if that is longer than its head
	CPU    bool
}

// declare makes the function of a category. These functions differ only in their names.
func declare(category string) engine.F2[burn, []string, string] {
	run := func(ctx context.Context, t burn, inputs []string) (string, error) { return t.run(ctx, inputs) }
	return engine.Func2(category, run).With(engine.Options{Timeout: engine.NoTimeout})
}

// burner is Workflow.Dynamic.
func burner(s engine.Signature) *engine.Function {
	if s.Name == "" {
		return nil
	}
	return declare(s.Name).Function
}

func (t burn) run(ctx context.Context, inputs []string) (string, error) {
	count, err := t.count(inputs)
	if err != nil {
		return "", engine.NoRetry(err)
	}
	engine.Task(ctx).Log.InfoContext(ctx, "burning", "id", t.ID, "for", t.Time, "inputs", len(inputs))
	spend := sleep
	if t.CPU {
		spend = spin
	}
	if err := spend(ctx, t.Time); err != nil {
		return "", err
	}
	return t.output(count), nil
}

// count is the number of tasks that this one stands for: itself, and those of the parents whose first child it is. The
// links from tasks to their first children form a forest over all tasks, whose roots are the tasks without children, so
// no task is counted twice or missed.
func (t burn) count(inputs []string) (int, error) {
	sum := 1
	for i, in := range inputs {
		head, _, found := strings.Cut(in, "\n")
		count, to, both := strings.Cut(head, " ")
		n, err := strconv.Atoi(count)
		child, err2 := strconv.Atoi(to)
		if !found || !both || err != nil || err2 != nil {
			return 0, fmt.Errorf("wfformat: input %d of %s has %d bytes that are no output of a task, expected those of its parent", i, t.ID, len(in))
		}
		if child == int(t.Number) {
			sum += n
		}
	}
	return sum, nil
}

// output returns what the children get: a head with the count, then filling. A task without children returns the count
// alone.
func (t burn) output(count int) string {
	if t.To < 0 {
		return strconv.Itoa(count)
	}
	head := strconv.Itoa(count) + " " + strconv.Itoa(int(t.To)) + "\n"
	return head + strings.Repeat(".", max(0, t.Bytes-len(head)))
}

// sleep waits without using a processor.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// spin keeps a processor busy.
func spin(ctx context.Context, d time.Duration) error {
	for start := time.Now(); time.Since(start) < d; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}
