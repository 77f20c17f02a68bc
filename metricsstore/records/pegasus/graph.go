package pegasus

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// graph is what a DAG file or a static.bp says.
type graph struct {
	file  string
	plan  bool // it is a static.bp
	name  string
	order []string
	nodes map[string]*node
	edges int
	cut   int // edges that are too many
	tasks map[string]abstract
	of    map[string]string // task of a job
}

// node is one node of the graph.
type node struct {
	parents  map[string]bool
	submit   string // its submit file, or the DAG file of a sub-workflow
	function string
	command  string
	nested   bool // it is a sub-workflow
	done     bool
}

// abstract is a task of the abstract workflow.
type abstract struct{ transformation, argv string }

func newGraph() *graph {
	return &graph{nodes: map[string]*node{}, tasks: map[string]abstract{}, of: map[string]string{}}
}

func (g *graph) node(name string) *node {
	n := g.nodes[name]
	if n == nil {
		n = &node{parents: map[string]bool{}}
		g.nodes[name] = n
		g.order = append(g.order, name)
	}
	return n
}

func (g *graph) edge(parent, child string) {
	if g.edges == records.MaxEdges {
		g.cut++
		return
	}
	g.node(parent)
	if n := g.node(child); !n.parents[parent] {
		n.parents[parent] = true
		g.edges++
	}
}

// merge adds what another graph says.
func (g *graph) merge(from *graph) {
	if from.name != "" {
		g.name = from.name
	}
	g.cut += from.cut
	for _, name := range from.order {
		g.node(name)
	}
	for _, name := range from.order {
		to, n := g.node(name), from.nodes[name]
		for _, p := range [][2]*string{{&to.submit, &n.submit}, {&to.function, &n.function}, {&to.command, &n.command}} {
			if *p[0] == "" {
				*p[0] = *p[1]
			}
		}
		to.nested, to.done = to.nested || n.nested, to.done || n.done
		for parent := range n.parents {
			g.edge(parent, name)
		}
	}
}

// maxLine bounds a line; the command of a node can be long.
const maxLine = 1 << 20

// readGraphs reads the files that are Companion.
func readGraphs(files []records.File) ([]*graph, error) {
	var all []*graph
	for i := range files {
		if files[i].Part != records.Companion {
			continue
		}
		g := newGraph()
		g.file = files[i].Path
		if err := g.read(&files[i]); err != nil {
			return nil, err
		}
		g.resolve()
		all = append(all, g)
	}
	return all, nil
}

func (g *graph) read(f *records.File) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	all := lines.New(r, maxLine)
	for all.Next() {
		line := strings.TrimSpace(string(all.Bytes()))
		if strings.HasPrefix(line, "ts=") {
			g.plan = true
			g.event(line)
		} else {
			g.line(line)
		}
		if len(g.order) > records.MaxTasks {
			return fmt.Errorf("%s: %w: more than %d nodes", f.Path, records.ErrTooLarge, records.MaxTasks)
		}
	}
	return all.Err()
}

// line reads a line of a DAG file. Keywords may be in any case, names are not.
func (g *graph) line(line string) {
	if name, ok := strings.CutPrefix(line, "# DAG "); ok && g.name == "" {
		g.name = strings.TrimSpace(name)
	}
	words := strings.Fields(line)
	if len(words) < 2 {
		return
	}
	switch strings.ToUpper(words[0]) {
	case "JOB", "FINAL", "PROVISIONER", "SERVICE":
		if len(words) < 3 {
			return
		}
		n := g.node(words[1])
		n.submit = words[2]
		n.done = strings.EqualFold(words[len(words)-1], "DONE")
	case "SUBDAG":
		if len(words) >= 4 {
			n := g.node(words[2])
			n.submit, n.nested = words[3], true
			n.done = strings.EqualFold(words[len(words)-1], "DONE")
		}
	case "DONE":
		g.node(words[1]).done = true
	case "PARENT":
		parents, isChild := []string(nil), false
		for _, w := range words[1:] {
			switch {
			case strings.EqualFold(w, "CHILD") && !isChild:
				isChild = true
			case isChild:
				for _, p := range parents {
					g.edge(p, w)
				}
			default:
				parents = append(parents, w)
			}
		}
	}
}

// pair is a key with its value, in double quotes or not.
var pair = regexp.MustCompile(`([\w.]+)=("((?:[^"\\]|\\.)*)"|\S*)`)

// event reads a line of a static.bp.
func (g *graph) event(line string) {
	v := map[string]string{}
	for _, m := range pair.FindAllStringSubmatch(line, -1) {
		if v[m[1]] = m[2]; strings.HasPrefix(m[2], `"`) {
			v[m[1]] = strings.ReplaceAll(m[3], `\"`, `"`)
		}
	}
	switch v["event"] {
	case "task.info":
		g.tasks[v["task.id"]] = abstract{v["transformation"], v["argv"]}
	case "wf.map.task_job":
		if job := v["job.id"]; g.of[job] == "" {
			g.of[job] = v["task.id"]
		}
	case "job.info":
		if v["job.id"] == "" {
			return
		}
		n := g.node(v["job.id"])
		n.submit, n.function = v["submit_file"], v["type_desc"]
		n.nested = n.function == "dax" || n.function == "dag"
		n.command = short(strings.TrimSpace(v["executable"] + " " + v["argv"]))
	case "job.edge":
		if v["parent.job.id"] != "" && v["child.job.id"] != "" {
			g.edge(v["parent.job.id"], v["child.job.id"])
		}
	}
}

// resolve gives jobs that compute the function and the arguments of the task that they are for.
func (g *graph) resolve() {
	for job, task := range g.of {
		n := g.nodes[job]
		if a, ok := g.tasks[task]; ok && n != nil {
			if n.function == "compute" || n.function == "" {
				n.function = a.transformation
			}
			if a.argv != "" && !strings.Contains(n.command, a.argv) {
				n.command = short(strings.TrimSpace(n.command + " " + a.argv))
			}
		}
	}
}

// numbered is how Pegasus ends the names of jobs for tasks.
var numbered = regexp.MustCompile(`_ID\d+$`)

// kinds are the beginnings of the names that Pegasus gives to jobs that it adds.
var kinds = []string{"stage_in", "stage_out", "stage_inter", "stage_worker", "create_dir", "clean_up", "cleanup", "register", "pegasus-plan", "subdax", "chmod", "merge"}

// functionOf names what a node has in common with others: what the plan says, else what Pegasus puts in names, else the
// submit file if that has another name than the node.
func functionOf(name string, n *node, isPegasus bool) string {
	if n.function != "" {
		return n.function
	}
	if isPegasus {
		if at := numbered.FindStringIndex(name); at != nil {
			return name[:at[0]]
		}
		for _, k := range kinds {
			if strings.HasPrefix(name, k+"_") {
				return k
			}
		}
	}
	base := path.Base(n.submit)
	if base = strings.TrimSuffix(base, path.Ext(base)); n.submit != "" && base != name {
		return base
	}
	return ""
}

func short(text string) string {
	if len(text) > records.MaxText {
		return strings.ToValidUTF8(text[:records.MaxText], "")
	}
	return text
}
