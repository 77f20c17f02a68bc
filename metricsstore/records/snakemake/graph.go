package snakemake

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

var (
	nodeLine = regexp.MustCompile(`^\s*(\d+)\[label = "((?:[^"\\]|\\.)*)"(.*)\];?\s*$`)
	edgeLine = regexp.MustCompile(`^\s*(\d+) -> (\d+)\s*;?\s*$`)
)

func (d *drop) readGraph(path string, in io.Reader) error {
	g := &graph{index: map[string]int{}}
	text := bufio.NewScanner(in)
	text.Buffer(nil, maxLine)
	for text.Scan() {
		if m := nodeLine.FindStringSubmatch(text.Text()); m != nil {
			g.add(m[1], m[2], m[3])
		} else if m := edgeLine.FindStringSubmatch(text.Text()); m != nil {
			from, ok := g.index[m[1]]
			to, ok2 := g.index[m[2]]
			if ok && ok2 {
				g.edges = append(g.edges, [2]int{from, to})
			}
		}
		if len(g.nodes) > records.MaxTasks || len(g.edges) > records.MaxEdges {
			return fmt.Errorf("%w: %s: more than %d jobs or %d edges", records.ErrTooLarge, path, records.MaxTasks, records.MaxEdges)
		}
	}
	if errors.Is(text.Err(), bufio.ErrTooLong) {
		return &records.Fault{Path: path, Byte: -1, Text: fmt.Sprintf("a line of the graph is longer than %d bytes", maxLine)}
	}
	d.graphs = append(d.graphs, g)
	return text.Err()
}

func (g *graph) add(id, label, attributes string) {
	parts := strings.Split(label, `\n`)
	v := vertex{rule: parts[0], dashed: strings.Contains(attributes, "dashed")}
	for _, part := range parts[1:] {
		if name, value, ok := strings.Cut(part, ": "); ok {
			v.wildcards = append(v.wildcards, name+"="+value)
		}
	}
	g.index[id] = len(g.nodes)
	g.nodes = append(g.nodes, v)
}

// fits reports whether a job can be the vertex.
func (v *vertex) fits(j *job) bool {
	if j.rule != v.rule {
		return false
	}
	all := ", " + j.wildcards + ", "
	for _, w := range v.wildcards {
		if !strings.Contains(all, ", "+w+", ") {
			return false
		}
	}
	return true
}

// attachGraphs adds the dependencies of a graph to the jobs of a log that are the only ones that fit a vertex.
func (d *drop) attachGraphs(s *sheet) {
	byRule := map[string][]*job{}
	for _, j := range s.jobs {
		byRule[j.rule] = append(byRule[j.rule], j)
	}
	for _, g := range d.graphs {
		found := make([]*job, len(g.nodes))
		taken := map[*job]int{}
		steps := 0
		for i := range g.nodes {
			v := &g.nodes[i]
			for _, j := range byRule[v.rule] {
				if steps++; steps > 20_000_000 {
					break
				}
				if !v.fits(j) {
					continue
				}
				if found[i] != nil {
					found[i] = nil
					break
				}
				found[i] = j
			}
			if found[i] != nil {
				taken[found[i]]++
			}
		}
		s.follow(g, found, taken)
	}
}

// follow adds the edges between the jobs that were found, each for one vertex only.
func (s *sheet) follow(g *graph, found []*job, taken map[*job]int) {
	added, unknown, absent := 0, 0, 0
	for i, j := range found {
		switch {
		case j != nil && taken[j] == 1:
		case j == nil && g.nodes[i].dashed:
			absent++
			found[i] = nil
		default:
			unknown++
			found[i] = nil
		}
	}
	if absent+unknown == len(found) {
		s.notes.LeftOut(1, "graphs have no job of the log")
		return
	}
	for _, e := range g.edges {
		from, to := found[e[0]], found[e[1]]
		if from != nil && to != nil && from != to {
			to.after = append(to.after, from)
			added++
		}
	}
	s.notes.Recorded(added, "dependencies are in the graph of the workflow")
	s.notes.LeftOut(unknown, "jobs of the graph fit no job of the log, or several")
	s.notes.LeftOut(absent, "jobs of the graph did not have to run and are not in the log")
}
