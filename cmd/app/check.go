package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
)

// checkCommand looks for damage in the records.
type checkCommand struct {
	Repair bool `help:"Remove what cannot be read. A copy of the damaged files is kept."`
	storeFlags
}

// checkJSON is the result of a check.
type checkJSON struct {
	Data     string   `json:"data"`
	OK       bool     `json:"ok"`
	Runs     int      `json:"runs"`
	Problems []string `json:"problems"`
	// Damaged are the runs that have lost data for good.
	Damaged  []damagedJSON          `json:"damaged"`
	Repaired *metricsstore.Repaired `json:"repaired,omitempty"`
}

// damagedJSON is a run that has lost data.
type damagedJSON struct {
	Run  record.RunID `json:"run"`
	Text string       `json:"text"`
}

// Run checks the store; problems lead to exit code 1. Without --repair nothing is changed, even where any other command
// would rewrite a damaged file.
func (c *checkCommand) Run(ctx context.Context, s *session) error {
	if _, err := os.Stat(s.flags.Data); err != nil && !c.inRedis() {
		return noFolder(err)
	}
	err := s.withHomeAs(ctx, c.storeFlags, embedded.Config{KeepDamage: !c.Repair}, func(h *home) error {
		return c.check(ctx, s, h.store)
	})
	var reported reportedError
	if !c.Repair && errors.Is(err, metricsstore.ErrCorrupt) && !errors.As(err, &reported) {
		return printCheck(s, checkJSON{Data: s.flags.Data, Problems: strings.Split(err.Error(), "\n"), Damaged: []damagedJSON{}})
	}
	return err
}

func (c *checkCommand) check(ctx context.Context, s *session, store metricsstore.Store) error {
	found := checkJSON{Data: s.where, Problems: []string{}, Damaged: []damagedJSON{}}
	if c.Repair {
		repairer, ok := repairerOf(store)
		if !ok {
			return errors.New("--repair: this store cannot be repaired; delete removes damaged runs")
		}
		done, err := repairer.Repair(ctx)
		if err != nil {
			return err
		}
		found.Repaired = &done
	}
	err := store.Check(ctx)
	if ctx.Err() != nil || errors.Is(err, metricsstore.ErrClosed) {
		return err
	}
	if err != nil {
		found.Problems = strings.Split(err.Error(), "\n")
	}
	err = eachRun(ctx, store, func(r *metricsstore.Run) bool {
		found.Runs++
		if text := r.Damaged(); text != "" {
			found.Damaged = append(found.Damaged, damagedJSON{r.Info.ID, text})
		}
		return true
	})
	if err != nil {
		found.Problems = append(found.Problems, err.Error())
	}
	found.OK = len(found.Problems) == 0
	return printCheck(s, found)
}

// repairerOf returns the Repairer of a store, if it has one.
func repairerOf(store metricsstore.Store) (metricsstore.Repairer, bool) {
	if f, ok := store.(forgetful); ok {
		store = f.Store
	}
	r, ok := store.(metricsstore.Repairer)
	return r, ok
}

func printCheck(s *session, found checkJSON) error {
	if s.flags.JSON {
		if err := s.printJSON(found); err != nil {
			return err
		}
	} else {
		found.print(s.stdout)
	}
	if !found.OK {
		return reportedError{exitFailed}
	}
	return nil
}

func (f *checkJSON) print(w io.Writer) {
	lines := func(texts []string) {
		for _, t := range texts {
			fmt.Fprintf(w, "  %s\n", printable(t))
		}
	}
	if r := f.Repaired; r != nil && len(r.Aside) > 0 {
		fmt.Fprintf(w, "%s is repaired; the damaged files are kept as %s\n", f.Data, strings.Join(r.Aside, ", "))
		lines(r.Damage)
		lines(r.Lost)
	}
	if !f.OK {
		fmt.Fprintf(w, "%s is damaged:\n", f.Data)
		lines(f.Problems)
		return
	}
	fmt.Fprintf(w, "%s is in order, with %s\n", f.Data, plural(int64(f.Runs), "run"))
	for _, d := range f.Damaged {
		fmt.Fprintf(w, "  run %s is damaged: %s\n", d.Run, printable(d.Text))
	}
}
