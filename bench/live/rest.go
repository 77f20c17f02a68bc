package main

import (
	"fmt"
	"time"

	"github.com/dagscope/dagscope/cmd/app/bench"
)

// loads is how often a page is loaded; the first finds nothing in the browser's caches.
const loads = 5

// rest is for how long a page is left alone.
const rest = 2 * time.Second

// load measures how long a page takes until all is loaded and drawn, from the moment at which its shell is there.
func (s *screen) load(runs []summary) error {
	fmt.Fprintf(s.w, "\nfrom the page's shell to all loaded and drawn, %d times, and at rest for %s after it\n", loads, rest)
	t := bench.Table(s.w)
	fmt.Fprint(t, "\ttasks\tedges\tshell ms\tfirst ms\tmedian\tmax\tframes at rest\twork at rest, ms a s\t\n")
	slowest, frames := 0.0, 0.0
	for _, run := range runs {
		got, err := s.loaded(run)
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t\n", run.Workflow, run.Tasks.Total, run.Edges, got.shell,
			got.first, got.all.At(0.5), got.all.At(1), got.frames, got.busy/rest.Seconds())
		slowest, frames = max(slowest, got.all.At(1)), max(frames, got.frames)
	}
	t.Flush()
	goal(s.w, "ms from the shell to all drawn", slowest, 2000)
	goal(s.w, "frames while nothing changes", frames, 0)
	return nil
}

// loading is what came of loading a page.
type loading struct {
	shell, first float64
	all          bench.Series
	frames, busy float64 // at rest
}

func (s *screen) loaded(run summary) (loading, error) {
	var got loading
	page, err := s.browser.tab()
	if err != nil {
		return got, err
	}
	defer page.close()
	for i := range loads {
		whole, err := page.open(s.page(run), shown)
		if err != nil {
			return got, err
		}
		shell, err := value[float64](page, "performance.getEntriesByType('navigation')[0].responseEnd")
		if err != nil {
			return got, err
		}
		if i == 0 {
			got.shell, got.first = shell, whole-shell
		}
		got.all = append(got.all, whole-shell)
	}
	got.all = bench.NewSeries(got.all)
	before, err := page.busy()
	if err != nil {
		return got, err
	}
	got.frames, err = value[float64](page, fmt.Sprintf(`new Promise((resolve) => {
		const before = window.probe.asked;
		setTimeout(() => resolve(window.probe.asked - before), %d);
	})`, rest.Milliseconds()))
	if err != nil {
		return got, err
	}
	after, err := page.busy()
	got.busy = after - before
	return got, err
}

// scrub measures what it costs to move the playhead over an ended run, and whether anything of that stays in memory.
func (s *screen) scrub(runs []summary) error {
	fmt.Fprintf(s.w, "\n%d steps of the playhead over an ended run: the main thread's work for a step, from seek to rendered, in ms\n", s.steps)
	t := bench.Table(s.w)
	fmt.Fprint(t, "\ttasks\tp50\tp95\tmax\tprocessor time\tpainting p50\tp95\tframe to frame p50\tp95\theap MiB\tKiB more after as many again\t\n")
	slowest, kept := 0.0, 0.0
	for _, run := range runs {
		got, err := s.scrubbed(run)
		if err != nil {
			return err
		}
		more := (got.heapAfter - got.heap) / 1024
		fmt.Fprintf(t, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%+.0f\t\n", run.Workflow, run.Tasks.Total, got.costs.At(0.5),
			got.costs.At(0.95), got.costs.At(1), got.busy/float64(s.steps), got.paints.At(0.5), got.paints.At(0.95), got.apart.At(0.5), got.apart.At(0.95), got.heap/mebi, more)
		slowest, kept = max(slowest, got.costs.At(0.95)), max(kept, more)
	}
	t.Flush()
	goal(s.w, "ms of work in 95 of 100 steps", slowest, 16)
	goal(s.w, "KiB kept after as many steps again", kept, 512)
	return nil
}

// scrubbing is what came of moving the playhead.
type scrubbing struct {
	costs, apart, paints bench.Series
	busy                 float64
	heap, heapAfter      float64
}

func (s *screen) scrubbed(run summary) (scrubbing, error) {
	var got scrubbing
	page, err := s.browser.tab()
	if err != nil {
		return got, err
	}
	defer page.close()
	if _, err := page.open(s.page(run), shown); err != nil {
		return got, err
	}
	var warm float64 // code that is made faster and what it keeps for that take room too
	for _, heap := range []*float64{&warm, &got.heap, &got.heapAfter} {
		if err := got.move(page, s.steps); err != nil {
			return got, err
		}
		if _, err := page.until(shown); err != nil {
			return got, err
		}
		if *heap, err = page.heap(); err != nil {
			return got, err
		}
	}
	return got, nil
}

// move moves the playhead once; what it notes takes the place of what it noted before.
func (got *scrubbing) move(page *tab, steps int) error {
	before, err := page.busy()
	if err != nil {
		return err
	}
	took, err := value[struct{ Costs, Apart, Paints []float64 }](page,
		fmt.Sprintf("window.probe.paints = [], window.probe.scrub(%d).then((r) => ({ ...r, paints: window.probe.paints }))", steps))
	if err != nil {
		return err
	}
	after, err := page.busy()
	got.busy = after - before
	got.costs, got.apart, got.paints = bench.NewSeries(took.Costs), bench.NewSeries(took.Apart), bench.NewSeries(took.Paints)
	return err
}
