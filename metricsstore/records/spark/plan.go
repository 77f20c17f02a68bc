package spark

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// plan says which stages are groups of the run, and what each of them waits for.
type plan struct {
	all     []*stage
	group   map[int32]int32   // numbers of groups by stage
	sources map[int32][]int32 // the groups that have made what a stage makes; of a group, itself
	skipped int               // stages whose output another stage had made
	unmade  int               // stages that were skipped although no stage in the log made their output
	strange int               // parents that are not in the log
	edges   int
	queries map[int64]string
	pooled  int // stages that are called after their query
}

// newPlan makes a group of each stage that ran, or that a job still needed when it failed or the log ended.
func newPlan(s *stages, queries map[int64]string) *plan {
	p := &plan{all: s.sorted(), queries: queries, group: map[int32]int32{}, sources: map[int32][]int32{}}
	made := map[rddSet]int32{}
	for _, st := range p.all {
		maker, found := made[st.rdds]
		found = found && st.rdds != rddSet{}
		switch {
		case st.ran || st.wanted && !found:
			p.group[st.id] = int32(len(p.group))
			if st.ran {
				made[st.rdds] = st.id
			}
		case found:
			p.skipped++
			p.sources[st.id] = []int32{p.group[maker]}
		default:
			p.unmade++
		}
	}
	return p
}

// groups makes the groups of the run. Spark numbers a stage after its parents, so their sources are known when its turn
// comes.
func (p *plan) groups() ([]records.Group, error) {
	groups := make([]records.Group, 0, len(p.group))
	for _, st := range p.all {
		if p.sources[st.id] != nil {
			continue // skipped
		}
		after := p.after(st)
		number, is := p.group[st.id]
		if !is {
			p.sources[st.id] = after // made before the log begins, so what it waited for came first too
		} else {
			p.sources[st.id] = []int32{number}
			groups = append(groups, records.Group{Name: p.title(st), After: after, Ready: moment(st.firstSubmitted())})
		}
		if p.edges += len(after); p.edges > records.MaxEdges {
			return nil, fmt.Errorf("more than %d dependencies of stages: %w", records.MaxEdges, records.ErrTooLarge)
		}
	}
	return groups, nil
}

// after are the groups that a stage waits for.
func (p *plan) after(st *stage) []int32 {
	var after []int32
	for _, parent := range st.parents {
		sources, known := p.sources[parent]
		if !known {
			p.strange++
		}
		after = append(after, sources...)
	}
	slices.Sort(after)
	return slices.Clip(slices.Compact(after))
}

// title is what the stage is called. Stages of one query have the same name, and those of adaptive ones often that of a
// thread pool; so these are called after the query, and after what they do.
func (p *plan) title(s *stage) string {
	query, isQuery := p.queries[s.query]
	title := s.name
	switch {
	case title == "":
		return "stage " + strconv.Itoa(int(s.id))
	case query == "":
	case strings.Contains(title, "withThreadLocalCaptured"):
		title = query
		p.pooled++
	case strings.Contains(title, " at ThreadPoolExecutor.java:"): // of a broadcast
		title = query + ", " + title
		p.pooled++
	}
	if isQuery && s.work != "" {
		title += ": " + s.work
	}
	return title
}

func (s *stage) firstSubmitted() int64 {
	if len(s.attempts) == 0 {
		return 0
	}
	return s.attempts[0].submitted
}
