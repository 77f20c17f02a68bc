package dbt

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

// manifest is what is read of the nodes of a project.
type manifest struct {
	path       string
	metadata   metadata
	nodes      map[string]*node
	incomplete string
}

// node is a node of a manifest. before are what it depends on, from its own list or else from parent_map.
type node struct {
	name         string
	kind         string // of a model: how it is materialized
	file         string
	code         string
	before       []string
	materialized string
}

// member is a node as a manifest has it.
type member struct {
	Name      string `json:"name"`
	Kind      string `json:"resource_type"`
	File      string `json:"original_file_path"`
	Compiled  string `json:"compiled_code"`
	CompileD  string `json:"compiled_sql"`
	DependsOn struct {
		Nodes []string `json:"nodes"`
	} `json:"depends_on"`
	Config struct {
		Materialized string `json:"materialized"`
	} `json:"config"`
}

// of reports whether both were written by one invocation, as far as that is recorded.
func (m *manifest) of(r *results) bool {
	return m.metadata.Invocation != "" && m.metadata.Invocation == r.metadata.Invocation
}

func readManifest(path string, in io.Reader) (*manifest, error) {
	m := &manifest{path: path, nodes: map[string]*node{}}
	d := json.NewDecoder(in)
	parents := map[string][]string{}
	edges := 0
	count := func(n int) error {
		if edges += n; edges > records.MaxEdges || len(m.nodes) > records.MaxTasks {
			return fmt.Errorf("%w: %s: more than %d nodes or %d dependencies", records.ErrTooLarge, path, records.MaxTasks, records.MaxEdges)
		}
		return nil
	}
	var limit error
	err := document.Members(d, func(name string) error {
		switch name {
		case "metadata":
			return d.Decode(&m.metadata)
		case "nodes", "unit_tests", "saved_queries", "semantic_models", "metrics", "exposures", "sources":
			return document.Members(d, func(id string) error {
				var one member
				if err := d.Decode(&one); err != nil {
					return err
				}
				m.nodes[id] = nodeOf(&one)
				limit = count(len(one.DependsOn.Nodes))
				return limit
			})
		case "parent_map":
			return document.Members(d, func(id string) error {
				var before []string
				if err := d.Decode(&before); err != nil {
					return err
				}
				parents[id] = before
				limit = count(len(before))
				return limit
			})
		}
		var skipped json.RawMessage
		return d.Decode(&skipped)
	})
	switch {
	case limit != nil:
		return nil, limit
	case err != nil && len(m.nodes) == 0:
		return nil, &records.Fault{Path: path, Byte: d.InputOffset(), Text: "expected a manifest with nodes: " + err.Error()}
	case err != nil:
		m.incomplete = fmt.Sprintf("%s cannot be read beyond byte %d: %v", path, d.InputOffset(), err)
	}
	for id, before := range parents {
		if n := m.nodes[id]; n == nil {
			m.nodes[id] = &node{before: before}
		} else if n.before == nil {
			n.before = before
		}
	}
	return m, nil
}

func nodeOf(one *member) *node {
	n := &node{name: one.Name, kind: one.Kind, file: one.File, code: one.Compiled, before: one.DependsOn.Nodes, materialized: one.Config.Materialized}
	if n.code == "" {
		n.code = one.CompileD
	}
	return n
}
