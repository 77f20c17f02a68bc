package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/client"
)

const (
	// longestPoll is the longest interval between polls of a service. The first is progressEvery, and each is longer.
	longestPoll = time.Second
	// silentFor is how long a service may be silent while this command waits for its run: it may be restarting.
	silentFor = 30 * time.Second
)

// runThere submits a run to the service at url and reports its outcome.
func (s *session) runThere(
	ctx context.Context, at service, url string, submission api.Submission, files map[string]engine.File,
) (*runReport, error) {
	begun, err := at.SubmitFiles(ctx, submission, files)
	if err != nil {
		return nil, serviceError(err)
	}
	r := &remoteRun{service: at, now: begun}
	p := s.newProgress(begun.Run, begun.Workflow, int(begun.Tasks.Total), r.progress)
	if err := r.await(ctx, s, p); err != nil {
		return nil, err
	}
	report, err := r.report(context.WithoutCancel(ctx), url)
	if err != nil {
		return nil, err
	}
	p.end(time.Duration(report.MakespanNS))
	return report, nil
}

// remoteRun is a run that a service executes. The goroutine of the command owns it.
type remoteRun struct {
	service
	now    api.RunSummary // the last known state
	silent time.Time      // since when the service has not answered; zero while it answers
}

func (r *remoteRun) progress() execution.Progress {
	t := &r.now.Tasks
	return execution.Progress{
		Status: r.now.Status, Tasks: int(t.Total), Done: int(t.Done), Failed: int(t.Failed), Skipped: int(t.Skipped),
		Retries: int(r.now.Retries), Running: int(t.Running),
	}
}

// await shows the progress of the run until it has ended. When ctx ends, it cancels the run; it fails if the run does not
// end then.
func (r *remoteRun) await(ctx context.Context, s *session, p *progress) error {
	for every := progressEvery; r.now.Live; every = min(every*6/5, longestPoll) {
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return r.cancel(context.WithoutCancel(ctx), s)
		}
		if err := r.look(ctx, s); err != nil && ctx.Err() == nil {
			return err
		}
		p.show()
	}
	return nil
}

// look reads the state of the run. A service that does not answer is asked again for silentFor.
func (r *remoteRun) look(ctx context.Context, s *session) error {
	now, err := r.Run(ctx, r.now.Run)
	if err == nil {
		r.now, r.silent = now, time.Time{}
		return nil
	}
	if !isAway(err) {
		return serviceError(err)
	}
	switch {
	case ctx.Err() != nil:
	case r.silent.IsZero():
		r.silent = time.Now()
		s.notice("%s  the service does not answer; trying again for %s", r.now.Run, silentFor)
	case time.Since(r.silent) > silentFor:
		return fmt.Errorf("run %s may still be active there: %w", r.now.Run, serviceError(err))
	}
	return nil
}

// isAway reports whether a service, or its store, may answer later.
func isAway(err error) bool {
	var p *api.Problem
	return errors.Is(err, client.ErrUnreachable) || errors.As(err, &p) && p.Status == http.StatusServiceUnavailable
}

// cancel ends the run.
func (r *remoteRun) cancel(ctx context.Context, s *session) error {
	ctx, stop := context.WithTimeout(ctx, cancelWithin)
	defer stop()
	notice := time.Now().Add(noticeAfter)
	for again := time.Now(); r.now.Live; {
		if !time.Now().Before(again) {
			_, _ = r.Cancel(ctx, r.now.Run) // the effect is seen below
			again = time.Now().Add(cancelEvery)
		}
		if !notice.IsZero() && time.Now().After(notice) {
			s.notice("%s  is being cancelled; a second signal ends this process at once", r.now.Run)
			notice = time.Time{}
		}
		if err := r.look(ctx, s); err != nil {
			return err
		}
		select {
		case <-time.After(progressEvery):
		case <-ctx.Done():
			return fmt.Errorf("run %s could not be cancelled within %s and may still be active there", r.now.Run, cancelWithin)
		}
	}
	return nil
}

// report summarises the run, which has ended, from the record of the service.
func (r *remoteRun) report(ctx context.Context, url string) (*runReport, error) {
	id := r.now.Run
	store, err := r.fetched(ctx, id)
	if err != nil {
		return nil, err
	}
	kept, err := store.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	queries, err := metricsstore.NewQueries(store)
	if err != nil {
		return nil, err
	}
	end, err := queries.End(ctx, id)
	if err != nil && !errors.Is(err, metricsstore.ErrNotFound) { // an interrupted run has no end
		return nil, err
	}
	end.Status, end.First = kept.Status, kept.Error
	report := newRunReport(kept.Info, r.progress(), end, &kept)
	report.place = "--server " + url
	report.recordedAt(url, nil)
	return report, nil
}
