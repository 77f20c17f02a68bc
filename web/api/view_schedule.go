package api

import (
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/plan"
)

// ScheduleSummary tells how much the schedule of a root holds. Bodies of fan-outs are counted once.
type ScheduleSummary struct {
	Root    engine.NodeID `json:"root"`
	Task    string        `json:"task" doc:"The identity of the root as text; empty for a fan-out of a constant list."`
	Tasks   int           `json:"tasks" doc:"Tasks that the root leads to, itself included."`
	FanOuts int           `json:"fan_outs"`
	Edges   int           `json:"edges"`
	Became  int           `json:"became" doc:"Nodes that the worker of the one that they wait for goes on with."`
	Invoked int           `json:"invoked" doc:"Nodes that it hands out."`
	FanIns  int           `json:"fan_ins" doc:"Nodes that wait for several: whoever ends the last of those goes on."`
}

// ScheduleList is one page of the schedules of a run.
type ScheduleList struct {
	Schedules []ScheduleSummary `json:"schedules" doc:"Ascending by root."`
	Total     int               `json:"total"`
	Next      string            `json:"next,omitempty" doc:"The cursor of the following page; absent on the last."`
}

// Schedule is what a depth-first search reaches from one root, a part of it.
type Schedule struct {
	ScheduleSummary
	Nodes []ScheduleNode `json:"nodes" doc:"In the order of the search: behind a node comes what its worker goes on with, behind a fan-out its body."`
	Next  string         `json:"next,omitempty" doc:"The cursor of the following page; absent on the last."`
}

// ScheduleNode is a node of a schedule with the edges that leave it.
type ScheduleNode struct {
	Scope    int32          `json:"scope" doc:"0 is the graph itself, any other the body of a fan-out, which stands for all its instances."`
	Node     uint32         `json:"node" doc:"Within the scope, numbered as in the graph."`
	Kind     string         `json:"kind" enum:"task,fanout,join"`
	Task     string         `json:"task,omitempty" doc:"The identity as text, of tasks of the graph itself."`
	Function string         `json:"function,omitempty"`
	Version  int            `json:"version,omitempty"`
	Region   int32          `json:"region,omitempty" doc:"Of a fan-out: the scope of its body."`
	Mark     string         `json:"mark" enum:"root,become,invoke,fan-in" doc:"How a worker comes to execute it."`
	Edges    []ScheduleEdge `json:"edges"`
}

// ScheduleEdge leads to a node that waits for another.
type ScheduleEdge struct {
	Scope int32  `json:"scope"`
	Node  uint32 `json:"node"`
	Mark  string `json:"mark" enum:"become,invoke,fan-in" doc:"That of the node it leads to."`
}

func newScheduleSummary(root engine.NodeID, size plan.Size, n *engine.Numbering) ScheduleSummary {
	s := ScheduleSummary{
		Root: root, Tasks: size.Tasks, FanOuts: size.FanOuts, Edges: size.Edges,
		Became: size.Became, Invoked: size.Invoked, FanIns: size.FanIns,
	}
	if n.IsTask(root) {
		s.Task = n.Identity(n.Locate(root)).String()
	}
	return s
}

func newScheduleNode(p *plan.Plan, n plan.Node, numbering *engine.Numbering) ScheduleNode {
	scope := p.Graph().Scope(n.Scope)
	out := ScheduleNode{Scope: n.Scope, Node: n.Local, Mark: p.Mark(n).String(), Edges: []ScheduleEdge{}}
	switch scope.Kind(n.Local) {
	case engine.TaskNode:
		f := p.Graph().Functions()[scope.Function(n.Local)]
		out.Kind, out.Function, out.Version = "task", f.Name(), f.Options().Version
		if n.Scope == 0 {
			out.Task = numbering.Identity(numbering.Locate(engine.NodeID(n.Local))).String()
		}
	case engine.ExpandNode:
		out.Kind, out.Region = "fanout", scope.Region(n.Local)
	case engine.JoinNode:
		out.Kind = "join"
	}
	for e := range p.Edges(n) {
		out.Edges = append(out.Edges, ScheduleEdge{e.To.Scope, e.To.Local, e.Mark.String()})
	}
	return out
}
