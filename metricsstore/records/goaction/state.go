package goaction

import (
	"slices"
	"strings"
)

// state is how an action ended.
type state uint8

const (
	ok state = iota
	pending
	cached
	failed
	skipped
)

// Modes with rules of their own.
const (
	build    = "build"
	link     = "link"
	vet      = "vet"
	testRun  = "test run"
	barrier  = "test barrier"
	print    = "test print"
	check    = "build check cache"
	testTail = ".test" // of the package of the program of a test
)

// graph is a graph of actions with what follows from it.
type graph struct {
	actions  []action
	deps     [][]int32 // by action: numbers of actions
	triggers [][]int32 // the other way around
	states   []state
	missing  int // dependencies that name no action
	repeated int // actions with an ID that occurred before
	guessed  int // failures that follow from what never ran
	unknown  int // builds that never ran for an unknown reason
	results  int // runs of tests whose results are cached
}

func newGraph(actions []action) *graph {
	g := &graph{actions: actions, states: make([]state, len(actions))}
	g.deps, g.triggers = make([][]int32, len(actions)), make([][]int32, len(actions))
	number := make(map[int]int32, len(actions))
	for i := range actions {
		if _, known := number[actions[i].ID]; known {
			g.repeated++
			continue
		}
		number[actions[i].ID] = int32(i)
	}
	for i := range actions {
		for _, id := range actions[i].Deps {
			d, known := number[id]
			if !known || d == int32(i) {
				g.missing++
				continue
			}
			g.deps[i] = append(g.deps[i], d)
		}
		slices.Sort(g.deps[i])
		g.deps[i] = slices.Compact(g.deps[i])
		for _, d := range g.deps[i] {
			g.triggers[d] = append(g.triggers[d], int32(i))
		}
	}
	g.settle()
	return g
}

// settle finds how each action ended.
func (g *graph) settle() {
	var roots, never []int32
	for i := range g.actions {
		switch g.states[i] = g.actions[i].alone(); g.states[i] {
		case failed:
			roots = append(roots, int32(i))
		case skipped:
			never = append(never, int32(i))
		}
	}
	g.block(roots)
	for _, n := range never {
		if !g.blocked(n) {
			if culprit := g.culprit(n); culprit >= 0 {
				g.states[culprit] = failed
				g.guessed++
				g.block([]int32{culprit})
			} else {
				g.unknown++
			}
		}
		g.block([]int32{n})
	}
	g.cachedTests()
}

// alone is how an action ended as far as it says itself; skipped is for builds and links that never ran.
func (a *action) alone() state {
	idle := !a.ran() && a.BuildID == ""
	switch {
	case a.TimeStart.Year() < 1970:
		return pending
	case a.Mode == build && a.NeedBuild, a.Mode == link:
		switch {
		case a.ran() && a.BuildID == "":
			return failed
		case a.ran():
			return ok
		case a.BuildID != "":
			return cached
		case a.Mode == link && a.ActionID != "":
			return cached
		}
		return skipped
	case a.Mode == build && !idle && !a.ran():
		return cached
	}
	return ok
}

// block skips what waits for actions that failed or never ran, unless it ignores failures and is no vet or run of a
// test, which return at once if there is nothing to check or run. A failure passes by a test barrier: other barriers,
// and what they hold back, are not affected by it.
func (g *graph) block(from []int32) {
	for len(from) > 0 {
		a := from[len(from)-1]
		from = from[:len(from)-1]
		for _, t := range g.triggers[a] {
			if g.actions[t].Mode == barrier {
				for _, after := range g.triggers[t] {
					if g.actions[after].Mode != barrier && g.skip(after) {
						from = append(from, after)
					}
				}
			} else if g.skip(t) {
				from = append(from, t)
			}
		}
	}
}

// skip makes an action skipped if a failure before it does that, and reports whether it was not before.
func (g *graph) skip(n int32) bool {
	a := &g.actions[n]
	if g.states[n] != ok || a.ran() || a.IgnoreFail && a.Mode != vet && a.Mode != testRun {
		return false
	}
	g.states[n] = skipped
	return true
}

// blocked reports whether an action waits for one that failed or was skipped.
func (g *graph) blocked(n int32) bool {
	return slices.ContainsFunc(g.deps[n], func(d int32) bool { return g.states[d] == failed || g.states[d] == skipped })
}

// culprit is the only action that ran commands, says nothing about their success, and has nothing between itself and
// an action that never ran but what has no commands. It is -1 if there are several or none.
func (g *graph) culprit(n int32) int32 {
	found := int32(-1)
	seen := map[int32]bool{n: true}
	for stack := []int32{n}; len(stack) > 0; {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, d := range g.deps[at] {
			a := &g.actions[d]
			if seen[d] || a.Mode == build || a.Mode == link || a.Mode == check || a.IgnoreFail {
				continue
			}
			seen[d] = true
			if !a.ran() {
				stack = append(stack, d)
			} else if found >= 0 {
				return -1
			} else {
				found = d
			}
		}
	}
	return found
}

// cachedTests finds runs of tests whose programs were not linked, as their results are cached.
func (g *graph) cachedTests() {
	unlinked := map[string]bool{}
	for i := range g.actions {
		a := &g.actions[i]
		if p, is := strings.CutSuffix(a.Package, testTail); is && a.Mode == link && g.states[i] == cached && a.BuildID == "" {
			unlinked[p] = true
		}
	}
	for i := range g.actions {
		if a := &g.actions[i]; a.Mode == testRun && g.states[i] == ok && !a.ran() && unlinked[a.Package] {
			g.states[i] = cached
			g.results++
		}
	}
}
