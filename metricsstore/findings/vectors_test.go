package findings_test

import (
	"flag"
	"testing"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/internal/testkit/vectortest"
	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/findings"
)

var update = flag.Bool("update", false, "write the vectors anew")

// runCase is a run with what its table does not hold.
type runCase struct {
	vectortest.Run
	context findings.Context
	at      int64 // of a live run, when it is seen
}

// found is what is worth saying of a run, as static/test/model/findings-vectors.test.ts reads it.
type found struct {
	Context  pageContext `json:"context"`
	At       int64       `json:"atNs"`
	Findings []said      `json:"findings"`
}

// pageContext is findings.Context as the page has it.
type pageContext struct {
	Status   string         `json:"status"`
	Failure  *pageFailure   `json:"failure"`
	Imported *pageRecording `json:"imported"`
	Expected *pageExpected  `json:"expected"`
}

type pageFailure struct {
	Kind    string      `json:"kind"`
	Node    *dag.NodeID `json:"node"`
	Message string      `json:"message"`
	Attempt int         `json:"attempt"`
}

type pageRecording struct {
	Recorded      int64 `json:"recordedNs"`
	Explained     int64 `json:"explainedNs"`
	Reconstructed bool  `json:"isReconstructed"`
}

type pageExpected struct {
	P10  float64 `json:"p10Ns"`
	P90  float64 `json:"p90Ns"`
	Runs int     `json:"runs"`
}

// said is a finding in little room.
type said struct {
	Kind     findings.Kind  `json:"kind"`
	Reason   bool           `json:"reason"`
	Sentence string         `json:"sentence"`
	Nodes    []dag.NodeID   `json:"nodes"`
	NS       *int64         `json:"ns"`
	Bound    findings.Bound `json:"bound"`
	Tasks    int            `json:"tasks"`
	Query    string         `json:"query"`
}

func newPageContext(c *findings.Context) pageContext {
	out := pageContext{Status: string(c.Status)}
	if c.EndUnknown {
		out.Status = "unknown"
	}
	if f := c.Failure; f != nil {
		out.Failure = &pageFailure{Kind: string(f.Kind), Message: f.Message, Attempt: f.Attempt}
		if f.Task != "" {
			out.Failure.Node = &f.Node
		}
	}
	if r := c.Recording; r != nil {
		out.Imported = &pageRecording{r.Makespan, r.Explained, r.Reconstructed}
	}
	if e := c.Expected; e != nil {
		out.Expected = &pageExpected{e.P10, e.P90, e.Runs}
	}
	return out
}

// TestVectors holds the findings to the vectors that the page is held to: runs made by hand, of built-in workflows, and
// random ones.
func TestVectors(t *testing.T) {
	var got []vectortest.Vector[found]
	for _, c := range append(handmade(t), simulated(t)...) {
		table := c.Table(t)
		f := found{Context: newPageContext(&c.context), At: c.at}
		for _, one := range findings.Of(analysis.New(table, c.Workers, c.Recorded), c.at, &c.context).Findings {
			s := said{one.Kind, one.Reason, one.Sentence, []dag.NodeID{}, one.NS, one.Bound, one.Tasks, one.Query}
			for _, task := range one.Named {
				s.Nodes = append(s.Nodes, task.Node)
			}
			f.Findings = append(f.Findings, s)
		}
		got = append(got, vectortest.New(&c.Run, table, f))
	}
	vectortest.Hold(t, "testdata/vectors.json", *update, got)
}
