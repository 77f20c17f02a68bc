package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/compare"
	"github.com/dagscope/dagscope/metricsstore/findings"
	"github.com/dagscope/dagscope/metricsstore/normal"
	"github.com/dagscope/dagscope/metricsstore/predict"
	"github.com/dagscope/dagscope/metricsstore/whatif"
	"github.com/dagscope/dagscope/web/api"
)

// ErrUnreachable: nothing answers at the address, or something other than dagscope does.
var ErrUnreachable = errors.New("client: no dagscope service answers")

const (
	apiPath = "/api/v1"
	// maxAnswer bounds an answer that is held as a whole, in bytes.
	maxAnswer = 64 << 20
	// maxShown bounds how much of a foreign answer an error quotes, in bytes.
	maxShown = 80
)

// Config of a Client. URL is required; the zero value of the rest means the defaults.
type Config struct {
	// URL is where browsers find the service, with its base path: http://127.0.0.1:8080/.
	URL string
	// Token is what the service asks for; empty where it asks for none.
	Token string
	// Timeout bounds one call, except Archive, Export and Import; default 30 s.
	Timeout time.Duration
	// HTTP makes the requests; default http.DefaultClient.
	HTTP *http.Client
}

// Client calls one service. Safe for concurrent use.
type Client struct {
	cfg  Config
	base string // of the API, without a slash at its end
}

// New makes a client. It makes no request; the error says what is wrong with the URL.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("client: URL is %q, expected that of a service such as http://127.0.0.1:8080/", cfg.URL)
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	return &Client{cfg: cfg, base: strings.TrimSuffix(u.String(), "/") + apiPath}, nil
}

// Runs lists runs. The query is that of GET /runs.
func (c *Client) Runs(ctx context.Context, query url.Values) (api.RunList, error) {
	var out api.RunList
	err := c.call(ctx, http.MethodGet, "/runs?"+query.Encode(), nil, &out)
	return out, err
}

// Run returns the summary of a run.
func (c *Client) Run(ctx context.Context, run record.RunID) (api.RunSummary, error) {
	return c.summary(ctx, http.MethodGet, pathOf(run))
}

// Workflow describes a workflow that can be submitted.
func (c *Client) Workflow(ctx context.Context, name string) (api.Workflow, error) {
	var out api.Workflow
	err := c.call(ctx, http.MethodGet, "/workflows/"+url.PathEscape(name), nil, &out)
	return out, err
}

// Submit begins a run of a workflow that needs no files. It returns once the run has begun.
func (c *Client) Submit(ctx context.Context, s api.Submission) (api.RunSummary, error) {
	var out api.RunSummary
	err := c.call(ctx, http.MethodPost, "/runs", s, &out)
	return out, err
}

// SubmitFiles is Submit with files, by the names of their parameters.
func (c *Client) SubmitFiles(ctx context.Context, s api.Submission, files map[string]engine.File) (api.RunSummary, error) {
	if len(files) == 0 {
		return c.Submit(ctx, s)
	}
	form, err := newForm(s, files)
	if err != nil {
		return api.RunSummary{}, fmt.Errorf("client: %w", err)
	}
	var out api.RunSummary
	err = c.call(ctx, http.MethodPost, "/runs", form, &out)
	return out, err
}

// Cancel cancels a run; it ends once its tasks have returned, which may be later.
func (c *Client) Cancel(ctx context.Context, run record.RunID) (api.RunSummary, error) {
	return c.summary(ctx, http.MethodPost, pathOf(run)+"/cancel")
}

// Pause keeps a run from starting more tasks.
func (c *Client) Pause(ctx context.Context, run record.RunID) (api.RunSummary, error) {
	return c.summary(ctx, http.MethodPost, pathOf(run)+"/pause")
}

// Resume undoes Pause.
func (c *Client) Resume(ctx context.Context, run record.RunID) (api.RunSummary, error) {
	return c.summary(ctx, http.MethodPost, pathOf(run)+"/resume")
}

// Retry continues a run with what it has left, as its next revision, or submits the same once more, which gives
// another run.
func (c *Client) Retry(ctx context.Context, run record.RunID) (api.RunSummary, error) {
	return c.summary(ctx, http.MethodPost, pathOf(run)+"/retry")
}

// Result returns what a run returned.
func (c *Client) Result(ctx context.Context, run record.RunID) (api.Result, error) {
	var out api.Result
	err := c.call(ctx, http.MethodGet, pathOf(run)+"/result", nil, &out)
	return out, err
}

// Findings returns what made a run as long as it was, what says most first; of a live run, how far it is.
func (c *Client) Findings(ctx context.Context, run record.RunID) (findings.RunFindings, error) {
	var out findings.RunFindings
	err := c.call(ctx, http.MethodGet, pathOf(run)+"/findings", nil, &out)
	return out, err
}

// CriticalPath returns the critical path of an ended run.
func (c *Client) CriticalPath(ctx context.Context, run record.RunID) (analysis.Path, error) {
	var out analysis.Path
	err := c.call(ctx, http.MethodGet, pathOf(run)+"/critical-path", nil, &out)
	return out, err
}

// Compare returns what changed from one run to another. The query is that of GET /compare; partners and ratios of single
// tasks are left out.
func (c *Client) Compare(ctx context.Context, query url.Values) (compare.Comparison, error) {
	var out compare.Comparison
	err := c.call(ctx, http.MethodGet, "/compare?"+query.Encode(), nil, &out)
	return out, err
}

// Judgement returns whether a run took as long as its peers.
func (c *Client) Judgement(ctx context.Context, run record.RunID) (normal.Judgement, error) {
	var out normal.Judgement
	err := c.call(ctx, http.MethodGet, pathOf(run)+"/judgement", nil, &out)
	return out, err
}

// Trend returns since when runs of a workflow take another time. The query is that of GET /trend.
func (c *Client) Trend(ctx context.Context, query url.Values) (normal.Trend, error) {
	var out normal.Trend
	err := c.call(ctx, http.MethodGet, "/trend?"+query.Encode(), nil, &out)
	return out, err
}

// WhatIf answers what the makespan of an ended run would have been under other conditions. The query is that of
// GET /runs/{run}/whatif.
func (c *Client) WhatIf(ctx context.Context, run record.RunID, query url.Values) (whatif.Answer, error) {
	var out whatif.Answer
	err := c.call(ctx, http.MethodGet, pathOf(run)+"/whatif?"+query.Encode(), nil, &out)
	return out, err
}

// Predict returns how long a run would take if it were submitted now. The query is that of GET /predict.
func (c *Client) Predict(ctx context.Context, query url.Values) (predict.Prediction, error) {
	var out predict.Prediction
	err := c.call(ctx, http.MethodGet, "/predict?"+query.Encode(), nil, &out)
	return out, err
}

// PredictEnd returns when a run that has not ended will end.
func (c *Client) PredictEnd(ctx context.Context, run record.RunID) (predict.EndPrediction, error) {
	var out predict.EndPrediction
	err := c.call(ctx, http.MethodGet, pathOf(run)+"/predict", nil, &out)
	return out, err
}

// TaskLog returns what a task that is being executed has logged after a position, after waiting for up to wait until there is
// more, at most 10 s. It fails with api.ErrUnreached if the service cannot ask the worker that executes it.
func (c *Client) TaskLog(ctx context.Context, run record.RunID, node dag.NodeID, after worker.LogPosition, wait time.Duration) (worker.LogPart, error) {
	query := url.Values{"wait_ms": {strconv.FormatInt(wait.Milliseconds(), 10)}}
	if after.Attempt > 0 {
		text, _ := after.MarshalText() // it cannot fail
		query.Set("after", string(text))
	}
	var out struct {
		State   string
		Epoch   int
		Attempt int
		Text    string
		Missed  int64
		Next    string
	}
	if err := c.call(ctx, http.MethodGet, fmt.Sprintf("%s/tasks/%d/log?%s", pathOf(run), node, query.Encode()), nil, &out); err != nil {
		return worker.LogPart{}, err
	}
	if out.State == "elsewhere" {
		return worker.LogPart{}, api.ErrUnreached
	}
	part := worker.LogPart{
		Text: []byte(out.Text), Missed: out.Missed, Running: out.State == "running", Next: worker.LogPosition{Epoch: out.Epoch, Attempt: out.Attempt},
	}
	if out.Next == "" {
		return part, nil
	}
	return part, part.Next.UnmarshalText([]byte(out.Next))
}

// Annotate replaces tags and note of a run.
func (c *Client) Annotate(ctx context.Context, run record.RunID, a metricsstore.Annotation) (api.RunSummary, error) {
	body := struct {
		Tags []string `json:"tags"`
		Note string   `json:"note"`
	}{append([]string{}, a.Tags...), a.Note}
	var out api.RunSummary
	err := c.call(ctx, http.MethodPatch, pathOf(run), body, &out)
	return out, err
}

// Delete deletes a run that has ended.
func (c *Client) Delete(ctx context.Context, run record.RunID) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	answer, err := c.do(ctx, http.MethodDelete, pathOf(run), nil)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// Import imports the runs in a file: an archive, a record of another tool, or a tar or zip file of them. name is the
// name of the file, by which the results refer to it. The error is an api.Problem if no run was imported.
func (c *Client) Import(ctx context.Context, name string, file io.Reader) (api.Import, error) {
	var out api.Import
	answer, err := c.do(ctx, http.MethodPost, "/imports?"+url.Values{"name": {name}}.Encode(), content{"application/octet-stream", file})
	if err != nil {
		return out, err
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	return out, c.decode(answer, &out)
}

// Export downloads a run in the format csv, records, events or chrome. The caller closes it.
func (c *Client) Export(ctx context.Context, run record.RunID, format string) (io.ReadCloser, error) {
	answer, err := c.do(ctx, http.MethodGet, pathOf(run)+"/export?"+url.Values{"format": {format}}.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// Archive downloads a run as an archive file, which metricsstore.ReadArchive reads. The caller closes it.
func (c *Client) Archive(ctx context.Context, run record.RunID) (io.ReadCloser, error) {
	answer, err := c.do(ctx, http.MethodGet, pathOf(run)+"/archive", nil)
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

func pathOf(run record.RunID) string { return "/runs/" + url.PathEscape(string(run)) }

func (c *Client) summary(ctx context.Context, method, path string) (api.RunSummary, error) {
	var out api.RunSummary
	err := c.call(ctx, method, path, nil, &out)
	return out, err
}

// call makes a request and decodes its answer.
func (c *Client) call(ctx context.Context, method, path string, body, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	answer, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	return c.decode(answer, out)
}

// decode reads the body of an answer.
func (c *Client) decode(answer *http.Response, out any) error {
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w at %s: %w", ErrUnreachable, c.cfg.URL, err)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%w at %s, but something that answers %q", ErrUnreachable, c.cfg.URL, beginning(data))
	}
	return nil
}

// do makes a request and returns the answer where it is a success. The body is nil, a content, or a value that is
// sent as JSON.
func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	content, err := contentOf(body)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, content.data)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if content.mediaType != "" {
		r.Header.Set("Content-Type", content.mediaType)
	}
	if c.cfg.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	}
	answer, err := c.cfg.HTTP.Do(r)
	if err != nil {
		if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w at %s: %w", ErrUnreachable, c.cfg.URL, err)
	}
	if answer.StatusCode/100 == 2 {
		return answer, nil
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	return nil, c.refusal(answer)
}

// refusal is the problem in an answer.
func (c *Client) refusal(answer *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	var p api.Problem
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil || p.Status != answer.StatusCode {
		return fmt.Errorf("%w at %s, but something that answers %s", ErrUnreachable, c.cfg.URL, answer.Status)
	}
	return &p
}

// beginning is as much of an answer as an error quotes.
func beginning(data []byte) string {
	return strings.ToValidUTF8(string(data[:min(len(data), maxShown)]), "�")
}
