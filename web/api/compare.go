package api

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"net/http"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/compare"
)

// comparison is what changed from one run to another.
type comparison struct {
	compare.Comparison
	Columns pairColumns `json:"columns"`
}

// pairColumns has an entry for each node of the run, fan-outs and joins included, in the order of their numbers.
type pairColumns struct {
	Nodes   int    `json:"nodes"`
	Partner string `json:"partner" doc:"The node of the base that is the same task, as little-endian uint32 in base64; 4294967295 without one."`
	Ratio   string `json:"ratio" doc:"Its execution time in those of its partner, as little-endian float32 in base64; NaN if that is not known."`
}

type compareInput struct {
	Conditional
	A       string `query:"a" required:"true" maxLength:"64" doc:"A run; one that has not ended is compared as far as it is."`
	B       string `query:"b" maxLength:"64" doc:"The run that a is the base of: differences are those of b minus a."`
	Against string `query:"against" enum:"last-good" doc:"Instead of b: a is compared with the last run of its workflow before it that succeeded. Differences are those of a minus that one."`
	Last    int    `query:"last" minimum:"1" maximum:"50" doc:"Instead of b: a is compared with so many such runs; the one of median makespan stands for them in the decomposition."`
}

// set is how many earlier runs a is compared with, 0 for run b.
func (in *compareInput) set() (int, error) {
	given := 0
	for _, is := range []bool{in.B != "", in.Against != "", in.Last > 0} {
		if is {
			given++
		}
	}
	if given != 1 {
		return 0, NewProblem(http.StatusBadRequest, "query.b, query.against and query.last: %d of them are given, expected one", given)
	}
	if in.Against != "" {
		return 1, nil
	}
	return in.Last, nil
}

func (h *insideHandlers) getComparison(ctx context.Context, in *compareInput) (*answer[comparison], error) {
	n, err := in.set()
	if err != nil {
		return nil, err
	}
	a, err := h.kept(ctx, record.RunID(in.A))
	if err != nil {
		return nil, err
	}
	if n == 0 {
		b, err := h.kept(ctx, record.RunID(in.B))
		if err != nil {
			return nil, err
		}
		return h.compared(ctx, in, []metricsstore.Run{a}, &b)
	}
	earlier, err := compare.Earlier(ctx, h.queries, &a, n)
	if err != nil {
		return nil, compareProblem(err)
	}
	return h.compared(ctx, in, earlier, &a)
}

// compared compares a run with its base, or with a set of runs.
func (h *insideHandlers) compared(ctx context.Context, in *compareInput, base []metricsstore.Run, run *metricsstore.Run) (*answer[comparison], error) {
	parts := []any{"compare", in.B != ""}
	for i := range base {
		parts = append(parts, runTag(&base[i]))
	}
	return heavily(ctx, h.records, in, runTag(run, parts...), func(ctx context.Context) (comparison, error) {
		how := compare.RunWithSet
		if in.B != "" {
			how = compare.RunWithBase
		}
		c, err := how(ctx, h.queries, base, run)
		if err != nil {
			return comparison{}, compareProblem(err)
		}
		return comparison{Comparison: *c, Columns: newPairColumns(&c.Alignment)}, nil
	})
}

func newPairColumns(a *compare.Alignment) pairColumns {
	var partner, ratio []byte
	for node := range a.Partner {
		partner = binary.LittleEndian.AppendUint32(partner, uint32(a.Partner[node]))
		ratio = binary.LittleEndian.AppendUint32(ratio, math.Float32bits(a.Ratio[node]))
	}
	return pairColumns{
		Nodes: len(a.Partner), Partner: base64.StdEncoding.EncodeToString(partner), Ratio: base64.StdEncoding.EncodeToString(ratio),
	}
}

// compareProblem explains why runs cannot be compared.
func compareProblem(err error) error {
	switch {
	case errors.Is(err, compare.ErrDifferent), errors.Is(err, compare.ErrNoPath):
		return NewProblem(http.StatusUnprocessableEntity, "%s", plain(err))
	case errors.Is(err, compare.ErrNoBase):
		return NewProblem(http.StatusNotFound, "%s", plain(err))
	}
	return err
}
