package dask

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// builder makes the run of a file.
type builder struct {
	*stream
	run     *records.Run
	number  map[string]int32 // of tasks, by key
	workers map[string]int32
	lanes   map[[2]string]*lane // by worker and thread
	threads map[string]int32    // how many lanes a worker has
}

// lane is a thread of a worker.
type lane struct {
	number int32
	until  records.Moment // when its last task ended
}

func build(s *stream) (*records.Run, error) {
	b := &builder{
		stream: s, run: records.NewRun("Dask", "Dask task stream"), number: map[string]int32{}, workers: map[string]int32{},
		lanes: map[[2]string]*lane{}, threads: map[string]int32{},
	}
	r := b.run
	r.Workflow, r.Key, r.Incomplete, r.Params = cmp.Or(s.Name, "Dask task stream"), s.ID, s.cut, map[string]string{}
	if s.Dask != "" {
		r.Params["dask"] = s.Dask
	}
	if s.Seconds > 0 && s.Seconds < 1e9 {
		r.Makespan = time.Duration(s.Seconds * float64(time.Second))
	}
	// A lane's tasks have to come in the order of their times, and attempts of a task as well.
	slices.SortStableFunc(s.entries, func(x, y entry) int { return cmp.Compare(x.computed().from, y.computed().from) })
	for i := range s.entries {
		b.addEntry(&s.entries[i])
	}
	if err := b.addGraph(); err != nil {
		return nil, err
	}
	s.entries = nil
	return r, nil
}

// computed is the time of the computation, from the first to the last one.
func (e *entry) computed() period {
	c := period{from: records.Unknown, to: records.Unknown}
	for _, p := range e.Periods {
		if p.action == "compute" {
			if !c.from.Known() || p.from.Known() && p.from < c.from {
				c.from = p.from
			}
			c.to = max(c.to, p.to)
		}
	}
	return c
}

// addEntry adds an attempt of the task with a key.
func (b *builder) addEntry(e *entry) {
	key := string(e.Key)
	n, there := b.number[key]
	if !there {
		n = b.addTask(key)
	}
	t := &b.run.Tasks[n]
	if len(t.Attempts) >= records.MaxAttempts {
		b.run.Notes.LeftOut(1, "attempts above the greatest number of one task")
		return
	}
	if e.Bytes != nil && *e.Bytes >= 0 && e.Status != "error" {
		t.OutputBytes = *e.Bytes
	}
	t.Attempts = append(t.Attempts, b.attempt(e))
}

func (b *builder) addTask(key string) int32 {
	t := records.NewTask(key)
	t.Function = function(key)
	n := int32(len(b.run.Tasks))
	b.run.Tasks = append(b.run.Tasks, t)
	b.number[key] = n
	return n
}

func (b *builder) attempt(e *entry) records.Attempt {
	a := records.NewAttempt()
	c := e.computed()
	a.Claimed, a.Started, a.Ended = c.from, c.from, c.to
	a.Outcome = record.OutcomeOK
	if e.Status == "error" {
		a.Outcome = record.OutcomeFailed
		a.Error = &records.Failure{Message: cmp.Or(e.Exception, "the status is error"), Stack: e.Traceback}
	}
	var lines []string
	if e.Typename != "" {
		lines = append(lines, "type "+e.Typename)
	}
	l := b.placeOf(e, &a)
	lines = append(lines, b.fetch(e, &a, l)...)
	if n := b.returned[string(e.Key)]; n > 0 {
		lines = append(lines, fmt.Sprintf("taken back from a worker %d times before, because it failed or the worker was lost", n))
	}
	a.Log = strings.Join(lines, "\n")
	if l != nil {
		l.until = max(l.until, a.Ended, a.Over)
	}
	return a
}

// placeOf gives an attempt its worker and lane.
func (b *builder) placeOf(e *entry, a *records.Attempt) *lane {
	if e.Worker == "" {
		return nil
	}
	w, there := b.workers[e.Worker]
	if !there {
		if len(b.workers) >= records.MaxWorkers {
			return nil
		}
		w = b.run.AddWorker(e.Worker)
		info := b.stream.workers[e.Worker]
		b.run.Workers[w].Host, b.run.Workers[w].Cores = info.Host, max(info.Threads, 0)
		b.workers[e.Worker] = w
	}
	a.Worker = w
	id := [2]string{e.Worker, e.thread()}
	if id[1] == "" {
		return nil
	}
	l := b.lanes[id]
	if l == nil {
		l = &lane{number: b.threads[e.Worker], until: records.Unknown}
		b.lanes[id] = l
		b.threads[e.Worker]++
	}
	a.Lane = l.number
	return l
}

// fetch claims the attempt when its first transfer or other preparation began, but not while its thread executed
// another task, and returns lines about each of them.
func (b *builder) fetch(e *entry, a *records.Attempt, l *lane) (lines []string) {
	meanwhile := false
	for _, p := range e.Periods {
		if p.action == "compute" || !p.from.Known() || !p.to.Known() || p.to < p.from {
			continue
		}
		line := fmt.Sprintf("%s %v", p.action, time.Duration(p.to-p.from).Round(time.Microsecond))
		if p.source != "" {
			line += " from " + p.source
		}
		lines = append(lines, line)
		switch {
		case !a.Started.Known():
		case p.from >= a.Ended && a.Ended.Known():
			a.Over = max(a.Over, p.to)
		case l == nil || p.to > a.Started:
		default:
			from := max(p.from, l.until)
			meanwhile = meanwhile || from != p.from
			if from < p.to {
				a.Claimed = min(a.Claimed, from)
			}
			if p.action == "transfer" && from < p.to {
				a.Fetch += time.Duration(p.to - from)
			}
		}
	}
	if meanwhile {
		b.run.Notes.Recorded(1, "tasks had data transferred while their thread executed another one")
	}
	a.Fetch = min(a.Fetch, time.Duration(max(a.Started-a.Claimed, 0)))
	return lines
}

// addGraph adds edges, and the tasks of the graph that have no record.
func (b *builder) addGraph() error {
	if b.dependencies == nil {
		b.run.Notes.Remark(record.NoteLeftOut, "a task stream has no dependencies; the script that dagscope import --snippet dask prints saves them as well")
		return nil
	}
	keys := make([]string, 0, len(b.dependencies))
	for key := range b.dependencies {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if len(keys)+len(b.run.Tasks) > records.MaxTasks {
		return fmt.Errorf("%w: %d keys", records.ErrTooLarge, len(keys))
	}
	never := 0
	for _, key := range keys {
		if _, there := b.number[key]; there {
			continue
		}
		n := b.addTask(key)
		if blame := b.blamed[key]; blame != "" && blame != key {
			b.run.Tasks[n].Skipped = true
			b.run.Notes.Recorded(1, "tasks did not run because one before them failed")
		} else {
			never++
		}
	}
	b.run.Notes.Recorded(never, "keys of the graph have no record: they did not run, or were there before")
	edges, outside := 0, 0
	for _, key := range keys {
		n := b.number[key]
		for _, other := range b.dependencies[key] {
			p, there := b.number[other]
			if !there {
				outside++
				continue
			}
			if edges++; edges > records.MaxEdges {
				return fmt.Errorf("%w: more than %d edges", records.ErrTooLarge, records.MaxEdges)
			}
			if p != n {
				b.run.Tasks[n].Parents = append(b.run.Tasks[n].Parents, p)
			}
		}
		b.addInputs(&b.run.Tasks[n])
	}
	b.run.Notes.LeftOut(outside, "dependencies are keys that are not in the file")
	return nil
}

// addInputs gives a task the results of its parents as inputs.
func (b *builder) addInputs(t *records.Task) {
	slices.Sort(t.Parents)
	t.Parents = slices.Compact(t.Parents)
	for _, p := range t.Parents {
		t.Inputs = append(t.Inputs, records.Input{From: p, Bytes: b.run.Tasks[p].OutputBytes})
	}
}
