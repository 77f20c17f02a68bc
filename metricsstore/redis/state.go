package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// records are what is kept of runs, each by itself: their fields, logs, rows, attachments and roll-ups.
type records struct {
	*runIndex
	name    string // the sender in messages of this store
	mergeAt int    // looseAtRead, except in tests
}

// message notifies other processes that a run has changed.
func (k *records) message(run record.RunID) string { return k.name + " " + string(run) }

// state is what decisions about a run are based on.
type state struct {
	version    string // empty where the run does not exist
	header     metricsstore.Header
	annotation metricsstore.Annotation
	lease      metricsstore.Lease
	parcel     string
}

// state reads the state of a run. It is no error that the run does not exist.
func (k *records) state(ctx context.Context, run record.RunID) (state, error) {
	values, err := k.fields(ctx, run, versionField, headerField, annotationField, leaseField, parcelField)
	if err != nil || values == nil {
		return state{}, err
	}
	kept := state{version: values[0], parcel: values[4]}
	err = errors.Join(unmarshal(values[1], &kept.header), unmarshal(values[2], &kept.annotation))
	if values[3] != "" {
		err = errors.Join(err, unmarshal(values[3], &kept.lease))
	}
	if err != nil {
		return state{}, fmt.Errorf("%w: run %s: %w", metricsstore.ErrCorrupt, run, err)
	}
	return kept, nil
}

// fields reads fields of a run, empty for a field that does not exist; nil where the run does not exist. At least one
// must be a field that each run has.
func (k *records) fields(ctx context.Context, run record.RunID, names ...string) ([]string, error) {
	return ask(ctx, k.server, func(ctx context.Context) ([]string, error) {
		return fieldsOf(k.cfg.Client.HMGet(ctx, k.key(run, runPart), names...))
	})
}

// fieldsOf reads the answer for fields of a run.
func fieldsOf(cmd *goredis.SliceCmd) ([]string, error) {
	values, err := cmd.Result()
	if err != nil || !slices.ContainsFunc(values, func(v any) bool { return v != nil }) {
		return nil, err
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i], _ = v.(string)
	}
	return out, nil
}

func unmarshal(text string, to any) error {
	if err := json.Unmarshal([]byte(text), to); err != nil {
		return fmt.Errorf("%q: %w", text[:min(len(text), 40)], err)
	}
	return nil
}

// viewFields are the fields that a metricsstore.Run is made of.
var viewFields = []string{
	headerField, annotationField, lastField, stepsField, detailsField, logField, digestsField, bytesField, faultsField, parcelField,
}

// view is a run as it is read, and the token of rows that are kept and not yet where they belong.
type view struct {
	metricsstore.Run
	known  []metricsstore.Fault // those that Repair has recorded
	found  int                  // number of others
	header string
	parcel string
}

// parseView reads viewFields. A header that cannot be read is reconstructed from the position.
func parseView(p metricsstore.Position, values []string) view {
	var v view
	fault := func(part metricsstore.Part, err error) {
		if err != nil {
			v.Faults = append(v.Faults, metricsstore.NewFault(part, err))
		}
	}
	err := unmarshal(values[0], &v.Header)
	if err == nil && v.Info.ID != p.Run {
		err = fmt.Errorf("it is that of run %s", v.Info.ID)
	}
	if err != nil {
		remains := metricsstore.Remains{Position: p}
		v.Header = remains.Header()
		fault(metricsstore.HeaderPart, err)
	}
	err = unmarshal(values[1], &v.Annotation)
	if err != nil {
		v.Annotation = metricsstore.Annotation{}
	}
	fault(metricsstore.AnnotationPart, err)
	err = nil
	if last := values[2]; last != "" {
		v.LastSeq, err = parseSeq(last)
	}
	var totals [5]int64
	for i := range totals {
		var bad error
		totals[i], bad = strconv.ParseInt(values[3+i], 10, 64)
		err = errors.Join(err, bad)
	}
	fault(metricsstore.RecordsPart, err)
	v.Steps, v.Details, v.Bytes = uint64(totals[0]), int(totals[1]), totals[2]+totals[3]+totals[4]
	if text := values[8]; text != "" {
		fault(metricsstore.RecordsPart, unmarshal(text, &v.known))
	}
	v.found = len(v.Faults)
	v.Faults = append(v.Faults, v.known...)
	v.header, v.parcel = values[0], values[9]
	return v
}

// listed finds where a run is listed by searching the list, for a run whose header does not say.
func (x *runIndex) listed(ctx context.Context, run record.RunID) (positions []string, err error) {
	for bound := "-"; ; {
		entries, err := x.entries(ctx, runsIndex, bound, "+", entriesPerRead)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if p, err := metricsstore.ParsePosition([]byte(e)); err == nil && p.Run == run {
				positions = append(positions, e)
			}
		}
		if len(entries) < entriesPerRead {
			return positions, nil
		}
		bound = "(" + entries[len(entries)-1]
	}
}
