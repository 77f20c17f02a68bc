package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	// liveFor is how long a live run is watched, and panFor a graph is panned.
	liveFor = 8 * time.Second
	panFor  = 3 * time.Second
	// inputs is how many tasks a selected one waits for.
	inputs = 10_000
	// zooms are turns of the wheel that make the graph some twenty times as large.
	zooms = 10
	// leastUrgent is the priority of a process that leaves processors to all others.
	leastUrgent = 19
)

// scrubbable holds as soon as the pictures of an ended run are painted and its playhead can be moved.
const scrubbable = "window.dagscope?.seek !== undefined && window.dagscope.frames() > 0 && window.dagscope.run().complete === true"

// side is one of the two programs that are compared.
type side struct {
	*dashboard
	name string
	runs map[string]summary // by what is measured with it
}

// contest is one measurement, the same on both sides; more or less is better.
type contest struct {
	name   string
	isRate bool
	take   func(ctx context.Context, b *chromium, s *side) (float64, error)
}

// versus compares this dashboard with that of a program that was built before, taking turns, and prints the best of the
// rounds of each: machines are noisy, and noise only ever makes slower.
func versus(ctx context.Context, w io.Writer, o options, b *chromium) (err error) {
	now, err := build(ctx)
	if err != nil {
		return err
	}
	sides := []*side{{dashboard: now, name: "now"}}
	if o.before != "" {
		dir, err := os.MkdirTemp("", "dagscope-bench-before")
		if err != nil {
			return errors.Join(err, now.end())
		}
		sides = append([]*side{{dashboard: &dashboard{dir: dir, program: o.before}, name: "before"}}, sides...)
	}
	defer func() {
		for _, s := range sides {
			err = errors.Join(err, s.end())
		}
	}()
	for _, s := range sides {
		if err := s.prepare(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	best := map[string][]float64{}
	for round := range o.rounds {
		for _, c := range contests {
			for i := range sides {
				s := sides[(i+round)%len(sides)]
				got, err := c.take(ctx, b, s)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", s.name, c.name, err)
				}
				best[c.name+s.name] = append(best[c.name+s.name], got)
			}
		}
	}
	report(w, o, sides, best)
	return nil
}

func report(w io.Writer, o options, sides []*side, best map[string][]float64) {
	fmt.Fprintf(w, "\nthe dashboard, the best of %d rounds, taking turns\n", o.rounds)
	t := table(w)
	for _, s := range sides {
		fmt.Fprintf(t, "\t%s", s.name)
	}
	fmt.Fprint(t, "\tratio\t\n")
	for _, c := range contests {
		fmt.Fprint(t, c.name)
		ratio := math.NaN()
		for i, s := range sides {
			figures := sorted(best[c.name+s.name])
			figure := figures.at(0)
			if c.isRate {
				figure = figures.at(1)
			}
			fmt.Fprintf(t, "\t%.1f", figure)
			if i == 0 {
				ratio = 1 / figure
			} else {
				ratio *= figure
			}
		}
		if len(sides) == 1 {
			fmt.Fprint(t, "\t\t\n")
			continue
		}
		fmt.Fprintf(t, "\t%.2f\t\n", ratio)
	}
	t.Flush()
}

var contests = []contest{
	{"opening 20 tasks: ms of processor until it can be scrubbed", false, opens("20")},
	{"opening 2,000 tasks", false, opens("2000")},
	{"opening 10,000 tasks", false, opens("10000")},
	{"live, 100,000 tasks of 1 ms: frames a second", true, watchesLive},
	{"montage zoomed, panned: frames a second", true, pans("montage", "")},
	{"10,000 selected edges, panned: frames a second", true, pans("inputs", "?task="+strconv.Itoa(inputs))},
}

// prepare records what is shown.
func (s *side) prepare(ctx context.Context) error {
	file := filepath.Join(s.dir, "inputs.json")
	if err := writeInputs(file); err != nil {
		return err
	}
	s.runs = map[string]summary{}
	imported := map[string]string{"inputs": file}
	if _, err := os.Stat(recording); err == nil {
		imported["montage"] = recording
	}
	for _, path := range imported {
		if err := s.take(ctx, path); err != nil {
			return err
		}
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	// Tasks compute beside the browser: what is measured is the page, not how long it waits for a processor.
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, s.process.Process.Pid, leastUrgent); err != nil {
		return err
	}
	for name := range imported {
		var list struct{ Runs []summary }
		if err := s.ask(ctx, "/runs?text="+name, nil, &list); err != nil || len(list.Runs) == 0 {
			return errors.Join(err, fmt.Errorf("expected a run of %s", name))
		}
		s.runs[name] = list.Runs[0]
	}
	for _, tasks := range []int{20, 2000, 10_000} {
		run, err := s.submit(ctx, "tree-reduction", map[string]string{"n": strconv.Itoa(tasks + 1)})
		if err != nil {
			return err
		}
		s.runs[strconv.Itoa(tasks)] = run
	}
	return nil
}

// writeInputs writes a recording of one task that reads what many made.
func writeInputs(file string) error {
	type specified struct {
		Name     string   `json:"name"`
		ID       string   `json:"id"`
		Parents  []string `json:"parents"`
		Children []string `json:"children"`
	}
	type executed struct {
		ID      string  `json:"id"`
		Seconds float64 `json:"runtimeInSeconds"`
	}
	last := specified{Name: "gather", ID: "gather", Parents: []string{}, Children: []string{}}
	var tasks []specified
	var execution []executed
	for i := range inputs {
		id := fmt.Sprintf("part_%05d", i)
		tasks = append(tasks, specified{Name: "part", ID: id, Parents: []string{}, Children: []string{last.ID}})
		execution = append(execution, executed{id, 1})
		last.Parents = append(last.Parents, id)
	}
	raw, err := json.Marshal(map[string]any{
		"name": "inputs", "schemaVersion": "1.5", "createdAt": "2024-01-01T00:00:00Z",
		"workflow": map[string]any{
			"specification": map[string]any{"tasks": append(tasks, last), "files": []any{}},
			"execution": map[string]any{
				"makespanInSeconds": 100, "executedAt": "2024-01-01T00:00:00Z",
				"tasks":    append(execution, executed{last.ID, 1}),
				"machines": []any{map[string]any{"nodeName": "m", "cpu": map[string]any{"coreCount": 64}}},
			},
		},
	})
	return errors.Join(err, os.WriteFile(file, raw, 0o600))
}

// opens opens a page in a fresh tab, and tells how long its main thread worked until the run could be scrubbed.
func opens(name string) func(context.Context, *chromium, *side) (float64, error) {
	return func(_ context.Context, b *chromium, s *side) (float64, error) {
		page, err := b.tab()
		if err != nil {
			return 0, err
		}
		defer page.close()
		before, err := page.busy()
		if err != nil {
			return 0, err
		}
		if _, err := page.open(s.page(s.runs[name]), scrubbable); err != nil {
			return 0, err
		}
		after, err := page.busy()
		return after - before, err
	}
}

// watchesLive counts the frames of a page that watches a run of 100,000 tasks, which compute for longer than is watched.
func watchesLive(ctx context.Context, b *chromium, s *side) (float64, error) {
	params := map[string]string{"n": "100000", "work": "1ms"}
	run, err := s.submit(ctx, "tree-reduction", params)
	if err != nil {
		return 0, err
	}
	page, err := b.tab()
	if err != nil {
		return 0, err
	}
	defer page.close()
	if _, err := page.open(s.page(run), alive); err != nil {
		return 0, err
	}
	rate, err := value[float64](page, fmt.Sprintf("window.probe.rate(%d, () => !window.dagscope.run().complete)", liveFor.Milliseconds()))
	var cancelled summary
	return rate, errors.Join(err, s.ask(ctx, "/runs/"+run.Run+"/cancel", struct{}{}, &cancelled))
}

// pans zooms into the graph between its first levels, and counts frames while it is moved to and fro.
func pans(name, query string) func(context.Context, *chromium, *side) (float64, error) {
	return func(_ context.Context, b *chromium, s *side) (float64, error) {
		run, ok := s.runs[name]
		if !ok {
			return math.NaN(), nil
		}
		page, err := b.tab()
		if err != nil {
			return 0, err
		}
		defer page.close()
		if _, err := page.open(s.page(run)+query, shown); err != nil {
			return 0, err
		}
		return value[float64](page, fmt.Sprintf("window.probe.pan(%d, %d)", zooms, panFor.Milliseconds()))
	}
}
