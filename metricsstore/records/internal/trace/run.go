package trace

import (
	"cmp"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// builder builds runs of what was collected. Several may do so at a time.
type builder struct {
	*Collector
	names map[string]string
}

// build fills in a run with the spans of one trace.
func (c *builder) build(r *records.Run, numbers []int32) {
	index, calls := c.index(numbers)
	if len(index) < len(numbers) {
		numbers = c.dropRepeated(r, numbers)
		index, calls = c.index(numbers)
	}
	r.Notes.Inferred(len(calls), "spans have the ID of their caller's span and lie within it")
	workers := map[int32]int32{}
	spans, ids := make([]records.Span, len(numbers)), c.ids(numbers)
	other := 0
	for i, n := range numbers {
		s := c.span(n)
		out := &spans[i]
		*out = records.NewSpan(ids[16*i : 16*i+16])
		out.Name, out.Command, out.Log, out.Start, out.End = s.Name, s.Command, s.Log, s.Start, s.End
		out.Outcome, out.Error = s.Outcome, s.Error
		if s.Parent != (SpanID{}) {
			out.Parent = lookup(index, s.Parent)
		}
		if call, ok := calls[int32(i)]; ok {
			out.Parent = call
		}
		for _, l := range s.Links {
			if l.Trace != s.Trace {
				other++
				continue
			}
			out.Links = append(out.Links, lookup(index, l.Span))
		}
		out.Worker = c.worker(r, workers, s.Resource)
		out.Function = c.qualified(s)
	}
	r.Notes.LeftOut(other, "links lead to spans of other traces")
	r.Key = c.span(numbers[0]).Trace.String()
	c.describe(r, numbers, workers)
	c.identify(r, numbers, index)
	if c.areAttempts(numbers) {
		c.addAttempts(r, numbers, spans)
		return
	}
	r.AddSpans(spans)
}

// ids are the IDs of the spans, 16 digits each, in one string.
func (c *builder) ids(numbers []int32) string {
	digits := make([]byte, 0, 16*len(numbers))
	for _, n := range numbers {
		digits = hex.AppendEncode(digits, c.span(n).ID[:])
	}
	return string(digits)
}

// index returns the number of the span of each ID and, for servers that share the ID of their caller, that of the caller.
func (c *builder) index(numbers []int32) (index map[SpanID]int32, calls map[int32]int32) {
	index, calls = make(map[SpanID]int32, len(numbers)), map[int32]int32{}
	for i, n := range numbers {
		s := c.span(n)
		old, taken := index[s.ID]
		switch {
		case !taken:
			index[s.ID] = int32(i)
		case s.Server && !c.span(numbers[old]).Server:
			calls[int32(i)] = old
			index[s.ID] = int32(i)
		case !s.Server && c.span(numbers[old]).Server:
			if _, has := calls[old]; !has {
				calls[old] = int32(i)
			}
		}
	}
	return index, calls
}

func lookup(index map[SpanID]int32, id SpanID) int32 {
	if n, ok := index[id]; ok {
		return n
	}
	return records.Absent
}

// identity is what two records of one span have in common, also if one of them was made before the span had ended.
type identity struct {
	id, parent SpanID
	name       string
	start      records.Moment
}

// dropRepeated leaves out what is in the files again. Of one span under way and ended, the ended one stays.
func (c *builder) dropRepeated(r *records.Run, numbers []int32) []int32 {
	seen := make(map[identity]int32, len(numbers))
	kept, repeated := numbers[:0:0], 0
	for _, n := range numbers {
		s := c.span(n)
		what := identity{s.ID, s.Parent, s.Name, s.Start}
		at, found := seen[what]
		if !found {
			seen[what] = int32(len(kept))
			kept = append(kept, n)
			continue
		}
		old := c.span(kept[at])
		switch {
		case old.End == s.End || !s.End.Known():
			repeated++
		case !old.End.Known():
			kept[at] = n
			repeated++
		default:
			seen[what] = int32(len(kept))
			kept = append(kept, n)
		}
	}
	r.Notes.LeftOut(repeated, "spans are in the record a second time")
	return kept
}

func (c *builder) resource(slot int32) *Resource {
	if slot < 0 || c.slots[slot] == records.None {
		return &Resource{}
	}
	return &c.resources[c.slots[slot]]
}

// worker returns the number of a resource among the workers of a run.
func (c *builder) worker(r *records.Run, workers map[int32]int32, slot int32) int32 {
	if slot < 0 || c.slots[slot] == records.None {
		return records.None
	}
	n := c.slots[slot]
	if w, ok := workers[n]; ok {
		return w
	}
	res := &c.resources[n]
	parts := slices.DeleteFunc([]string{res.Service, res.Host, res.Instance}, func(s string) bool { return s == "" })
	name := strings.Join(parts, " ")
	if name == "" {
		name = "unknown service"
	}
	w := r.AddWorker(name)
	r.Workers[w].Host = res.Host
	workers[n] = w
	return w
}

// qualified is the name of a span with its service.
func (c *builder) qualified(s *Span) string {
	name := s.Name
	if name == "" {
		name = "unnamed"
	}
	if service := c.resource(s.Resource).Service; service != "" && !strings.HasPrefix(service, "unknown_service") {
		name = service + ": " + name
	}
	if same, ok := c.names[name]; ok {
		return same
	}
	c.names[name] = name
	return name
}

// describe says what has recorded a trace.
func (c *builder) describe(r *records.Run, numbers []int32, workers map[int32]int32) {
	services, sdks := map[string]bool{}, map[string]bool{}
	for n := range workers {
		services[c.resources[n].Service] = true
		sdks[c.resources[n].SDK] = true
	}
	r.Params = map[string]string{"trace": r.Key}
	for name, set := range map[string]map[string]bool{"services": services, "sdk": sdks} {
		delete(set, "")
		if list := slices.Sorted(maps.Keys(set)); len(list) > 0 {
			r.Params[name] = bounded.Text(strings.Join(list, ", "))
		}
	}
}

// identify finds the root, which names the run and says how it ended.
func (c *builder) identify(r *records.Run, numbers []int32, index map[SpanID]int32) {
	var first *Span
	roots, open, failed := 0, 0, 0
	for _, n := range numbers {
		s := c.span(n)
		top := s.Parent == (SpanID{})
		if top {
			roots++
			if !s.End.Known() {
				open++
			}
			if s.Outcome == record.OutcomeFailed {
				failed++
			}
		} else if _, inside := index[s.Parent]; inside {
			continue
		}
		// A root comes before a span whose parent is absent.
		if first == nil || cmp.Or(-compareBool(top, first.Parent == (SpanID{})), cmp.Compare(s.Start, first.Start)) < 0 {
			first = s
		}
	}
	if first == nil {
		first = c.span(numbers[0]) // parents in a loop
	}
	r.Workflow = c.qualified(first)
	switch {
	case roots == 0:
		if r.Incomplete == "" {
			r.Incomplete = "the span that contains all others is not in the record"
		}
	case open > 0:
		r.Status = record.Running
	case failed > 0:
		r.Status = record.Failed
		if first.Error != nil {
			r.Error = first.Error.Message
		}
	default:
		r.Status = record.Succeeded
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}
