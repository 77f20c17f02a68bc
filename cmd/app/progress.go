package app

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
)

// progressEvery is how often progress is read.
const progressEvery = 100 * time.Millisecond

// progress shows the progress of a run on stderr: as a bar on a terminal, otherwise as a line at its start and at its end.
type progress struct {
	s        *session
	run      record.RunID
	workflow string
	now      func() execution.Progress
	bar      *progressbar.ProgressBar // nil without a terminal
	retries  int                      // as shown by the bar
}

// newProgress announces a run that began with so many tasks, before any fan-out expanded.
func (s *session) newProgress(run record.RunID, workflow string, tasks int, now func() execution.Progress) *progress {
	p := &progress{s: s, run: run, workflow: workflow, now: now}
	if !s.bars {
		fmt.Fprintf(s.stderr, "%s  %s started with %s\n", run, workflow, plural(int64(tasks), "task"))
		return p
	}
	p.bar = progressbar.NewOptions64(max(int64(tasks), 1),
		progressbar.OptionSetWriter(s.stderr),
		progressbar.OptionSetDescription(workflow),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionClearOnFinish(),
	)
	return p
}

// show draws the bar again. The last task is left to end, because reaching the maximum would end the bar.
func (p *progress) show() {
	if p.bar == nil {
		return
	}
	now := p.now()
	if tasks := max(now.Tasks, 1); tasks != p.bar.GetMax() { // fan-outs add tasks
		p.bar.ChangeMax(tasks)
	}
	if now.Retries > p.retries {
		p.retries = now.Retries
		p.bar.Describe(p.workflow + ", " + count(int64(now.Retries)) + " retried")
	}
	_ = p.bar.Set(min(now.Done+now.Failed+now.Skipped, p.bar.GetMax()-1))
}

// end removes the bar and prints a line.
func (p *progress) end(makespan time.Duration) {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
	now := p.now()
	fmt.Fprintf(p.s.stderr, "%s  %s %s after %s: %s of %s done\n", p.run, p.workflow, now.Status,
		duration(makespan), count(int64(now.Done)), plural(int64(now.Tasks), "task"))
}
