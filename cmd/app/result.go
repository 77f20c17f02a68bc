package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// resultCommand prints what a run returned.
type resultCommand struct {
	RunID string `arg:"" name:"run" help:"ID, an end or a beginning of one, or last."`
	targetFlags
}

// Validate is called by kong.
func (c *resultCommand) Validate() error { return c.check() }

// resultJSON is what a run returned.
type resultJSON struct {
	Run        record.RunID    `json:"run"`
	Result     json.RawMessage `json:"result"`      // null if only the beginning of its text is recorded
	ResultType string          `json:"result_type"` // in Go
	ResultText string          `json:"result_text"`
}

// Run prints the recorded text of the result on one line, without shortening it.
func (c *resultCommand) Run(ctx context.Context, s *session) error {
	return s.withRun(ctx, c.targetFlags, c.RunID, func(store metricsstore.Store, r *metricsstore.Run) error {
		if r.Status != record.Succeeded {
			return fmt.Errorf("run %s has no result: it is %s", r.Info.ID, r.Status)
		}
		queries, err := metricsstore.NewQueries(store)
		if err != nil {
			return err
		}
		end, err := queries.End(ctx, r.Info.ID)
		if errors.Is(err, metricsstore.ErrNotFound) {
			return fmt.Errorf("run %s has no recorded result", r.Info.ID)
		}
		if err != nil {
			return err
		}
		if s.flags.JSON {
			out := resultJSON{Run: r.Info.ID, ResultType: end.ResultType, ResultText: end.ResultText}
			if json.Valid([]byte(end.ResultText)) {
				out.Result = json.RawMessage(end.ResultText)
			}
			return s.printJSON(out)
		}
		_, err = fmt.Fprintln(s.stdout, printable(end.ResultText))
		return err
	})
}
