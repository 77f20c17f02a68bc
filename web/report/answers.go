package report

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
	"github.com/dagscope/dagscope/web/api"
)

const (
	// explained is of how many tasks that did not end well a report shows the details.
	explained = 50
	// mostCompared bounds an answer about other runs, in bytes; a page without it has nothing to compare with.
	mostCompared = 256 << 10
)

// answers are what the API answers to the page.
type answers struct {
	run    record.RunID
	cfg    Config
	byPath map[string]json.RawMessage // by path below Base, and the query with its parameters sorted
	// summary is decoded from the answer that has it.
	summary api.RunSummary
}

// ask asks for everything that the page of a run asks for.
func ask(ctx context.Context, cfg Config, run record.RunID, table *runtable.Table) (*answers, error) {
	a := &answers{run: run, cfg: cfg, byPath: map[string]json.RawMessage{}}
	at := "/runs/" + url.PathEscape(string(run))
	for _, path := range []string{at, at + "/graph", at + "/layout", at + "/workers", "/server"} {
		body, err := a.get(ctx, path)
		if err != nil {
			return nil, err
		}
		a.byPath[path] = body
	}
	if err := json.Unmarshal(a.byPath[at], &a.summary); err != nil {
		return nil, fmt.Errorf("report: summary of run %s: %w", run, err)
	}
	for _, node := range troubled(table) {
		path := at + "/tasks/" + strconv.FormatUint(uint64(node), 10)
		body, err := a.get(ctx, path)
		if err != nil {
			return nil, err
		}
		a.byPath[path] = body
	}
	return a, a.compare(ctx, at)
}

// troubled lists the first tasks with an attempt that did not end well.
func troubled(table *runtable.Table) (nodes []dag.NodeID) {
	seen := map[dag.NodeID]bool{}
	for i := 0; i < table.Rows() && len(nodes) < explained; i++ {
		row := table.Row(i)
		switch row.Outcome {
		case record.OutcomeFailed, record.OutcomeRetrying, record.OutcomeLost:
			if !seen[row.Node] {
				seen[row.Node] = true
				nodes = append(nodes, row.Node)
			}
		}
	}
	return nodes
}

// compare asks for what the page compares the run with: its peers, as the page chooses them at first. Of other runs only
// the makespans stay.
func (a *answers) compare(ctx context.Context, at string) error {
	peers := url.Values{"before": {string(a.run)}, "peers": {"same"}}
	list := "/runs?" + with(peers, "limit", "100")
	history := "/stats?" + with(peers, "metric", "execute_ns", "group_by", "function", "quantiles", "0.25,0.5,0.75", "bins", "46")
	for _, path := range []string{at + "?peers=same", list, history} {
		body, err := a.get(ctx, path)
		if err != nil {
			return err
		}
		if path == list {
			if body, err = onlyMakespans(body); err != nil {
				return err
			}
		}
		if len(body) <= mostCompared {
			a.byPath[path] = body
		}
	}
	return nil
}

// with is a query with further parameters, sorted.
func with(query url.Values, more ...string) string {
	all := url.Values{}
	for name, values := range query {
		all[name] = values
	}
	for i := 0; i+1 < len(more); i += 2 {
		all.Set(more[i], more[i+1])
	}
	return all.Encode()
}

// onlyMakespans leaves out of a list of runs everything that the page does not compare with.
func onlyMakespans(list []byte) ([]byte, error) {
	type run struct {
		MakespanNS int64 `json:"makespan_ns"`
	}
	var kept struct {
		Runs  []run           `json:"runs"`
		Peers json.RawMessage `json:"peers,omitempty"`
	}
	if err := json.Unmarshal(list, &kept); err != nil {
		return nil, fmt.Errorf("report: list of runs: %w", err)
	}
	return json.Marshal(kept)
}

// get makes a request to the API.
func (a *answers) get(ctx context.Context, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.cfg.Base+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	out := answer{header: http.Header{}, status: http.StatusOK}
	a.cfg.API.ServeHTTP(&out, r)
	if out.status == http.StatusOK {
		return bytes.TrimSpace(out.body.Bytes()), nil
	}
	problem := api.Problem{Status: out.status}
	if err := json.Unmarshal(out.body.Bytes(), &problem); err != nil {
		return nil, fmt.Errorf("report: %s is answered by status %d", path, out.status)
	}
	return nil, &problem
}

// answer receives a response.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// pack puts answers and frames together, see FORMAT.md.
func (a *answers) pack(version string, frames [][]byte) ([]byte, error) {
	head, err := json.Marshal(struct {
		Run     record.RunID               `json:"run"`
		Version string                     `json:"version"`
		Answers map[string]json.RawMessage `json:"answers"`
	}{a.run, version, a.byPath})
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	var out []byte
	for _, part := range append([][]byte{head}, frames...) {
		if len(part) > math.MaxUint32 {
			return nil, errors.New("report: a part of the run exceeds 4 GiB, expected less")
		}
		out = binary.LittleEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return out, nil
}
