package api

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/plan"
)

// ScheduleSummary counts the nodes of the schedule of a root. Bodies of fan-outs are counted once.
type ScheduleSummary struct {
	Root    dag.NodeID `json:"root"`
	Task    string     `json:"task" doc:"The identity of the root as text; empty for a fan-out of a constant list."`
	Tasks   int        `json:"tasks" doc:"Tasks that are reachable from the root, including itself."`
	FanOuts int        `json:"fan_outs"`
	Edges   int        `json:"edges"`
	Became  int        `json:"became" doc:"Nodes with which the worker of their only parent continues."`
	Invoked int        `json:"invoked" doc:"Nodes that it leaves to other workers."`
	FanIns  int        `json:"fan_ins" doc:"Nodes that wait for several others: the worker that completes the last of those continues."`
}

// scheduleList is one page of the schedules of a run.
type scheduleList struct {
	Schedules []ScheduleSummary `json:"schedules" doc:"Ascending by root."`
	Total     int               `json:"total"`
	Next      string            `json:"next,omitempty" doc:"Cursor of the next page; absent on the last."`
}

// schedule is a page of what a depth-first search reaches from one root.
type schedule struct {
	ScheduleSummary
	Nodes []scheduleNode `json:"nodes" doc:"In the order of the search: a node is followed by the one with which its worker continues, a fan-out by its body."`
	Next  string         `json:"next,omitempty" doc:"Cursor of the next page; absent on the last."`
}

// scheduleNode is a node of a schedule with the edges that leave it.
type scheduleNode struct {
	Scope    int32          `json:"scope" doc:"0 is the graph itself, any other the body of a fan-out, which stands for all its instances."`
	Node     uint32         `json:"node" doc:"Within the scope, numbered as in the graph."`
	Kind     string         `json:"kind" enum:"task,fanout,join"`
	Task     string         `json:"task,omitempty" doc:"The identity as text, of tasks of the graph itself."`
	Function string         `json:"function,omitempty"`
	Version  int            `json:"version,omitempty"`
	Region   int32          `json:"region,omitempty" doc:"Of a fan-out: the scope of its body."`
	Mark     string         `json:"mark" enum:"root,become,invoke,fan-in" doc:"How the node gets a worker."`
	Edges    []scheduleEdge `json:"edges"`
}

// scheduleEdge leads to a node that waits for another.
type scheduleEdge struct {
	Scope int32  `json:"scope"`
	Node  uint32 `json:"node"`
	Mark  string `json:"mark" enum:"become,invoke,fan-in" doc:"Mark of the node to which it leads."`
}

func newScheduleSummary(root dag.NodeID, size plan.Size, n *dag.Numbering) ScheduleSummary {
	s := ScheduleSummary{
		Root: root, Tasks: size.Tasks, FanOuts: size.FanOuts, Edges: size.Edges,
		Became: size.Became, Invoked: size.Invoked, FanIns: size.FanIns,
	}
	if n.IsTask(root) {
		s.Task = n.Identity(n.Locate(root)).String()
	}
	return s
}

func newScheduleNode(p *plan.Plan, n plan.Node, numbering *dag.Numbering) scheduleNode {
	scope := p.Graph().Scope(n.Scope)
	out := scheduleNode{Scope: n.Scope, Node: n.Local, Mark: p.Mark(n).String(), Edges: []scheduleEdge{}}
	switch scope.Kind(n.Local) {
	case dag.TaskNode:
		f := p.Graph().Functions()[scope.Function(n.Local)]
		out.Kind, out.Function, out.Version = "task", f.Name(), f.Options().Version
		if n.Scope == 0 {
			out.Task = numbering.Identity(numbering.Locate(dag.NodeID(n.Local))).String()
		}
	case dag.ExpandNode:
		out.Kind, out.Region = "fanout", scope.Region(n.Local)
	case dag.JoinNode:
		out.Kind = "join"
	}
	for e := range p.Edges(n) {
		out.Edges = append(out.Edges, scheduleEdge{e.To.Scope, e.To.Local, e.Mark.String()})
	}
	return out
}
