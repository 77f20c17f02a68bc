package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	statememory "github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/api"
)

var update = flag.Bool("update", false, "rewrite openapi.json")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an API with an engine that works and a store in memory.
type world struct {
	t      testing.TB
	api    *api.API
	router chi.Router
	engine *engine.Engine
	store  metricsstore.Store
	record *metricsstore.Recorder
	jobs   *jobs
	gates  *gates
}

// jobs is an executor that remembers what it was given.
type jobs struct {
	execution.Executor

	mu  sync.Mutex
	all []execution.Job
}

// Submit implements execution.Executor.
func (j *jobs) Submit(ctx context.Context, job execution.Job) (execution.Execution, error) {
	j.mu.Lock()
	j.all = append(j.all, job)
	j.mu.Unlock()
	return j.Executor.Submit(ctx, job)
}

// last is what was submitted last.
func (j *jobs) last() execution.Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.all[len(j.all)-1]
}

// gates hold up the tasks of the workflow gate, by the number of the task.
type gates struct {
	mu      sync.Mutex
	open    chan struct{}
	entered chan int
}

// newWorld starts an engine that ends with the test. change may set more of the configuration.
func newWorld(t testing.TB, change ...func(*api.Config)) *world {
	t.Helper()
	w := &world{t: t, store: memory.New(), gates: &gates{open: make(chan struct{}), entered: make(chan int, 100)}}
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: w.store, FlushAfter: time.Millisecond})
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{State: statememory.New(), Width: 2, SoftStop: time.Millisecond, Name: "test", Backoff: time.Microsecond})
	require.NoError(t, err)
	w.record, w.jobs = recorder, &jobs{Executor: pool}
	w.engine, err = engine.New(engine.Config{Executor: w.jobs, Workflows: w.workflows(), Recorder: recorder, Remember: time.Hour})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { _ = w.engine.Run(ctx); cancel() })
	recording, stop := context.WithCancel(context.Background())
	var recorded sync.WaitGroup
	recorded.Go(func() { _ = recorder.Run(recording) })
	t.Cleanup(func() {
		cancel()
		parts.Wait()
		stop()
		recorded.Wait()
	})
	archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: w.store})
	require.NoError(t, err)
	cfg := api.Config{
		Engine: w.engine, Store: w.store, Archiver: archiver,
		Workers: func(context.Context) ([]api.WorkerState, error) {
			return []api.WorkerState{{Snapshot: pool.Snapshot(), LastBeat: time.Now()}}, nil
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	w.router = chi.NewRouter()
	w.router.Use(middleware.RequestID)
	w.router.Route("/api/v1", func(r chi.Router) { w.api, err = api.New(cfg, r) })
	require.NoError(t, err)
	return w
}

var (
	double = engine.Func1("double", func(_ context.Context, v int) (int, error) { return 2 * v, nil })
	total  = engine.Func1("total", func(_ context.Context, vs []int) (int, error) {
		sum := 0
		for _, v := range vs {
			sum += v
		}
		return sum, nil
	})
	numbers = engine.Func1("numbers", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
	trip    = engine.Func1("trip", func(ctx context.Context, mode string) (int, error) {
		engine.Task(ctx).Log.Info("about to trip")
		switch mode {
		case "panic":
			panic("tripped on purpose")
		case "error":
			return 0, engine.NoRetry(errors.New("tripped on purpose"))
		case "once":
			if engine.Task(ctx).Attempt == 1 {
				return 0, errors.New("tripped once")
			}
		}
		return 1, nil
	})
	one    = engine.Func1("one", func(_ context.Context, v int) (int, error) { return v, nil })
	length = engine.Func1("length", func(_ context.Context, b []byte) (int, error) { return len(b), nil })
)

// workflows has one of each: a fan-out, failures, tasks that wait for the test, files.
func (w *world) workflows() []*engine.Workflow {
	gate := engine.Func1("gate", func(ctx context.Context, i int) (int, error) {
		w.gates.mu.Lock()
		open := w.gates.open
		w.gates.mu.Unlock()
		w.gates.entered <- i
		select {
		case <-open:
			return i, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	})
	sample := func() (engine.File, error) { return engine.File{Name: "sample.txt", Data: []byte("sample")}, nil }
	return []*engine.Workflow{
		{
			Name: "spread", Description: "Doubles n numbers and adds them up.",
			Params:    []engine.Param{{Name: "n", Kind: engine.IntParam, Help: "how many", Default: "10", Min: 1, Max: 5000}},
			Functions: engine.Functions(numbers, double, total),
			Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
				list := numbers.Call(engine.Const(g, args.Int("n")))
				return total.Call(engine.FanOut(g, list, double.Call)), nil
			},
		},
		{
			Name: "trip", Description: "A task that may fail, and one that reads it.",
			Params:    []engine.Param{{Name: "mode", Kind: engine.ChoiceParam, Help: "how", Default: "error", Choices: []string{"error", "panic", "once", "not"}}},
			Functions: engine.Functions(trip, double),
			Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
				return double.Call(trip.Call(engine.Const(g, args.String("mode")))), nil
			},
		},
		{
			Name: "gate", Description: "Tasks that wait, one after the other.",
			Functions: engine.Functions(gate),
			Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) {
				return gate.Call(gate.Call(engine.Const(g, 7))), nil
			},
		},
		{
			Name: "many", Description: "A wide row, its sum, and the double of that.",
			Functions: engine.Functions(one, total, double),
			Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) {
				row := make([]engine.Ref[int], 150)
				for i := range row {
					row[i] = one.Call(engine.Const(g, i))
				}
				return double.Call(total.Call(engine.List(g, row...))), nil
			},
		},
		{
			Name: "length", Description: "The length of a file.",
			Params: []engine.Param{
				{Name: "input", Kind: engine.FileParam, Help: "any file"},
				{Name: "more", Kind: engine.FileParam, Help: "another", Default: "a sample", DefaultFile: sample},
			},
			Functions: engine.Functions(length),
			Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
				if strings.HasPrefix(string(args.File("more").Data), "bad") {
					return nil, &engine.ParameterError{Param: "more", Err: errors.New("it is bad, expected a good one")}
				}
				if strings.HasPrefix(string(args.File("input").Data), "odd") {
					return nil, errors.New("the files do not fit each other")
				}
				return length.Call(engine.Const(g, append(args.File("input").Data, args.File("more").Data...))), nil
			},
		},
		{
			Name: "sample", Description: "The length of a file that has a default.",
			Params:    []engine.Param{{Name: "input", Kind: engine.FileParam, Help: "any file", Default: "a sample", DefaultFile: sample}},
			Functions: engine.Functions(length),
			Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
				return length.Call(engine.Const(g, args.File("input").Data)), nil
			},
		},
	}
}

// release lets all tasks of gate continue.
func (w *world) release() {
	w.gates.mu.Lock()
	defer w.gates.mu.Unlock()
	close(w.gates.open)
	w.gates.open = make(chan struct{})
}

// entered waits until a task of gate runs.
func (w *world) entered() {
	w.t.Helper()
	select {
	case <-w.gates.entered:
	case <-time.After(20 * time.Second):
		require.Fail(w.t, "no task entered the gate")
	}
}

// request makes a request; headers are pairs of name and value.
func (w *world) request(method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, "/api/v1"+path, body)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	out := httptest.NewRecorder()
	w.router.ServeHTTP(out, r)
	return out
}

// get reads an answer of 200 into v.
func (w *world) get(path string, v any) *httptest.ResponseRecorder {
	w.t.Helper()
	out := w.request(http.MethodGet, path, nil)
	require.Equal(w.t, http.StatusOK, out.Code, "%s: %s", path, out.Body)
	decode(w.t, out, v)
	return out
}

// post sends JSON and reads the answer into v, which may be nil.
func (w *world) post(path string, body any, status int, v any, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.send(http.MethodPost, path, body, status, v, headers...)
}

func (w *world) send(method, path string, body any, status int, v any, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	var text io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		text = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		require.NoError(w.t, err)
		text = bytes.NewReader(data)
	}
	out := w.request(method, path, text, append([]string{"Content-Type", "application/json"}, headers...)...)
	require.Equal(w.t, status, out.Code, "%s %s: %s", method, path, out.Body)
	if v != nil {
		decode(w.t, out, v)
	}
	return out
}

func decode(t testing.TB, out *httptest.ResponseRecorder, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(out.Body.Bytes()))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(v), out.Body.String())
}

// refused makes a request that has to fail, and gives the problem.
func (w *world) refused(method, path string, body any, status int, headers ...string) api.Problem {
	w.t.Helper()
	var p api.Problem
	out := w.send(method, path, body, status, &p, headers...)
	checkProblem(w.t, out, &p)
	return p
}

func checkProblem(t testing.TB, out *httptest.ResponseRecorder, p *api.Problem) {
	t.Helper()
	require.Equal(t, "application/problem+json", out.Header().Get("Content-Type"))
	require.Equal(t, out.Code, p.Status)
	require.Equal(t, http.StatusText(out.Code), p.Title)
	require.NotEmpty(t, p.Detail)
	require.NotEmpty(t, p.RequestID)
}

// submit starts a run.
func (w *world) submit(workflow string, params map[string]string, change ...func(*api.Submission)) api.RunSummary {
	w.t.Helper()
	s := api.Submission{Workflow: workflow, Params: params}
	for _, c := range change {
		c(&s)
	}
	var run api.RunSummary
	w.post("/runs", s, http.StatusCreated, &run)
	return run
}

// run starts a run and waits until it is recorded.
func (w *world) run(workflow string, params map[string]string, change ...func(*api.Submission)) api.RunSummary {
	w.t.Helper()
	return w.finished(w.submit(workflow, params, change...).Run)
}

// finished waits until a run is recorded.
func (w *world) finished(id record.RunID) api.RunSummary {
	w.t.Helper()
	r, err := w.engine.Get(id)
	require.NoError(w.t, err)
	require.NoError(w.t, r.WaitRecorded(w.t.Context()))
	var run api.RunSummary
	w.get("/runs/"+string(id), &run)
	require.False(w.t, run.Live)
	return run
}

// form makes the body of a form: the request as JSON and files by part.
func form(t testing.TB, request any, files map[string][2]string) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = &bytes.Buffer{}
	out := multipart.NewWriter(body)
	if request != nil {
		part, err := out.CreateFormField("request")
		require.NoError(t, err)
		require.NoError(t, json.NewEncoder(part).Encode(request))
	}
	for name, f := range files {
		part, err := out.CreateFormFile(name, f[0])
		require.NoError(t, err)
		_, err = io.WriteString(part, f[1])
		require.NoError(t, err)
	}
	require.NoError(t, out.Close())
	return body, out.FormDataContentType()
}
