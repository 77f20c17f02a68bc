package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// runOnce executes a workflow, shows its progress, and reports its outcome from the record. When ctx ends, the run is
// cancelled and still reported.
func (s *session) runOnce(
	ctx context.Context, e *engine.Engine, h *home, workflow string, args engine.Args, o engine.RunOptions,
) (*runReport, error) {
	r, err := e.SubmitWorkflow(ctx, workflow, args, o)
	if err != nil {
		return nil, err
	}
	return s.follow(ctx, h, r)
}

// follow shows the progress of a run that has begun, and reports its outcome from the record.
func (s *session) follow(ctx context.Context, h *home, r *engine.Run) (*runReport, error) {
	p := s.newProgress(r.ID(), r.Info().Workflow, r.Graph().Tasks(), r.Progress)
	if h.redis != nil {
		watch, err := s.newStallWatch(h, r)
		if err != nil {
			return nil, err
		}
		watching := inBackground(ctx, "stall watch", watch.Run)
		defer func() { _ = watching.stop() }() // it cannot fail
	}
	if err := s.await(ctx, r, p); err != nil {
		return nil, err
	}
	lasting := context.WithoutCancel(ctx)
	incomplete := r.WaitRecorded(lasting)
	kept, err := h.store.Run(lasting, r.ID())
	if incomplete == nil {
		incomplete = err
	}
	report := newRunReport(r.Info(), r.Progress(), r.End(), &kept)
	report.recordedAt(s.where, incomplete)
	p.end(time.Duration(report.MakespanNS))
	return report, nil
}

const (
	// noticeAfter is how long cancelling takes before a notice is printed.
	noticeAfter = time.Second
	// cancelEvery is how often cancelling is repeated, in case Redis did not answer.
	cancelEvery = 5 * time.Second
	// cancelWithin bounds cancelling: other processes notice it within ten seconds, and their tasks have ten more to return.
	cancelWithin = 30 * time.Second
)

// await shows the progress of a run until it has ended. When ctx ends, it cancels the run; it fails if the run does not
// end then.
func (s *session) await(ctx context.Context, r *engine.Run, p *progress) error {
	show := time.NewTicker(progressEvery)
	defer show.Stop()
	for ctx.Err() == nil {
		select {
		case <-r.Done():
			return nil
		case <-show.C:
			p.show()
		case <-ctx.Done():
		}
	}
	notice := time.After(noticeAfter)
	for last := time.After(cancelWithin); ; {
		r.Cancel()
		select {
		case <-r.Done():
			return nil
		case <-notice:
			s.notice("%s  is being cancelled; a second signal ends this process at once", r.ID())
		case <-time.After(cancelEvery):
		case <-last:
			return fmt.Errorf("run %s could not be cancelled within %s and may still be active in other processes", r.ID(), cancelWithin)
		}
	}
}

// readFile reads the file that a parameter names.
func readFile(path string) (engine.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return engine.File{}, fmt.Errorf("expected a file that can be read: %w", err)
	}
	return engine.File{Name: filepath.Base(path), Data: data}, nil
}
