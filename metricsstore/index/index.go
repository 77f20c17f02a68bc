// Package index answers from memory which runs a list shows: filters, orders, counts by status, workflows, the peers
// of a run, and what has changed since a moment.
//
// It guarantees that answers are those of metricsstore.RunFilter, RunQuery and PeerScope over what was put. It costs
// some 500 B a run. A filter reads only the runs of its workflow, its engine, its status or its tag, whichever
// are fewest; a page in the order of the start, the counts of a workflow and the peers of a run do not depend on the
// number of runs. Searched text, and orders other than by the start, read each run that the filter leaves, some 20 ns each.
//
// Caveat: the index does not read the store, so every change of a run has to be put.
package index

import (
	"container/list"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Index holds entries of runs. The zero value is not ready, see New. Safe for concurrent use.
type Index struct {
	mu        sync.RWMutex // guards all below
	runs      map[record.RunID]*item
	changes   *list.List // of *item, the one that was changed last at the end
	sequence  uint64     // of the latest change
	all       ordered
	lists     map[property]*ordered
	workflows map[string]*workflow
	engines   map[string]*engine
}

// item is an entry and its last change.
type item struct {
	metricsstore.Entry
	mark     uint64
	sequence uint64
	change   *list.Element
}

// workflow counts the runs of a workflow.
type workflow struct {
	name     string
	statuses map[record.Status]int
}

// engine counts the runs of an engine.
type engine struct {
	name string
	runs int
}

// property is something that runs have in common by which they are looked up.
type property struct {
	kind  kind
	value string
}

type kind byte

const (
	inWorkflow           kind = iota
	onEngine                  // without case
	comparableInWorkflow      // has a PeerKey
	withStatus
	withTag
	withPeers
	withKey // the name of a submission
)

// properties lists those of an entry.
func properties(e *metricsstore.Entry) []property {
	out := []property{{inWorkflow, e.Workflow}, {onEngine, folded(e.Engine)}, {withStatus, string(e.Status)}}
	for _, tag := range e.Tags {
		out = append(out, property{withTag, tag})
	}
	if e.Key != "" {
		out = append(out, property{withKey, nameOf(e.Key)})
	}
	if e.Peers != (metricsstore.PeerKey{}) {
		out = append(out, property{comparableInWorkflow, e.Workflow}, property{withPeers, string(e.Peers[:])})
	}
	return out
}

// folded is equal for names that strings.EqualFold calls equal.
func folded(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// New makes an index without runs.
func New() *Index {
	return &Index{
		runs: map[record.RunID]*item{}, changes: list.New(), lists: map[property]*ordered{}, workflows: map[string]*workflow{},
		engines: map[string]*engine{},
	}
}

// Put adds a run, or replaces its entry. The mark is any number that stands for the state of the run: where the mark
// or the entry differs from the previous one, the run counts as changed.
func (x *Index) Put(e metricsstore.Entry, mark uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	it := x.runs[e.ID]
	switch {
	case it == nil:
		it = &item{}
		it.change = x.changes.PushBack(it)
		x.runs[e.ID] = it
	case it.mark == mark && it.Same(&e):
		return
	default:
		x.unlist(it)
		x.changes.MoveToBack(it.change)
	}
	x.sequence++
	it.Entry, it.mark, it.sequence = e, mark, x.sequence
	x.list(it)
}

// Remove removes a run; nothing happens where the index does not have it.
func (x *Index) Remove(run record.RunID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	it := x.runs[run]
	if it == nil {
		return
	}
	x.unlist(it)
	x.changes.Remove(it.change)
	delete(x.runs, run)
}

// list adds an item to the lists of its properties.
func (x *Index) list(it *item) {
	w := x.workflows[it.Workflow]
	if w == nil {
		w = &workflow{name: it.Workflow, statuses: map[record.Status]int{}}
		x.workflows[it.Workflow] = w
	}
	it.Workflow = w.name // all runs share one string
	w.statuses[it.Status]++
	on := x.engines[it.Engine]
	if on == nil {
		on = &engine{name: it.Engine}
		x.engines[it.Engine] = on
	}
	it.Engine = on.name
	on.runs++
	x.all.insert(it)
	for _, p := range properties(&it.Entry) {
		if x.lists[p] == nil {
			x.lists[p] = &ordered{}
		}
		x.lists[p].insert(it)
	}
}

// unlist removes an item from the lists of its properties.
func (x *Index) unlist(it *item) {
	x.workflows[it.Workflow].statuses[it.Status]--
	if on := x.engines[it.Engine]; on.runs == 1 {
		delete(x.engines, it.Engine)
	} else {
		on.runs--
	}
	x.all.remove(it)
	for _, p := range properties(&it.Entry) {
		if x.lists[p].remove(it); len(*x.lists[p]) == 0 {
			delete(x.lists, p)
		}
	}
	if x.lists[property{inWorkflow, it.Workflow}] == nil {
		delete(x.workflows, it.Workflow)
	}
}

// nameOf is the part of a key that names a submission.
func nameOf(key string) string {
	name, _, _ := strings.Cut(key, ".")
	return name
}

// Keyed returns the latest run whose submission has this name, see engine.RunOptions.Key.
func (x *Index) Keyed(name string) (metricsstore.Entry, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	runs := x.lists[property{withKey, name}]
	if runs == nil {
		return metricsstore.Entry{}, false
	}
	return (*runs)[len(*runs)-1].Entry, true
}

// Len is the number of runs.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.all)
}

// IDs lists the runs that a filter selects, the latest first.
func (x *Index) IDs(f metricsstore.RunFilter) []record.RunID {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var out []record.RunID
	for e := range x.candidates(&f).backward() {
		if f.Match(e) {
			out = append(out, e.ID)
		}
	}
	return out
}

// Latest is the position of the latest run; zero where the index is empty.
func (x *Index) Latest() metricsstore.Position {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(x.all) == 0 {
		return metricsstore.Position{}
	}
	return x.all[len(x.all)-1].Position()
}

// Page returns the runs of a page, and metricsstore.RunPage.Next. Where only is not nil, the page has only runs of
// it. The error is that of metricsstore.Queries.Runs.
func (x *Index) Page(q metricsstore.RunQuery, only []record.RunID) ([]metricsstore.Entry, string, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return q.Page(x.selected(&q, only))
}

// selected lists the entries from which a page is made.
func (x *Index) selected(q *metricsstore.RunQuery, only []record.RunID) iter.Seq[*metricsstore.Entry] {
	from := x.candidates(&q.RunFilter)
	if only != nil {
		from = x.picked(only)
	}
	if q.EarliestFirst() {
		return from.forward()
	}
	return from.backward()
}

func (x *Index) picked(ids []record.RunID) ordered {
	var out ordered
	for _, id := range ids {
		if it := x.runs[id]; it != nil {
			out.insert(it)
		}
	}
	return out
}

// Counts counts the runs that a filter without its statuses selects, by status. Where only is not nil, it counts only
// runs of it.
func (x *Index) Counts(f metricsstore.RunFilter, only []record.RunID) map[record.Status]int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	f.Status = nil
	counts := map[record.Status]int{}
	if only == nil && f.Engine == "" && f.Tag == "" && f.Text == "" && f.From.IsZero() && f.To.IsZero() {
		for name, w := range x.workflows {
			if f.Workflow == "" || f.Workflow == name {
				for status, n := range w.statuses {
					counts[status] += n
				}
			}
		}
		return counts
	}
	for e := range x.selected(&metricsstore.RunQuery{RunFilter: f}, only) {
		if f.Match(e) {
			counts[e.Status]++
		}
	}
	return counts
}

// Workflows lists the workflows of all runs by name.
func (x *Index) Workflows() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return names(x.workflows)
}

// Engines lists the engines of all runs by name.
func (x *Index) Engines() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return names(x.engines)
}

// names lists the keys of a map in order; it is never nil.
func names[V any](of map[string]V) []string {
	out := slices.AppendSeq(make([]string, 0, len(of)), maps.Keys(of))
	slices.Sort(out)
	return out
}

// Peers returns the runs that a run is compared with, the latest first, at most metricsstore.MaxPeers. The error is
// metricsstore.ErrInvalid for an unknown scope.
func (x *Index) Peers(of *metricsstore.Run, scope metricsstore.PeerScope) ([]metricsstore.Entry, error) {
	if err := scope.Check(); err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	same := property{withPeers, ""}
	if scope == metricsstore.WorkflowPeers {
		same = property{comparableInWorkflow, of.Info.Workflow}
	} else {
		key := of.PeerKey()
		same.value = string(key[:])
	}
	var from ordered
	if found := x.lists[same]; found != nil {
		from = *found
	}
	var out []metricsstore.Entry
	for e := range from.before(of.Position()).backward() {
		if out = append(out, *e); len(out) == metricsstore.MaxPeers {
			break
		}
	}
	return out, nil
}

// Since lists the runs that were added or changed after a change, and returns the number of the latest change. The
// number before the first change is 0.
func (x *Index) Since(change uint64) (runs []record.RunID, latest uint64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for at := x.changes.Back(); at != nil && at.Value.(*item).sequence > change; at = at.Prev() {
		runs = append(runs, at.Value.(*item).ID)
	}
	slices.Reverse(runs)
	return runs, x.sequence
}

// candidates is the shortest list that has all runs that a filter selects.
func (x *Index) candidates(f *metricsstore.RunFilter) ordered {
	best := x.all
	narrow := func(p property) {
		switch runs := x.lists[p]; {
		case runs == nil:
			best = nil
		case len(*runs) < len(best):
			best = *runs
		}
	}
	if f.Workflow != "" {
		narrow(property{inWorkflow, f.Workflow})
	}
	if f.Engine != "" {
		narrow(property{onEngine, folded(f.Engine)})
	}
	if len(f.Status) == 1 {
		narrow(property{withStatus, string(f.Status[0])})
	}
	if f.Tag != "" {
		narrow(property{withTag, f.Tag})
	}
	return best.between(f.From, f.To)
}
