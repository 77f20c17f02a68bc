package ninja

import (
	"cmp"
	"slices"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// command is one command of a run: the numbers of the lines of its outputs, one at least.
type command struct{ lines []int32 }

// one is one run of a log.
type one struct {
	commands []command
	zero     records.Moment // when ninja started, as stamps say
	partial  bool           // commands that ran again later are missing
	byStamp  bool           // rather than by the order of lines
	cut      bool           // the last line of the file, which has no end, can be of this run
}

// slack is how far the start of a run that follows from one stamp may be from that of another one of the same run: the
// clock of a file system ticks every 4 to 10 ms, and ninja reads it a moment after its own.
const slack = 20 * time.Millisecond

// apart is how much later than a run stamps have to be for commands of version 5 to be in another one.
const apart = time.Second

// runs puts the commands of a log into runs, in the order of their starts. See the comment of the package.
func (l *log) runs(g *graph) []one {
	commands := l.commands(g)
	all := l.byOrder(commands)
	byStamp, mixed := l.byStamp(commands, g)
	if byStamp != nil && (l.version >= stampIsStart || len(byStamp)*2 <= len(all)) {
		all = byStamp
	} else {
		mixed = false
	}
	for i := range all {
		all[i].partial = mixed && i < len(all)-1
		all[i].cut = l.cut > 0 && (mixed || i == len(all)-1)
	}
	return all
}

// commands joins consecutive lines that are outputs of one command.
func (l *log) commands(g *graph) []command {
	var all []command
	outputs := map[string]bool{} // of the last command
	for i := range l.lines {
		e := &l.lines[i]
		if n := len(all); n > 0 && !outputs[e.output] && l.same(g, all[n-1].lines[0], int32(i)) {
			all[n-1].lines = append(all[n-1].lines, int32(i))
		} else {
			all = append(all, command{lines: []int32{int32(i)}})
			clear(outputs)
		}
		outputs[e.output] = true
	}
	return all
}

// same reports whether two lines are outputs of one command, as far as start, end, hash and graph know.
func (l *log) same(g *graph, i, j int32) bool {
	a, b := &l.lines[i], &l.lines[j]
	if a.start != b.start || a.end != b.end || a.hash != b.hash {
		return false
	}
	if g == nil {
		return true
	}
	x, y := g.producer(a.output), g.producer(b.output)
	return x == y || x == none || y == none
}

// span is the earliest and the latest moment at which the run of a command can have started, if its stamp is of a
// moment when it ran.
func (l *log) span(c command) (low, high records.Moment) {
	e := &l.lines[c.lines[0]]
	return e.stamp.Add(-e.end), e.stamp.Add(-e.start)
}

// byOrder divides commands where ends go back, outputs occur again or stamps leave no other explanation.
func (l *log) byOrder(commands []command) []one {
	var all []one
	seen := map[string]int{}
	last := time.Duration(-1)
	latest := records.Unknown
	for i, c := range commands {
		end := l.lines[c.lines[0]].end
		again := end < last || len(all) == 0 || l.later(commands[i:], latest, len(all[len(all)-1].commands))
		for _, j := range c.lines {
			again = again || seen[l.lines[j].output] == len(all)
		}
		if again {
			all = append(all, one{})
			latest = records.Unknown
		}
		for _, j := range c.lines {
			seen[l.lines[j].output] = len(all)
		}
		_, high := l.span(c)
		last, latest = end, max(latest, high)
		r := &all[len(all)-1]
		r.commands = append(r.commands, c)
	}
	for i := range all {
		all[i].zero = l.zero(all[i].commands)
	}
	return all
}

// later reports whether the next two commands have stamps that are too late for a run of at least two commands that
// started at latest at a moment. Stamps that are too early say nothing, as files may be older than what made them.
func (l *log) later(next []command, latest records.Moment, before int) bool {
	if before < 2 || len(next) < 2 || !latest.Known() {
		return false
	}
	for _, c := range next[:2] {
		if low, _ := l.span(c); !low.Known() || low <= latest.Add(apart) {
			return false
		}
	}
	return true
}

// zero is when ninja started, as most stamps of a run agree within a second, else Unknown.
func (l *log) zero(commands []command) records.Moment {
	lows := make([]records.Moment, len(commands))
	for i, c := range commands {
		lows[i], _ = l.span(c)
	}
	slices.Sort(lows)
	middle := lows[len(lows)/2]
	if !middle.Known() {
		return records.Unknown
	}
	agree := 0
	for _, c := range commands {
		if low, high := l.span(c); low.Known() && low <= middle.Add(apart) && high >= middle.Add(-apart) {
			agree++
		}
	}
	if agree*2 <= len(commands) {
		return records.Unknown
	}
	return middle
}

// byStamp divides commands by when their run started: one ninja runs at a time in a folder, so what started before a
// run had ended belongs to it. It returns nil if stamps are missing or contradict themselves. mixed: in the file, runs
// are not one after the other.
func (l *log) byStamp(commands []command, g *graph) (all []one, mixed bool) {
	zeros := l.zeros(commands)
	if zeros == nil {
		return nil, false
	}
	order := make([]int, len(commands))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(zeros[a], zeros[b]), a-b) })
	run := make([]int, len(commands))
	var size []int
	var found []one
	until := records.Unknown
	for _, i := range order {
		if len(size) == 0 || zeros[i] > until {
			size = append(size, 0)
			found = append(found, one{zero: zeros[i], byStamp: true})
			until = zeros[i].Add(slack)
		}
		n := len(size) - 1
		run[i] = n
		size[n]++
		until = max(until, found[n].zero.Add(l.end(commands[i])))
	}
	l.adopt(commands, run, size)
	number := make([]int, len(size)) // of runs that are left
	for n := range found {
		if number[n] = len(all); size[n] > 0 {
			all = append(all, found[n])
		}
	}
	for i, c := range commands {
		run[i] = number[run[i]]
		all[run[i]].commands = append(all[run[i]].commands, c)
		mixed = mixed || i > 0 && run[i] < run[i-1]
	}
	for i := range all {
		if !l.join(&all[i], g) {
			return nil, false
		}
	}
	return all, mixed
}

// end is when a command ended.
func (l *log) end(c command) time.Duration { return l.lines[c.lines[0]].end }

// zeros are the starts of the runs of commands as their stamps say, nil if one has none. A stamp is that of the start of
// a command or, from restat rules and "ninja -t restat", of its output, and then mostly of its end: what more commands
// agree with is taken.
func (l *log) zeros(commands []command) []records.Moment {
	low, high := make([]records.Moment, len(commands)), make([]records.Moment, len(commands))
	for i, c := range commands {
		if low[i], high[i] = l.span(c); !low[i].Known() {
			return nil
		}
	}
	ends, starts := agreeing(low), agreeing(high)
	for i := range high {
		if ends[i] > starts[i] || ends[i] == starts[i] && l.version < stampIsStart {
			high[i] = low[i]
		}
	}
	return high
}

// agreeing counts for each moment those that are the same but for slack, itself among them.
func agreeing(moments []records.Moment) []int {
	sorted := slices.Sorted(slices.Values(moments))
	counts := make([]int, len(moments))
	for i, m := range moments {
		from, _ := slices.BinarySearch(sorted, m.Add(-slack))
		to, _ := slices.BinarySearch(sorted, m.Add(slack)+1)
		counts[i] = to - from
	}
	return counts
}

// adopt puts commands that would be a run by themselves into that of their neighbours in the file, if their ends are in
// order: the stamp is then that of an output that a restat rule left as it was in an earlier run.
func (l *log) adopt(commands []command, run, size []int) {
	for i := 1; i < len(commands)-1; i++ {
		before, after := commands[i-1], commands[i+1]
		if size[run[i]] > 1 || run[i-1] != run[i+1] || l.end(before) > l.end(commands[i]) || l.end(commands[i]) > l.end(after) {
			continue
		}
		size[run[i]]--
		run[i] = run[i-1]
		size[run[i]]++
	}
}

// join joins outputs of one command that are apart in the file, and orders commands by their ends. It reports whether
// each output is in the run once.
func (l *log) join(r *one, g *graph) bool {
	type key struct {
		start, end time.Duration
		hash       uint64
	}
	at := map[key]int{}
	seen := map[string]bool{}
	var joined []command
	for _, c := range r.commands {
		for _, j := range c.lines {
			if seen[l.lines[j].output] {
				return false
			}
			seen[l.lines[j].output] = true
		}
		e := &l.lines[c.lines[0]]
		k := key{e.start, e.end, e.hash}
		if i, ok := at[k]; ok && l.same(g, joined[i].lines[0], c.lines[0]) {
			joined[i].lines = slices.Concat(joined[i].lines, c.lines)
			continue
		}
		at[k] = len(joined)
		joined = append(joined, c)
	}
	slices.SortStableFunc(joined, func(a, b command) int { return cmp.Compare(l.lines[a.lines[0]].end, l.lines[b.lines[0]].end) })
	r.commands = joined
	return true
}
