package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/static"
)

// recording is the largest recorded workflow, for those who have it.
const recording = "../../shared/wfinstances/montage-chameleon-dss-15d-001.json"

// Conditions that a page waits for.
const (
	shown = "window.dagscope?.run?.()?.complete === true && window.dagscope.idle()"
	alive = "window.dagscope?.frames?.() > 0 && window.dagscope.seq() > 0 && document.readyState === 'complete'"
	over  = "window.dagscope.run().complete === true && window.dagscope.idle()"
)

// screen measures what a reader of the dashboard sees and waits for.
type screen struct {
	*dashboard
	browser *chromium
	w       io.Writer
	steps   int // of the playhead
}

// onScreen measures the dashboard in a browser, and says so where there is no browser or no dashboard.
func onScreen(ctx context.Context, w io.Writer, o options) error {
	return inBrowser(ctx, w, func(b *chromium) (err error) {
		d, err := build(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.end()) }()
		s := &screen{dashboard: d, browser: b, w: w, steps: o.steps}
		fmt.Fprintf(w, "\nthe dashboard in %s, 1440 by 900 pixels, drawn without a graphics card\n", b.version)
		return s.measure(ctx)
	})
}

// onBoth compares the dashboard with an earlier one; without one it measures this alone.
func onBoth(ctx context.Context, w io.Writer, o options) error {
	return inBrowser(ctx, w, func(b *chromium) error { return versus(ctx, w, o, b) })
}

// inBrowser opens a browser for what is on screen.
func inBrowser(ctx context.Context, w io.Writer, measure func(*chromium) error) error {
	if !static.Built() {
		fmt.Fprintln(w, "\nleft out: what is on screen, because the dashboard is not built: make static, or npx vite build in static")
		return nil
	}
	browser, err := openBrowser(ctx)
	if errors.Is(err, errNoBrowser) {
		fmt.Fprintf(w, "\nleft out: what is on screen: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer browser.stop()
	return measure(browser)
}

func (s *screen) measure(ctx context.Context) error {
	recorded := false
	if _, err := os.Stat(recording); err == nil {
		if err := s.take(ctx, recording); err != nil {
			return err
		}
		recorded = true
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	runs, err := s.live(ctx)
	if err != nil {
		return err
	}
	if !recorded {
		fmt.Fprintf(s.w, "\nleft out: a recorded workflow, because there is no %s\n", filepath.Base(recording))
	} else {
		var list struct{ Runs []summary }
		if err := s.Ask(ctx, "/runs?text=montage", nil, &list); err != nil {
			return err
		}
		runs = append(runs, list.Runs...)
	}
	if err := s.load(runs); err != nil {
		return err
	}
	return s.scrub(runs)
}

// live watches a run of some 2,000 tasks that sleep, where up to a thousand change at once, and one of as many that keep
// all processors busy, those that the page and the service want too. Both take some 15 s.
func (s *screen) live(ctx context.Context) ([]summary, error) {
	var all []watch
	var runs []summary
	for _, c := range []struct{ does, work string }{{"sleeping", "1500ms"}, {"computing", "15ms"}} {
		params := map[string]string{"n": "2000", "work": c.work, "sleep": strconv.FormatBool(c.does == "sleeping")}
		got, err := s.watch(ctx, params)
		if err != nil {
			return nil, err
		}
		got.does = c.does
		got.run.Workflow += ", " + c.does
		all, runs = append(all, got), append(runs, got.run)
	}
	s.printLate(all)
	s.printThread(all)
	return runs, nil
}

func (s *screen) printLate(all []watch) {
	fmt.Fprint(s.w, "\nfrom a change of a task to the frame after the one that shows it, in ms\n")
	t := bench.Table(s.w)
	fmt.Fprint(t, "tasks\tchange\tnumber\tp50\tp95\tp99\tmax\t\n")
	latest := 0.0
	for _, c := range all {
		for _, l := range c.late {
			fmt.Fprintf(t, "%s\t%s\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t\n", c.does, l.change, len(l.ms), l.ms.At(0.5), l.ms.At(0.95), l.ms.At(0.99), l.ms.At(1))
			latest = max(latest, l.ms.At(0.95))
		}
	}
	t.Flush()
	goal(s.w, "ms until 95 of 100 changes of any kind are on screen", latest, 500)
}

func (s *screen) printThread(all []watch) {
	fmt.Fprint(s.w, "\nthe page's main thread meanwhile; painting is time on the clock, all work is processor time\n")
	t := bench.Table(s.w)
	fmt.Fprint(t, "tasks\tframes a s\tpainting p50 ms\tp95\tmax\tall work ms a frame\tshare of a core\theap MiB\tof a page that comes later\t\n")
	for _, c := range all {
		n := float64(len(c.paints))
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\t%.1f\t%.1f\t\n", c.does, n/c.lasted.Seconds(), c.paints.At(0.5), c.paints.At(0.95),
			c.paints.At(1), c.busy/n, c.busy/ms(int64(c.lasted)), c.heap/mebi, c.fresh/mebi)
	}
	t.Flush()
	// Only where tasks leave processors to the page: else this is how long it waits for one.
	goal(s.w, "ms of painting in 95 of 100 frames, tasks sleeping", all[0].paints.At(0.95), 16)
}

const mebi = 1 << 20

// watch is what came of a run that a page watched.
type watch struct {
	run    summary
	does   string
	late   []lateness
	paints bench.Series // ms of each frame's callback
	busy   float64      // ms of processor time of the main thread, without what the probe took
	lasted time.Duration
	heap   float64 // bytes at the end
	fresh  float64 // of a page that opens the ended run
}

type lateness struct {
	change string
	ms     bench.Series
}

// seen is what the probe noted.
type seen struct {
	Own     float64
	Paints  []float64
	Changes [][3]float64 // node, rank, ms since 1970
	Ended   [][2]float64 // tasks, ms since 1970
}

func (s *screen) watch(ctx context.Context, params map[string]string) (watch, error) {
	run, err := s.submit(ctx, "tree-reduction", params)
	if err != nil {
		return watch{}, err
	}
	page, err := s.browser.tab()
	if err != nil {
		return watch{}, err
	}
	defer page.close()
	if _, err := page.open(s.page(run), alive); err != nil {
		return watch{}, err
	}
	from, err := value[float64](page, "window.probe.watch()")
	if err != nil {
		return watch{}, err
	}
	before, err := page.busy()
	if err != nil {
		return watch{}, err
	}
	began := time.Now()
	if _, err := page.until(over); err != nil {
		return watch{}, err
	}
	got := watch{run: run, lasted: time.Since(began)}
	after, err := page.busy()
	if err != nil {
		return got, err
	}
	saw, err := value[seen](page, "window.probe.take()")
	if err != nil {
		return got, err
	}
	got.busy, got.paints = after-before-saw.Own, bench.NewSeries(saw.Paints)
	if got.heap, err = page.heap(); err != nil {
		return got, err
	}
	if got.fresh, err = s.fresh(run); err != nil {
		return got, err
	}
	got.late, err = s.late(ctx, run, from, saw)
	return got, err
}

// fresh is the heap of a page that opens an ended run.
func (s *screen) fresh(run summary) (float64, error) {
	page, err := s.browser.tab()
	if err != nil {
		return 0, err
	}
	defer page.close()
	if _, err := page.open(s.page(run), shown); err != nil {
		return 0, err
	}
	return page.heap()
}
