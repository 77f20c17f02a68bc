package goaction

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

var (
	// folder is what one go command calls its folder for what it builds.
	folder = regexp.MustCompile(`go-build\d+`)
	// version is the version of Go in a command of the compiler.
	version = regexp.MustCompile(`-goversion (go(\d+\.\d+)\S*)`)
)

// run makes a run of the graph.
func (g *graph) run() *records.Run {
	r := records.NewRun("Go", "Go action graph")
	r.Workflow = g.workflow()
	names := unique.Names{}
	running := false
	for i := range g.actions {
		a := &g.actions[i]
		r.Tasks = append(r.Tasks, g.task(i, names))
		running = running || g.states[i] == pending
		if r.Key == "" {
			r.Key = folder.FindString(a.Objdir)
		}
		if r.Params == nil && a.ran() {
			if m := version.FindStringSubmatch(a.Cmd[0]); m != nil {
				r.Params = map[string]string{"go": m[1]}
				r.Format += " " + m[2]
			}
		}
		if g.states[i] == failed || g.states[i] == skipped {
			r.Status = record.Failed
		}
	}
	if running {
		r.Status = record.Running
		r.Incomplete = "the graph was written before the actions had ended"
	}
	g.remark(r)
	return r
}

// task is the task of an action.
func (g *graph) task(i int, names unique.Names) records.Task {
	a := &g.actions[i]
	function, name := a.name()
	t := records.NewTask(names.ID(name))
	t.Function = function
	t.Command = bounded.Lines(a.Cmd...)
	t.Parents = g.deps[i]
	if g.states[i] == skipped {
		t.Skipped = true
		return t
	}
	if g.states[i] != pending {
		t.Attempts = []records.Attempt{a.attempt(g.states[i])}
	}
	return t
}

// name is the function and the name of an action, without paths that change with each run.
func (a *action) name() (function, name string) {
	function, file, _ := strings.Cut(a.Mode, " /")
	if file != "" {
		file = path.Base(file)
	}
	parts := strings.Join(strings.Fields(function+" "+file+" "+a.Package), " ")
	return cmp.Or(function, "action"), cmp.Or(parts, "action")
}

func (a *action) attempt(s state) records.Attempt {
	t := records.NewAttempt()
	t.Ready, t.Started, t.Ended = records.At(a.TimeReady), records.At(a.TimeStart), records.At(a.TimeDone)
	t.Outcome = record.OutcomeOK
	switch s {
	case cached:
		t.Outcome = record.OutcomeCached
	case failed:
		t.Outcome = record.OutcomeFailed
		t.Error = &records.Failure{Message: "a command failed; the graph does not say why"}
	}
	if a.ran() && a.CmdReal > 0 {
		t.Usage = records.NewUsage()
		t.Usage.CPU = a.CmdUser + a.CmdSys
		t.Log = fmt.Sprintf("%d commands in %v", len(a.Cmd), a.CmdReal.Round(time.Microsecond))
	}
	return t
}

// workflow names what was built or tested: the mode of the first action and what the packages that it is about have
// in common.
func (g *graph) workflow() string {
	root := &g.actions[0]
	name, _ := root.name()
	if root.Package != "" {
		return cmp.Or(map[string]string{"link-install": "go build", "link": "go build", build: "go build"}[root.Mode], name) + " " + root.Package
	}
	var common []string
	for i, d := range g.deps[0] {
		elements := strings.Split(g.actions[d].Package, "/")
		if i == 0 {
			common = elements
		}
		n := 0
		for n < len(common) && n < len(elements) && common[n] == elements[n] {
			n++
		}
		common = common[:n]
	}
	what := strings.Join(common, "/")
	if len(g.deps[0]) > 1 && what != "" {
		what += "/..."
	}
	return strings.TrimSpace(name + " " + what)
}

// remark adds the notes about the graph.
func (g *graph) remark(r *records.Run) {
	n := &r.Notes
	var counts [skipped + 1]int
	order, silent := 0, 0
	for i := range g.actions {
		counts[g.states[i]]++
		switch a := &g.actions[i]; a.Mode {
		case print, barrier:
			order += len(g.deps[i])
		case vet, testRun:
			if g.states[i] == ok {
				silent++
			}
		}
	}
	n.Inferred(counts[failed]-g.guessed, "actions failed: they have commands and no build ID")
	n.Inferred(g.guessed, "actions failed, because what waits for them alone never ran")
	n.Inferred(counts[cached]-g.results, "actions came from the cache: they have no commands")
	n.Inferred(g.results, "runs of tests are cached, because their programs were not linked")
	n.Inferred(counts[skipped], "actions never ran, because what they wait for failed")
	n.Inferred(g.unknown, "actions never ran and it is not known why")
	n.Recorded(order, "dependencies of test print and test barrier keep the order of packages")
	n.LeftOut(silent, "tests and vets do not say whether they failed, and count as succeeded")
	n.LeftOut(g.missing, "dependencies name actions that are not in the graph")
	n.LeftOut(g.repeated, "actions have the ID of another one, which dependencies then mean")
	times := 0
	for i := range g.actions {
		if a := &g.actions[i]; g.states[i] <= cached && g.states[i] != pending && a.TimeDone.Year() < 1970 {
			times++
		}
	}
	n.LeftOut(times, "actions started and have no end")
}
