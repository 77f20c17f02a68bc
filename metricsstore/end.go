package metricsstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/dagscope/dagscope/engine/record"
)

// maxHeaderText bounds each text of a header that has no other bound, in bytes; the whole is attached.
const maxHeaderText = 1 << 10

// end flushes and archives the run. While the store fails it tries again; each of the two may take twice the timeout
// of a call.
func (rec *recording) end(end record.RunEnd) error {
	lost := rec.flush()
	h := rec.stop()
	h.Status, h.EndedAt, h.Error, h.ResultText = end.Status, end.EndedAt, shortened(end.First), cutText(end.ResultText)
	ctx, cancel := context.WithTimeout(context.Background(), 2*rec.recorder.cfg.Timeout)
	defer cancel()
	err := rec.insist(ctx, func() error { return rec.archive(ctx, &h, &end) })
	if err != nil {
		return fmt.Errorf("metricsstore: run %s is not archived: %w", h.Info.ID, errors.Join(lost, err))
	}
	if h.Upload.Partial() {
		return fmt.Errorf("metricsstore: run %s is partial, kept were %s: %w", h.Info.ID, h.Upload, errors.Join(lost, rec.folding))
	}
	return rec.folding
}

// flush hands all that waits to the store, and keeps trying for a while where the store fails.
func (rec *recording) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*rec.recorder.cfg.Timeout)
	defer cancel()
	return errors.Join(
		rec.insist(ctx, rec.flushSteps),
		rec.insist(ctx, func() error { return rec.flushRows(allRows) }),
	)
}

// stop ends the renewal of the lease and returns the header as far as the recording knows it.
func (rec *recording) stop() Header {
	rec.sending.take()
	defer rec.sending.give()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.ended = true
	h := rec.header
	h.Upload = rec.upload
	return h
}

// insist repeats a call until it succeeds or ctx ends; then it returns the last error.
func (rec *recording) insist(ctx context.Context, call func() error) error {
	for wait := minBackoff; ; wait = min(2*wait, maxBackoff) {
		rec.mu.Lock()
		rec.retryAt = time.Time{}
		rec.mu.Unlock()
		err := call()
		if err == nil || isLasting(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// isLasting reports whether trying again is useless.
func isLasting(err error) bool {
	for _, kind := range []error{ErrClosed, ErrNotFound, ErrConflict, ErrCorrupt, ErrInvalid} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// archive keeps all that is known at the end. What the store does not have is not summed up either, so that roll-ups
// are always folds of what is kept.
func (rec *recording) archive(ctx context.Context, h *Header, end *record.RunEnd) error {
	ctx, cancel := context.WithTimeout(ctx, rec.recorder.cfg.Timeout)
	defer cancel()
	a := rec.recorder.archiver
	release, err := a.acquire(ctx, h.Info.ID)
	if err != nil {
		return err
	}
	defer release()
	if rec.adopted {
		if err := rec.countDetails(ctx, h); err != nil {
			return err
		}
	}
	f := rec.fold
	if h.Upload.StepsKept < h.Upload.Steps || rec.folding != nil {
		if f, err = a.refold(ctx, h.Info.ID); err != nil {
			return err
		}
	}
	data, err := json.Marshal(end)
	if err != nil {
		return fmt.Errorf("metricsstore: end of run %s: %w", h.Info.ID, err)
	}
	return a.archive(ctx, h, f, map[string][]byte{AttachEnd: data})
}

// countDetails counts the details that are kept of a run with several recorders: much of it was delivered to each of
// them, so their counts cannot be added.
func (rec *recording) countDetails(ctx context.Context, h *Header) error {
	kept, err := rec.recorder.cfg.Store.Run(ctx, h.Info.ID)
	if err != nil {
		return err
	}
	dropped := rec.upload.Details - rec.upload.DetailsKept
	h.Upload.Details, h.Upload.DetailsKept = int64(kept.Details)+dropped, int64(kept.Details)
	return nil
}

// shortened bounds the texts of an error record, so that a header can hold it.
func shortened(e *record.ErrorRecord) *record.ErrorRecord {
	if e == nil {
		return nil
	}
	c := *e
	c.Message, c.Stack = cutText(c.Message), ""
	return &c
}

// cutMark ends a text that was cut.
const cutMark = "…"

// cutText bounds a text: where it is cut, between characters, cutMark says so.
func cutText(s string) string {
	if len(s) <= maxHeaderText {
		return s
	}
	n := maxHeaderText - len(cutMark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + cutMark
}
