package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
)

var contests = []contest{
	{"opening 20 tasks: ms of processor until it can be scrubbed", false, opens("20")},
	{"opening 2,000 tasks", false, opens("2000")},
	{"opening 10,000 tasks", false, opens("10000")},
	{"live, 100,000 tasks of 1 ms: frames a second", true, watchesLive},
	{"montage zoomed, panned: frames a second", true, pans("montage", "")},
	{"10,000 selected edges, panned: frames a second", true, pans("inputs", "?task="+strconv.Itoa(inputs))},
	{"16,384 workers, opened: ms at a stretch, the longest", false, stretches},
	{"100,000 tasks with the critical path, scrubbed: ms of processor a step", false, scrubs(strconv.Itoa(many))},
	{"a chain of 10,000 with the critical path, scrubbed", false, scrubs("chain")},
}

// opens opens a page in a fresh tab, and returns how long its main thread worked until the run could be scrubbed.
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
	return rate, errors.Join(err, s.Ask(ctx, "/runs/"+run.Run+"/cancel", struct{}{}, &cancelled))
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

// stretches opens a run of very many workers, and returns how long its page did not answer at most.
func stretches(_ context.Context, b *chromium, s *side) (float64, error) {
	page, err := b.tab()
	if err != nil {
		return 0, err
	}
	defer page.close()
	if _, err := page.open(s.page(s.runs["workers"]), shown); err != nil {
		return 0, err
	}
	return value[float64](page, "window.probe.longest()")
}

// scrubs moves the playhead to and fro while the critical path is shown.
func scrubs(name string) func(context.Context, *chromium, *side) (float64, error) {
	return func(_ context.Context, b *chromium, s *side) (float64, error) {
		page, err := b.tab()
		if err != nil {
			return 0, err
		}
		defer page.close()
		if _, err := page.open(s.page(s.runs[name])+"?cp=1", shown); err != nil {
			return 0, err
		}
		before, err := page.busy()
		if err != nil {
			return 0, err
		}
		if _, err := value[struct{}](page, fmt.Sprintf("window.probe.scrub(%d).then(() => ({}))", scrubSteps)); err != nil {
			return 0, err
		}
		after, err := page.busy()
		return (after - before) / scrubSteps, err
	}
}

// scrubSteps is how often a playhead is moved.
const scrubSteps = 120
