package nx

import (
	"bytes"
	"context"
	"regexp"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

// New returns the format of Nx's records of runs and graphs.
func New() records.Format { return format{} }

type format struct{}

func (format) Name() string  { return "nx" }
func (format) Title() string { return "Nx run record" }

// How a record and a graph begin.
var (
	firstOfRun   = regexp.MustCompile(`^\s*\{\s*"run"\s*:\s*\{\s*"command"\s*:`)
	firstOfGraph = regexp.MustCompile(`^\s*\{\s*"graph"\s*:\s*\{\s*"nodes"\s*:`)
)

func (format) Sniff(_ string, head []byte) records.Part {
	switch {
	case firstOfRun.Match(head) && bytes.Contains(head, []byte(`"tasks"`)):
		return records.Main
	case firstOfGraph.Match(head):
		return records.Companion
	}
	return records.Foreign
}

// runRecord is the record of a run.
type runRecord struct {
	Run struct {
		Command   string `json:"command"`
		StartTime string `json:"startTime"`
		EndTime   string `json:"endTime"`
	} `json:"run"`
	Tasks []task `json:"tasks"`
}

// task is one task of a record. Status is the exit code.
type task struct {
	TaskID      string `json:"taskId"`
	Target      string `json:"target"`
	Hash        string `json:"hash"`
	StartTime   string `json:"startTime"`
	EndTime     string `json:"endTime"`
	Params      string `json:"params"`
	CacheStatus string `json:"cacheStatus"`
	Status      *int   `json:"status"`
}

// graph is what --graph writes; the graph of projects in it is not used.
type graph struct {
	Tasks struct {
		Tasks map[string]struct {
			Target struct {
				Target string `json:"target"`
			} `json:"target"`
		} `json:"tasks"`
		Dependencies map[string][]string `json:"dependencies"`
	} `json:"tasks"`
}

func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var graphs []*graph
	for i := range files {
		if files[i].Part == records.Companion {
			g := &graph{}
			if err := document.Read(&files[i], g, "a graph of tasks of Nx"); err != nil {
				return nil, err
			}
			graphs = append(graphs, g)
		}
	}
	return records.ReadEach(ctx, files, func(f *records.File) (*records.Run, error) {
		var doc runRecord
		if err := document.Read(f, &doc, "a record of a run of Nx"); err != nil {
			return nil, err
		}
		return doc.run(f, graphs)
	})
}
