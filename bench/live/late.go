package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/cmd/app/bench"
)

// Ranks of the states of a task, as the probe numbers them.
const (
	ready = 1 + iota
	fetching
	running
	storing
	ended
)

// late compares when things happened, as the service recorded it, with when the page showed them. What happened before
// the page watched does not count. All processes share the machine's clock.
func (s *screen) late(ctx context.Context, run summary, from float64, saw seen) ([]lateness, error) {
	attempts, err := s.attempts(ctx, run.Run)
	if err != nil {
		return nil, err
	}
	start := float64(run.Started.UnixNano()) / 1e6
	first := map[[2]int]float64{} // node and rank: when a page first showed this or more
	for _, c := range saw.Changes {
		for rank := int(c[1]); rank >= ready; rank-- {
			if key := [2]int{int(c[0]), rank}; first[key] == 0 {
				first[key] = c[2]
			}
		}
	}
	var out []lateness
	for _, kind := range []struct {
		change string
		rank   int
		at     func(attempt) int64
	}{
		{"ready", ready, func(a attempt) int64 { return a.Ready }},
		{"started", running, func(a attempt) int64 { return a.Started }},
		{"ended", ended, func(a attempt) int64 { return a.Updated }},
	} {
		l := lateness{change: kind.change}
		for _, a := range attempts {
			happened := start + float64(kind.at(a))/1e6
			if happened < from {
				continue
			}
			seen := first[[2]int{a.Node, kind.rank}]
			if seen == 0 {
				return nil, fmt.Errorf("task %d was never shown as %s", a.Node, kind.change)
			}
			l.ms = append(l.ms, seen-happened)
		}
		l.ms = bench.NewSeries(l.ms)
		out = append(out, l)
	}
	return append(out, inWords(attempts, start, from, saw)), nil
}

// inWords compares with the figure "Tasks ended", which is text: the k-th end is shown when the figure reaches k.
func inWords(attempts []attempt, start, from float64, saw seen) lateness {
	ends := make([]float64, 0, len(attempts))
	for _, a := range attempts {
		ends = append(ends, start+float64(a.Updated)/1e6)
	}
	slices.Sort(ends)
	l := lateness{change: "ended, in words"}
	next := 0
	for _, e := range saw.Ended {
		for ; next < len(ends) && next < int(e[0]); next++ {
			if ends[next] >= from {
				l.ms = append(l.ms, e[1]-ends[next])
			}
		}
	}
	l.ms = bench.NewSeries(l.ms)
	return l
}
