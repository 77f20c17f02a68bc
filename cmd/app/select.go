package app

import (
	"context"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// lastRun stands for the newest run on the command line.
const lastRun = "last"

// runsPerPage is how many runs are read at a time.
const runsPerPage = 256

// eachRun calls f with every run, latest first, until f returns false.
func eachRun(ctx context.Context, store metricsstore.Store, f func(*metricsstore.Run) bool) error {
	for after := (metricsstore.Position{}); ; {
		runs, err := store.Runs(ctx, after, runsPerPage)
		if err != nil {
			return err
		}
		for i := range runs {
			if !f(&runs[i]) {
				return nil
			}
		}
		if len(runs) < runsPerPage {
			return nil
		}
		after = runs[len(runs)-1].Position()
	}
}

// findRun finds the run that an argument means: its ID, a beginning or an end of an ID that no other run has, or last for
// the newest run.
func findRun(ctx context.Context, store metricsstore.Store, text string) (metricsstore.Run, error) {
	var found []metricsstore.Run
	exact := false
	err := eachRun(ctx, store, func(r *metricsstore.Run) bool {
		id := string(r.Info.ID)
		switch {
		case id == text:
			found, exact = []metricsstore.Run{*r}, true
		case text == lastRun:
			found = append(found, *r)
		case text != "" && (strings.HasPrefix(id, text) || strings.HasSuffix(id, text)):
			found = append(found, *r)
			return true
		default:
			return true
		}
		return false
	})
	if err != nil {
		return metricsstore.Run{}, err
	}
	return oneOf(found, text, exact)
}

// oneOf returns the only run that was found, or an error if there are none or several.
func oneOf(found []metricsstore.Run, text string, exact bool) (metricsstore.Run, error) {
	switch {
	case len(found) == 1 || exact:
		return found[0], nil
	case len(found) == 0 && text == lastRun:
		return metricsstore.Run{}, usage("there is no run yet, so %q means nothing; expected an existing run", lastRun)
	case len(found) == 0:
		return metricsstore.Run{}, usage("there is no run %q, expected an ID, an end or a beginning of one, or %s; the command runs lists them", text, lastRun)
	default:
		return metricsstore.Run{}, usage("%q could be any of %d runs such as %s, expected more of the ID", text, len(found), someIDs(found))
	}
}

func someIDs(runs []metricsstore.Run) string {
	const some = 3
	ids := make([]string, 0, some)
	for i := range runs[:min(some, len(runs))] {
		ids = append(ids, string(runs[i].Info.ID))
	}
	return strings.Join(ids, ", ")
}

// findRuns finds several runs, without duplicates.
func findRuns(ctx context.Context, store metricsstore.Store, texts []string) ([]metricsstore.Run, error) {
	var found []metricsstore.Run
	seen := map[record.RunID]bool{}
	for _, text := range texts {
		r, err := findRun(ctx, store, text)
		if err != nil {
			return nil, err
		}
		if !seen[r.Info.ID] {
			found, seen[r.Info.ID] = append(found, r), true
		}
	}
	return found, nil
}
