package nextflow

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"regexp"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// Limits of graphs.
const (
	maxGraph = 64 << 20   // bytes of a file
	maxVisit = 20_000_000 // steps from process to process
)

// graph is a graph of processes and operators.
type graph struct {
	path  string
	nodes []node
	index map[string]int
}

// node is a process, or anything else, which passes values on.
type node struct {
	process string // empty if it is not one
	gathers bool   // an operator that waits for all values
	next    []int
}

// link says that values go from one process to another.
type link struct {
	from, to string
	gathers  bool // an operator between them waits for all values
}

// gathering are the operators that emit after the last value has arrived.
var gathering = map[string]bool{
	"collect": true, "toList": true, "toSortedList": true, "collectFile": true, "reduce": true, "count": true, "sum": true,
	"min": true, "max": true, "last": true,
}

var (
	dotDeclared = regexp.MustCompile(`^\s*(\w+) \[(.*)\];?\s*$`)
	dotEdge     = regexp.MustCompile(`^\s*(\w+) -> (\w+)\b`)
	dotLabel    = regexp.MustCompile(`(?:^|,)label="((?:[^"\\]|\\.)*)"`)
	dotXLabel   = regexp.MustCompile(`xlabel="((?:[^"\\]|\\.)*)"`)
	merGroup    = regexp.MustCompile(`^\s*subgraph\s+(.*?)\s*$`)
	merTitle    = regexp.MustCompile(`\[\s*"?(.*?)"?\s*\]$`)
	merProcess  = regexp.MustCompile(`^\s*(\w+)\(\[\s*"?(.*?)"?\s*\]\)\s*$`)
	merOther    = regexp.MustCompile(`^\s*(\w+)(?:\(\(.*\)\)|\[.*\])\s*$`)
	merEdge     = regexp.MustCompile(`^\s*(\w+)\s*(?:-->|--\s.*?-->)\s*(?:\|.*?\|)?\s*(\w+)\s*$`)
)

func readGraph(f *records.File, k kind) (*graph, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	lines := bufio.NewScanner(io.LimitReader(in, maxGraph+1))
	lines.Buffer(nil, maxLine)
	g := &graph{path: f.Path, index: map[string]int{}}
	var groups []string
	size := 0
	for lines.Scan() {
		if size += len(lines.Bytes()) + 1; size > maxGraph {
			return nil, &records.Fault{Path: f.Path, Byte: -1, Text: fmt.Sprintf("the graph is larger than %d bytes", maxGraph)}
		}
		if k == dot {
			g.addDot(lines.Text())
		} else {
			groups = g.addMermaid(html.UnescapeString(lines.Text()), groups)
		}
	}
	if lines.Err() == bufio.ErrTooLong {
		return nil, &records.Fault{Path: f.Path, Byte: -1, Text: fmt.Sprintf("a line of the graph is longer than %d bytes", maxLine)}
	}
	return g, lines.Err()
}

func (g *graph) node(name string) int {
	if at, ok := g.index[name]; ok {
		return at
	}
	g.index[name] = len(g.nodes)
	g.nodes = append(g.nodes, node{})
	return len(g.nodes) - 1
}

func (g *graph) edge(from, to string) {
	a, b := g.node(from), g.node(to)
	g.nodes[a].next = append(g.nodes[a].next, b)
}

// addDot reads a line of DOT, where nodes are declared again at each of their edges.
func (g *graph) addDot(line string) {
	if m := dotEdge.FindStringSubmatch(line); m != nil {
		g.edge(m[1], m[2])
		return
	}
	m := dotDeclared.FindStringSubmatch(line)
	if m == nil {
		return
	}
	n := &g.nodes[g.node(m[1])]
	if x := dotXLabel.FindStringSubmatch(m[2]); x != nil {
		n.gathers = gathering[x[1]]
	}
	if label := dotLabel.FindStringSubmatch(m[2]); label != nil && !strings.Contains(m[2], "shape=") {
		n.process = label[1]
	}
}

// addMermaid reads a line of Mermaid, where groups are workflows, and returns the groups that it is in.
func (g *graph) addMermaid(line string, groups []string) []string {
	if m := merGroup.FindStringSubmatch(line); m != nil {
		title := strings.Trim(m[1], `"`)
		if t := merTitle.FindStringSubmatch(title); t != nil {
			title = t[1]
		}
		return append(groups, strings.TrimSpace(title))
	}
	switch m := merProcess.FindStringSubmatch(line); {
	case m != nil:
		var full []string
		for _, group := range groups {
			if group != "" {
				full = append(full, group)
			}
		}
		g.nodes[g.node(m[1])].process = strings.Join(append(full, m[2]), ":")
		return groups
	case strings.TrimSpace(line) == "end" && len(groups) > 0:
		return groups[:len(groups)-1]
	}
	if m := merEdge.FindStringSubmatch(line); m != nil {
		g.edge(m[1], m[2])
	} else if m := merOther.FindStringSubmatch(line); m != nil {
		g.node(m[1])
	}
	return groups
}

// links are the connections between processes, over operators. complete is false if the graph is too large to follow
// all of them.
func (g *graph) links() (links []link, complete bool) {
	visited := 0
	for start := range g.nodes {
		if g.nodes[start].process == "" {
			continue
		}
		type state struct {
			at      int
			gathers bool
		}
		seen := map[state]bool{}
		queue := []state{{start, false}}
		for len(queue) > 0 {
			s := queue[len(queue)-1]
			queue = queue[:len(queue)-1]
			for _, to := range g.nodes[s.at].next {
				if visited++; visited > maxVisit {
					return links, false
				}
				next := state{to, s.gathers || g.nodes[to].gathers}
				if seen[next] {
					continue
				}
				seen[next] = true
				if g.nodes[to].process != "" {
					links = append(links, link{g.nodes[start].process, g.nodes[to].process, s.gathers})
				} else {
					queue = append(queue, next)
				}
			}
		}
	}
	return links, true
}
