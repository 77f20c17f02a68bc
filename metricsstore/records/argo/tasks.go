package argo

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// builder makes the tasks of one run.
type builder struct {
	*tree
	run      *records.Run
	root     string // name of the main node, which all names begin with
	commands map[string]string
	workers  map[string]int32
	points   points
	in, out  []int32 // points of nodes
	whole    bool    // all stamps have no fraction of a second
}

func (b *builder) build() error {
	b.in, b.out = make([]int32, len(b.nodes)), make([]int32, len(b.nodes))
	for i := range b.in {
		b.in[i], b.out[i] = records.None, records.None
	}
	for i := range b.nodes {
		if b.within[i] == noNode || !b.retried[b.within[i]] {
			b.addPoints(i)
		}
	}
	b.connect()
	circular, err := b.points.resolve(&b.run.Tasks, b.barrier)
	b.run.Notes.Repaired(circular, "nodes follow each other in a circle, which was cut")
	return err
}

// addPoints adds the points of a node, and its task if it is one.
func (b *builder) addPoints(i int) {
	switch {
	case b.retried[i]:
		p := b.points.add(b.addTask(i, b.members[i]), i)
		b.in[i], b.out[i] = p, p
		for _, m := range b.members[i] {
			b.in[m], b.out[m] = p, p
		}
	case b.composite(i):
		b.in[i], b.out[i] = b.points.add(records.None, i), b.points.add(records.None, i)
	default:
		p := b.points.add(b.addTask(i, []int{i}), i)
		b.in[i], b.out[i] = p, p
	}
}

// connect puts the edges between points.
func (b *builder) connect() {
	unlisted := 0
	for i := range b.nodes {
		for _, next := range b.after[i] {
			b.points.connect(b.out[i], b.in[next])
		}
		in := b.within[i]
		if in == noNode || b.retried[in] || b.waits[i] {
			continue
		}
		if b.nodes[in].Type == typeRetry {
			continue // its attempts are put after each other
		}
		b.points.connect(b.in[in], b.in[i])
		if !b.listed[i] {
			unlisted++
		}
	}
	for i := range b.nodes {
		if b.composite(i) && !b.retried[i] {
			b.connectEnds(i)
		}
	}
	if root, exit := b.roots(b.root); root != noNode && exit != noNode && !b.waits[exit] {
		b.points.connect(b.out[root], b.in[exit])
		b.run.Notes.Inferred(1, "exit handlers follow all other tasks")
	}
	b.run.Notes.Inferred(unlisted, "nodes have no recorded predecessor and are taken to start with the node that they are part of")
}

// connectEnds puts edges to the end of a node with members.
func (b *builder) connectEnds(i int) {
	members := b.members[i]
	if b.nodes[i].Type == typeRetry {
		before := b.in[i]
		for _, m := range members {
			b.points.connect(before, b.in[m])
			before = b.out[m]
		}
		b.points.connect(before, b.out[i])
		return
	}
	ends := 0
	for _, id := range b.nodes[i].Outbound {
		// Outbound nodes may be deep within, or attempts; an edge from elsewhere could be one back.
		if o, there := b.number[id]; there && b.isWithin(o, i) {
			b.points.connect(b.out[o], b.out[i])
			ends++
		}
	}
	for _, m := range members {
		if ends == 0 && !b.followed[m] {
			b.points.connect(b.out[m], b.out[i])
		}
	}
	if len(members) == 0 {
		b.points.connect(b.in[i], b.out[i])
	}
}

// barrier is a task of no duration that stands for a node with very many members.
func (b *builder) barrier(i int) records.Task {
	t := records.NewTask(b.nodes[i].ID + "/all")
	t.Name, t.Function = b.name(b.nodes[i]), strings.ToLower(b.nodes[i].Type)
	b.run.Notes.Inferred(1, "tasks of no duration stand for nodes between very many tasks")
	return t
}

// name is the name of a node without that of the workflow.
func (b *builder) name(n *node) string {
	short := strings.TrimPrefix(strings.TrimPrefix(n.Name, b.root), ".")
	for _, name := range []string{short, n.DisplayName, n.Name} {
		if name != "" {
			return name
		}
	}
	return n.ID
}

// addTask adds the task of node i, which was tried as the nodes of tries.
func (b *builder) addTask(i int, tries []int) int32 {
	n := b.nodes[i]
	t := records.NewTask(n.ID)
	t.Name, t.Function = b.name(n), n.function()
	last := b.nodes[tries[len(tries)-1]]
	if t.Function == "" {
		t.Function = last.function()
	}
	t.Command = b.command(last)
	if phase := last.outcome(); phase == skipped {
		t.Skipped = true
		b.skip(last)
	}
	for _, k := range tries {
		if a, made := b.attempt(b.nodes[k]); made {
			t.Attempts = append(t.Attempts, a)
		}
	}
	b.run.Tasks = append(b.run.Tasks, t)
	return int32(len(b.run.Tasks) - 1)
}

func (n *node) function() string {
	if n.TemplateName != "" {
		return n.TemplateName
	}
	return n.TemplateRef.Template
}

// skip counts why a task was skipped.
func (b *builder) skip(n *node) {
	if n.Phase == "Omitted" {
		b.run.Notes.Recorded(1, "tasks were omitted because of how the tasks before them ended")
		return
	}
	b.run.Notes.Recorded(1, "tasks were skipped because of their condition")
}

// Outcomes of nodes.
const (
	waiting = iota
	running
	succeeded
	failed
	skipped
)

// outcome sorts the phases of Argo.
func (n *node) outcome() int {
	switch n.Phase {
	case "Running":
		return running
	case "Succeeded":
		return succeeded
	case "Failed", "Error":
		return failed
	case "Skipped", "Omitted":
		return skipped
	}
	return waiting
}

// attempt is what the node records as one execution; made is false if it was none.
func (b *builder) attempt(n *node) (a records.Attempt, made bool) {
	a = records.NewAttempt()
	started, ended := b.moment(n.StartedAt), b.moment(n.FinishedAt)
	switch n.outcome() {
	case skipped:
		return a, false
	case waiting:
		// Its pod was made and does not run yet, if there is a moment at all.
		a.Ready = started
		return a, started.Known()
	case running:
		a.Claimed, a.Started = started, started
	default:
		a.Claimed, a.Started, a.Ended = started, started, ended
		a.Outcome = n.result()
	}
	a.Worker = b.worker(n)
	a.Log = n.log(a.Outcome)
	if a.Outcome == record.OutcomeFailed || a.Outcome == record.OutcomeLost || a.Outcome == record.OutcomeCancelled {
		a.Error = n.failure(a.Outcome)
	}
	return a, true
}

// result is the outcome of an attempt that has ended.
func (n *node) result() record.Outcome {
	switch {
	case n.Memoization.Hit:
		return record.OutcomeCached
	case n.outcome() == succeeded:
		return record.OutcomeOK
	case n.Message == "pod deleted":
		return record.OutcomeLost
	case shutdown(n.Message):
		return record.OutcomeCancelled
	}
	return record.OutcomeFailed
}

// shutdown reports whether a message is the one of nodes that a person stopped.
func shutdown(message string) bool {
	return strings.HasPrefix(message, "Stopped with strategy") || strings.HasPrefix(message, "workflow shutdown with strategy")
}

func (n *node) failure(outcome record.Outcome) *records.Failure {
	f := &records.Failure{Message: n.Message}
	if f.Message == "" {
		f.Message = "the phase is " + n.Phase
	}
	f.ExitCode, _ = strconv.Atoi(n.Outputs.ExitCode)
	switch {
	case outcome == record.OutcomeLost:
		f.Kind = record.WorkerLostError
	case outcome == record.OutcomeCancelled:
		f.Kind = record.CancelledError
	case strings.Contains(n.Message, "exceeded its deadline") || strings.Contains(n.Message, "longer than the specified deadline"):
		f.Kind = record.TimeoutError
	}
	return f
}

// log has a line for each fact that has no place elsewhere.
func (n *node) log(outcome record.Outcome) string {
	var lines []string
	if n.Message != "" && (outcome == record.OutcomeOK || outcome == record.NoOutcome || outcome == record.OutcomeCached) {
		lines = append(lines, n.Message)
	}
	if n.Type != typePod && n.Type != typeRetry {
		lines = append(lines, "type "+n.Type)
	}
	if n.Daemoned {
		lines = append(lines, "daemon")
	}
	if n.Memoization.Key != "" {
		lines = append(lines, "memoization key "+n.Memoization.Key)
	}
	var resources []string
	for name, amount := range n.Resources {
		resources = append(resources, fmt.Sprintf("requested %s × time %v", name, time.Duration(amount)*time.Second))
	}
	sort.Strings(resources)
	return strings.Join(append(lines, resources...), "\n")
}

// moment reads a stamp.
func (b *builder) moment(stamp string) records.Moment {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return records.Unknown
	}
	b.whole = b.whole && t.Nanosecond() == 0
	return records.At(t)
}

// worker is the Kubernetes node that a pod ran on; that of a container is its pod's.
func (b *builder) worker(n *node) int32 {
	host := n.Host
	if in, there := b.number[n.BoundaryID]; host == "" && there && n.Type == typeContainer {
		host = b.nodes[in].Host
	}
	if host == "" {
		return records.None
	}
	w, there := b.workers[host]
	if !there {
		w = b.run.AddWorker(host)
		b.run.Workers[w].Host = host
		b.workers[host] = w
	}
	return w
}

// command is the command of a node's template with its parameters.
func (b *builder) command(n *node) string {
	text := b.commands[n.function()]
	if !strings.Contains(text, "{{") {
		return text
	}
	for _, p := range n.Inputs.Parameters {
		if value, is := p.Value.(string); is && len(text) <= records.MaxText {
			text = strings.ReplaceAll(text, "{{inputs.parameters."+p.Name+"}}", value)
		}
	}
	return text
}
