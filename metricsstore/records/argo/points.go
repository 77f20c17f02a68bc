package argo

import (
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// points are the tasks of a workflow, and the beginnings and ends of nodes with members between them. A point that is
// no task is resolved to the tasks before it.
type points struct {
	task   []int32 // of each point, records.None for one that is resolved
	node   []int   // of each point, the node that it belongs to
	before [][]int32
}

// barrierEdges is how many edges a point may be resolved to.
const barrierEdges = 1 << 14

func (p *points) add(task int32, node int) int32 {
	p.task, p.node, p.before = append(p.task, task), append(p.node, node), append(p.before, nil)
	return int32(len(p.task) - 1)
}

func (p *points) connect(from, to int32) {
	if from != to {
		p.before[to] = append(p.before[to], from)
	}
}

// order is the points, each after those before it. Points in a circle come last, and their number is circular.
func (p *points) order() (order []int32, circular int) {
	after := make([][]int32, len(p.task))
	missing := make([]int, len(p.task))
	for to, list := range p.before {
		missing[to] = len(list)
		for _, from := range list {
			after[from] = append(after[from], int32(to))
		}
	}
	for i, n := range missing {
		if n == 0 {
			order = append(order, int32(i))
		}
	}
	for i := 0; i < len(order); i++ {
		for _, to := range after[order[i]] {
			if missing[to]--; missing[to] == 0 {
				order = append(order, to)
			}
		}
	}
	circular = len(p.task) - len(order)
	for i, n := range missing {
		if n > 0 {
			order = append(order, int32(i))
		}
	}
	return order, circular
}

// resolve gives each task its parents. barrier makes a task of a point that stands for too many edges.
func (p *points) resolve(tasks *[]records.Task, barrier func(node int) records.Task) (circular int, err error) {
	uses := make([]int, len(p.task))
	for _, list := range p.before {
		for _, from := range list {
			uses[from]++
		}
	}
	order, circular := p.order()
	resolved := make([][]int32, len(p.task))
	done := make([]bool, len(p.task))
	edges := 0
	for _, i := range order {
		parents := p.parents(i, resolved, done)
		if edges += len(parents); edges > records.MaxEdges {
			return 0, fmt.Errorf("%w: more than %d edges", records.ErrTooLarge, records.MaxEdges)
		}
		done[i] = true
		if p.task[i] == records.None && len(parents) > 1 && len(parents)*uses[i] > barrierEdges {
			p.task[i] = int32(len(*tasks))
			*tasks = append(*tasks, barrier(p.node[i]))
		}
		if t := p.task[i]; t != records.None {
			(*tasks)[t].Parents = parents
			parents = []int32{t}
		}
		resolved[i] = parents
	}
	return circular, nil
}

func (p *points) parents(i int32, resolved [][]int32, done []bool) []int32 {
	var parents []int32
	for _, from := range p.before[i] {
		if done[from] {
			parents = append(parents, resolved[from]...)
		}
	}
	if t := p.task[i]; t != records.None {
		parents = slices.DeleteFunc(parents, func(parent int32) bool { return parent == t })
	}
	slices.Sort(parents)
	return slices.Compact(parents)
}
