package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/internal/testkit/ledgertest"
)

// table is a ledger under test: sessions a and b are open, of class 1 unless stated otherwise.
type table struct {
	t       *testing.T
	s       *ledger.State
	now     int64
	numbers map[ledger.SessionID]uint64
	entry   *ledger.Entry // of the last operation
}

// flat is n nodes of class 1 that wait for nothing.
func flat(n uint32) ledger.Config {
	c := ledger.Config{Nodes: n, Tasks: int(n), Sinks: int(n), Policy: record.Continue}
	for i := range n {
		c.Roots = append(c.Roots, ledger.Grant{Node: dag.NodeID(i), Class: 1})
	}
	return c
}

// gathered is {0, 1} → 2 by the bits 0 and 1.
func gathered() ledger.Config {
	c := flat(3)
	c.Edges, c.Sinks, c.Roots = 2, 1, c.Roots[:2]
	return c
}

func bench(t *testing.T, c ledger.Config) *table {
	t.Helper()
	s, entry := ledger.New(c)
	require.Equal(t, uint64(1), entry.First)
	b := &table{t: t, s: s, numbers: map[ledger.SessionID]uint64{}}
	for i, id := range []ledger.SessionID{"a", "b"} {
		r := b.apply(ledger.Open{Session: id, Lease: 100})
		require.Equal(t, uint16(i), r.Worker)
	}
	return b
}

// apply applies an operation one moment later. An operation that is not Applied must change nothing.
func (b *table) apply(op ledger.Op) ledger.Reply {
	b.t.Helper()
	b.now++
	before := ledgertest.Dump(b.s)
	r, entry := b.s.Apply(ledgertest.At(op, b.now))
	require.NoError(b.t, b.s.Check())
	if r.Verdict != ledger.Applied {
		require.Equal(b.t, before, ledgertest.Dump(b.s))
		require.Nil(b.t, entry)
	}
	b.entry = entry
	return r
}

// commit sends the next commit of a session, which must be Applied.
func (b *table) commit(id ledger.SessionID, c ledger.Commit) ledger.Reply {
	b.t.Helper()
	r := b.try(id, c)
	require.Equal(b.t, ledger.Applied, r.Verdict, r.Why)
	return r
}

func (b *table) try(id ledger.SessionID, c ledger.Commit) ledger.Reply {
	b.t.Helper()
	c.Session, c.Number, c.Lease = id, b.numbers[id]+1, 100
	if c.Classes == nil {
		c.Classes = []ledger.Class{1}
	}
	r := b.apply(c)
	if r.Verdict == ledger.Applied {
		b.numbers[id]++
	}
	return r
}

// take claims n nodes for a session.
func (b *table) take(id ledger.SessionID, n int, classes ...ledger.Class) []dag.NodeID {
	b.t.Helper()
	return nodes(b.commit(id, ledger.Commit{Want: n, Classes: classes}))
}

func nodes(r ledger.Reply) (out []dag.NodeID) {
	for _, c := range r.Claims {
		out = append(out, c.Node)
	}
	return out
}

func ids(n ...dag.NodeID) []dag.NodeID { return n }

// ended returns ends of tasks that are sinks, with an outcome.
func ended(o record.Outcome, n ...dag.NodeID) (out []ledger.End) {
	for _, id := range n {
		out = append(out, ledger.End{Node: id, Class: 1, Outcome: o, Task: true, Sink: true})
	}
	return out
}

// into returns the edge of the given offset into node 2.
func into(offset uint32, end int, hold int64) ledger.Edge {
	return ledger.Edge{Offset: offset, Child: 2, Waits: 2, Class: 1, End: end, Hold: hold, Parent: dag.NodeID(offset)}
}

// hands returns the commit by which a session that has claimed node n ends it.
func hands(n dag.NodeID, hold int64) ledger.Commit {
	e := ended(record.OutcomeOK, n)
	e[0].Sink = false
	return ledger.Commit{Ends: e, Steps: 1, Edges: []ledger.Edge{into(uint32(n), 0, hold)}}
}

func TestQueuesAreFirstInFirstOut(t *testing.T) {
	b := bench(t, flat(5))
	assert.Equal(t, ids(0, 1, 2), b.take("a", 3))
	r := b.commit("a", ledger.Commit{Ends: ended(record.NoOutcome, 1, 2)})
	assert.Equal(t, []ledger.Readied{{Class: 1, Nodes: 2}}, r.Readied)
	assert.Equal(t, 4, r.Waiting)
	assert.Equal(t, ids(2, 1, 3), b.take("b", 3), "given back ones are at the front")
	b.commit("a", ledger.Commit{Ends: ended(record.NoOutcome, 2)}) // which b holds
	r = b.commit("b", ledger.Commit{Ends: ended(record.NoOutcome, 2), Want: 1})
	assert.Equal(t, ids(2), nodes(r))
	assert.Empty(t, r.Readied, "no queue grew")
	assert.Equal(t, ids(4), b.take("b", 9, 7, 1))
	assert.Empty(t, b.take("b", 9))
}

func TestClassesAreInOrderOfPreference(t *testing.T) {
	c := flat(4)
	c.Roots[1].Class, c.Roots[3].Class = 2, 2
	b := bench(t, c)
	assert.Equal(t, ids(1, 3, 0), b.take("a", 3, 2, 1))
	assert.Empty(t, b.take("b", 3, 2))
}

func TestBounds(t *testing.T) {
	c := flat(3)
	c.MaxConcurrent = map[ledger.Class]int{1: 2}
	b := bench(t, c)
	assert.Equal(t, ids(0, 1), b.take("a", 3))
	assert.Empty(t, b.take("b", 3))
	b.commit("a", ledger.Commit{Ends: ended(record.OutcomeOK, 0), Steps: 1})
	assert.Equal(t, ids(2), b.take("b", 3))
	local := ended(record.OutcomeOK, 2)
	local[0].Local = true
	assert.Equal(t, ledger.Malformed, b.try("a", ledger.Commit{Ends: local}).Verdict)
	assert.Equal(t, ledger.Malformed, b.try("a", ledger.Commit{Onward: []ledger.Grant{{Node: 2, Class: 1}}}).Verdict)
}

func TestNumbers(t *testing.T) {
	b := bench(t, flat(3))
	first := ledger.Commit{Session: "a", Number: 1, Want: 2, Classes: []ledger.Class{1}}
	for _, n := range []uint64{0, 2} {
		wrong := first
		wrong.Number = n
		assert.Equal(t, ledger.Malformed, b.apply(wrong).Verdict)
	}
	assert.Equal(t, ids(0, 1), nodes(b.apply(first)))
	r := b.apply(first)
	assert.Equal(t, ledger.Repeated, r.Verdict)
	assert.Equal(t, ids(0, 1), nodes(r))
	b.numbers["a"] = 1
	b.commit("a", ledger.Commit{Ends: ended(record.OutcomeOK, 0), Steps: 1})
	r = b.apply(first)
	assert.Equal(t, ids(1), nodes(r), "what the session holds now")
	assert.Equal(t, 1, r.Waiting)

	assert.Equal(t, ledger.Repeated, b.apply(ledger.Open{Session: "b"}).Verdict)
	assert.Equal(t, ledger.Applied, b.apply(ledger.Leave{Session: "b"}).Verdict)
	assert.Equal(t, ledger.Fenced, b.apply(ledger.Leave{Session: "b"}).Verdict)
	assert.Equal(t, ledger.Fenced, b.apply(ledger.Commit{Session: "b", Number: 1}).Verdict)
	assert.Equal(t, ledger.Fenced, b.apply(ledger.Invalidate{Session: "b"}).Verdict)
	b.apply(ledger.Stop{Status: record.Failed})
	b.commit("a", ledger.Commit{Ends: ended(record.OutcomeCancelled, 1), Steps: 1})
	assert.Equal(t, record.Failed, b.s.Status)
	r = b.apply(first)
	assert.Equal(t, ledger.Gone, r.Verdict)
	assert.Equal(t, record.Failed, r.Status)
}

func TestStrand(t *testing.T) {
	c := flat(4) // a chain: bit i is between i and i+1
	c.Edges, c.Sinks, c.Roots = 3, 1, c.Roots[:1]
	b := bench(t, c)
	b.take("a", 1)
	strand := ended(record.OutcomeOK, 0, 1)
	strand[0].Sink, strand[1].Sink, strand[1].Local = false, false, true
	r := b.commit("a", ledger.Commit{Ends: strand, Steps: 3, Packed: []byte("abc"), Onward: []ledger.Grant{{Node: 2, Class: 1}}})
	assert.Equal(t, []ledger.Claim{{Node: 2, Class: 1, Attempt: 1, Since: b.now}}, r.Claims)
	assert.Equal(t, &ledger.Entry{First: 2, Now: b.now, Steps: 3, Packed: []byte("abc")}, b.entry)
	r = b.commit("a", ledger.Commit{Onward: []ledger.Grant{{Node: 2, Class: 1}}})
	assert.Empty(t, r.Claims, "it does not wait any more")
	assert.Nil(t, b.entry)
	last := ended(record.OutcomeOK, 2)
	last[0].Sink = false
	r = b.commit("a", ledger.Commit{Ends: last, Steps: 1, Keep: 1, Want: 1, Edges: []ledger.Edge{{Offset: 2, Child: 3, Waits: 1, Class: 1}}})
	assert.Equal(t, ids(3), nodes(r))
	assert.Equal(t, []ledger.ReadiedBy{{Step: 0, Node: 3}}, b.entry.Readied)
	b.commit("a", ledger.Commit{Ends: ended(record.OutcomeOK, 3), Steps: 1})
	assert.Equal(t, record.Succeeded, b.s.Status)
	assert.Equal(t, record.RunFinished, b.entry.Plain[0].Kind)
	assert.Equal(t, 4, b.s.Counts.Done)
}

func TestKeep(t *testing.T) {
	c := flat(6) // 0 → {3, 4, 5}
	c.Edges, c.Roots = 3, c.Roots[:3]
	b := bench(t, c)
	b.take("a", 1)
	op := ledger.Commit{Ends: ended(record.OutcomeOK, 0), Steps: 1, Keep: 2, Want: 3}
	for i := range uint32(3) {
		op.Edges = append(op.Edges, ledger.Edge{Offset: i, Child: dag.NodeID(3 + i), Waits: 1, Class: 1})
	}
	r := b.commit("a", op)
	assert.Equal(t, ids(3, 4, 1), nodes(r), "two of its own, then from the front of the queue")
	assert.Equal(t, ids(2, 5), b.take("b", 9))
}

func TestPause(t *testing.T) {
	c := flat(3) // 0 → 2
	c.Edges, c.Roots = 1, c.Roots[:2]
	b := bench(t, c)
	b.take("a", 1)
	assert.Equal(t, ledger.Repeated, b.apply(ledger.Resume{}).Verdict)
	assert.Equal(t, record.Paused, b.apply(ledger.Pause{}).Status)
	assert.Equal(t, ledger.Repeated, b.apply(ledger.Pause{}).Verdict)
	assert.Empty(t, b.take("b", 1))
	r := b.commit("a", ledger.Commit{Ends: ended(record.OutcomeOK, 0), Steps: 1, Want: 3, Onward: []ledger.Grant{{Node: 2, Class: 1}}})
	assert.Equal(t, ids(2), nodes(r), "what continues does")
	assert.Equal(t, record.Running, b.apply(ledger.Resume{}).Status)
	assert.Equal(t, ids(1), b.take("b", 1))
}

func TestStop(t *testing.T) {
	b := bench(t, flat(3))
	b.take("a", 1)
	assert.Equal(t, ledger.Malformed, b.try("a", ledger.Commit{Ends: ended(record.OutcomeCancelled, 0)}).Verdict)
	assert.Equal(t, ledger.Malformed, b.apply(ledger.Stop{Status: record.Succeeded}).Verdict)
	b.apply(ledger.Pause{})
	r := b.apply(ledger.Stop{Status: record.Cancelled, Reason: record.CancelRequested})
	assert.Equal(t, record.Running, r.Status)
	assert.Equal(t, record.Cancelled, r.Stopping)
	assert.Equal(t, ledger.Repeated, b.apply(ledger.Stop{Status: record.Failed}).Verdict)
	assert.Equal(t, ledger.Repeated, b.apply(ledger.Pause{}).Verdict)
	assert.Empty(t, b.take("b", 1))
	b.commit("a", ledger.Commit{Ends: ended(record.OutcomeOK, 0), Steps: 1, Onward: []ledger.Grant{{Node: 1, Class: 1}}})
	assert.Equal(t, record.Cancelled, b.s.Status)
}

func TestFailFast(t *testing.T) {
	c := flat(2)
	c.Policy = record.FailFast
	b := bench(t, c)
	b.take("a", 2)
	r := b.commit("a", ledger.Commit{Ends: ended(record.OutcomeFailed, 0), Steps: 1})
	assert.Equal(t, record.Failed, r.Stopping)
	assert.Equal(t, ledger.Applied, b.apply(ledger.Leave{Session: "a"}).Verdict)
	assert.Equal(t, record.Failed, b.s.Status, "the last claim is gone")
}

func TestRetry(t *testing.T) {
	b := bench(t, flat(3))
	retry := func(n dag.NodeID, delay time.Duration) ledger.Commit {
		e := ended(record.OutcomeRetrying, n)
		e[0].Delay = delay
		return ledger.Commit{Ends: e, Steps: 1}
	}
	b.take("a", 3)
	assert.Equal(t, ledger.Malformed, b.try("a", ledger.Commit{Ends: append(retry(0, 1).Ends, ended(record.OutcomeOK, 1)...)}).Verdict)
	r := b.commit("a", retry(0, 10))
	due := r.NextDue
	assert.Equal(t, b.now+10, due)
	assert.Empty(t, b.take("b", 1))
	b.now = due - 1
	r = b.commit("b", ledger.Commit{Want: 1})
	assert.Equal(t, []ledger.Claim{{Node: 0, Class: 1, Attempt: 2, Errors: 1, Since: due}}, r.Claims)
	assert.Zero(t, r.NextDue)
	for range ledger.MinRetries - 1 {
		b.commit("b", retry(0, 0))
		b.take("b", 1)
	}
	assert.Equal(t, ledger.Exhausted, b.try("b", retry(0, 0)).Verdict)
	b.commit("b", ledger.Commit{Ends: ended(record.OutcomeFailed, 0), Steps: 1})
}

func TestDueIsBounded(t *testing.T) {
	n := dag.NodeID(ledger.MaxDue + 1)
	c := flat(uint32(n))
	c.Tasks = 5 * int(n) // for the budget
	b := bench(t, c)
	b.take("a", int(n))
	for i := range n {
		e := ended(record.OutcomeRetrying, i)
		e[0].Delay = time.Hour
		b.commit("a", ledger.Commit{Ends: e, Steps: 1})
	}
	b.now += int64(2 * time.Hour)
	r := b.commit("a", ledger.Commit{})
	assert.Equal(t, ledger.MaxDue, r.Waiting)
	assert.Equal(t, []ledger.Readied{{Class: 1, Nodes: ledger.MaxDue}}, r.Readied)
	assert.NotZero(t, r.NextDue)
}

func TestSkip(t *testing.T) {
	b := bench(t, gathered())
	b.take("a", 2)
	bad := hands(0, 0)
	bad.Ends[0].Outcome, bad.Edges[0].Bad = record.OutcomeFailed, true
	b.commit("a", bad)
	b.commit("a", hands(1, 7))
	assert.Empty(t, b.take("b", 1), "skipping needs no function, but the class has to be asked for")
	r := b.commit("b", ledger.Commit{Want: 1, Classes: []ledger.Class{ledger.EngineClass}})
	require.Len(t, r.Claims, 1)
	assert.True(t, r.Claims[0].Skip)
	assert.Equal(t, ledger.EngineClass, r.Claims[0].Class)
	b.commit("b", ledger.Commit{Ends: ended(record.OutcomeSkipped, 2), Steps: 1})
	assert.Equal(t, record.Failed, b.s.Status)
	assert.Equal(t, 1, b.s.Counts.Skipped)
}

func TestMistakes(t *testing.T) {
	more := ended(record.OutcomeRetrying, 0)
	more[0].More = true
	tests := map[string]ledger.Commit{
		"not held":           {Ends: ended(record.OutcomeOK, 2)},
		"held by another":    {Ends: ended(record.OutcomeOK, 1)},
		"unknown node":       {Ends: ended(record.OutcomeOK, 9)},
		"twice":              {Ends: ended(record.OutcomeOK, 0, 0)},
		"unknown outcome":    {Ends: ended(record.OutcomeLost, 0)},
		"given back first":   {Ends: append(ended(record.NoOutcome, 0), ended(record.OutcomeOK, 3)...)},
		"more of a retry":    {Ends: more},
		"local but ready":    {Ends: []ledger.End{{Node: 2, Outcome: record.OutcomeOK, Local: true}}},
		"failed expansion":   {Ends: []ledger.End{{Node: 0, Outcome: record.OutcomeFailed, Expand: &ledger.Expand{}}}},
		"expansion back":     {Ends: []ledger.End{{Node: 0, Expand: &ledger.Expand{}}}},
		"local back":         {Ends: []ledger.End{{Node: 2, Local: true}}},
		"root outside":       {Ends: []ledger.End{{Node: 0, Outcome: record.OutcomeOK, Expand: &ledger.Expand{Width: 1, Size: 1, Roots: []ledger.Grant{{Node: 1}}}}}},
		"unknown bit":        {Edges: []ledger.Edge{{Offset: 9, Waits: 1, End: -1}}},
		"waits for nothing":  {Edges: []ledger.Edge{{End: -1}}},
		"unknown end":        {Edges: []ledger.Edge{{Waits: 1}}},
		"held of no parent":  {Edges: []ledger.Edge{{Waits: 1, End: -1, Hold: 1, Parent: 9}}},
		"onward to nowhere":  {Onward: []ledger.Grant{{Node: 9}}},
		"edges of no node":   {EdgesDone: ids(9)},
		"wants less":         {Want: -1},
		"started what":       {Started: ids(9)},
		"too many ends":      {Ends: make([]ledger.End, ledger.MaxEnds+1)},
		"less than no steps": {Steps: -1},
	}
	ofState := []string{
		"not held", "held by another", "unknown node", "local but ready", "unknown bit", "held of no parent", "onward to nowhere",
		"edges of no node", "started what",
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			config := flat(4)
			config.Edges = 1
			b := bench(t, config)
			assert.Equal(t, ids(0), b.take("a", 1))
			assert.Equal(t, ids(1), b.take("b", 1))
			r := b.try("a", c)
			require.Equal(t, ledger.Malformed, r.Verdict)
			assert.NotEmpty(t, r.Why)
			c.Number = 1
			assert.Equal(t, slices.Contains(ofState, name), ledger.Validate(c) == nil, "Validate needs no state")
		})
	}
}

// TestValidate: other operations than commits are malformed in every state, too.
func TestValidate(t *testing.T) {
	lost := []ledger.Life{{Node: 1}}
	for _, c := range []struct {
		op   ledger.Op
		want string
	}{
		{ledger.Open{}, "a session has a name"},
		{ledger.Open{Session: "a"}, ""},
		{ledger.Stop{Status: record.Succeeded}, "as failed or as cancelled"},
		{ledger.Stop{Status: record.Failed, Reason: record.RunPaused}, "on request or by its deadline"},
		{ledger.Stop{Status: record.Failed, Reason: record.RunDeadline}, ""},
		{ledger.Invalidate{}, "misses at least one input"},
		{ledger.Invalidate{Lost: make([]ledger.Life, ledger.MaxLost+1)}, "MaxLost"},
		{ledger.Invalidate{Consumer: 1, Lost: lost}, "other than the consumer"},
		{ledger.Invalidate{Lost: append(lost, lost...)}, "each once"},
		{ledger.Invalidate{Lost: lost}, ""},
		{ledger.Commit{Started: make([]dag.NodeID, ledger.MaxListed+1)}, "MaxListed"},
		{ledger.Commit{}, ""},
		{ledger.Leave{}, ""},
		{ledger.Reap{}, ""},
		{ledger.Pause{}, ""},
		{ledger.Resume{}, ""},
	} {
		err := ledger.Validate(c.op)
		if c.want == "" {
			require.NoError(t, err, "%+v", c.op)
			continue
		}
		require.ErrorContains(t, err, c.want)
	}
}

func TestDump(t *testing.T) {
	b := bench(t, gathered())
	b.take("a", 1)
	b.commit("a", hands(0, 3))
	dump := ledgertest.Dump(b.s)
	for _, want := range []string{"run running", "bits 0\n", "node 0 ok", "node 1 ready", "node 2 blocked epoch=0 arrived=1", "reserved=a", "queue 1 ready=[1]", "session b"} {
		assert.True(t, strings.Contains(dump, want), fmt.Sprintf("%s is not in\n%s", want, dump))
	}
	assert.Equal(t, dump, ledgertest.Dump(b.s.Clone()))
	assert.Equal(t, b.s.Key(), b.s.Clone().Key())
}
