package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/api"
)

func TestOpenAPIIsAsWritten(t *testing.T) {
	w := newWorld(t)
	document := w.api.Document("")
	if *update {
		require.NoError(t, os.WriteFile("openapi.json", document, 0o644))
	}
	want, err := os.ReadFile("openapi.json")
	require.NoError(t, err)
	assert.Equal(t, string(want), string(document), "run go test ./web/api -run OpenAPI -update and read the difference")
	assert.Equal(t, string(document), string(newWorld(t).api.Document("")), "the same program gives the same bytes")
	assert.Contains(t, string(w.api.Document("/x")), `"url": "/x/api/v1"`)
}

// TestOpenAPIKnowsAllMetrics: the metrics that can be asked for are those that there are.
func TestOpenAPIKnowsAllMetrics(t *testing.T) {
	d := readDocument(t, newWorld(t))
	var names []any
	for _, m := range metricsstore.Metrics() {
		names = append(names, string(m))
	}
	found := 0
	for path, operations := range d.Paths {
		for _, op := range operations {
			for _, p := range op.Parameters {
				if p.Name == "metric" || p.Name == "sort" && strings.HasSuffix(path, "/tasks") {
					assert.Equal(t, names, p.Schema.Enum, "%s %s", path, p.Name)
					found++
				}
			}
		}
	}
	assert.Equal(t, 4, found)
}

// document is what the tests read of OpenAPI.
type document struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Summary     string `json:"summary"`
		Parameters  []struct {
			Name   string `json:"name"`
			Schema schema `json:"schema"`
		} `json:"parameters"`
		Responses map[string]struct {
			Content map[string]struct {
				Schema *schema `json:"schema"`
			} `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

// schema is the part of JSON Schema that the document uses; anything else in it fails the test that reads it.
type schema struct {
	Ref         string             `json:"$ref"`
	Type        any                `json:"type"`
	Enum        []any              `json:"enum"`
	Items       *schema            `json:"items"`
	Properties  map[string]*schema `json:"properties"`
	Required    []string           `json:"required"`
	Additional  json.RawMessage    `json:"additionalProperties"`
	AnyOf       []*schema          `json:"anyOf"`
	Minimum     *float64           `json:"minimum"`
	Maximum     *float64           `json:"maximum"`
	MinLength   *int               `json:"minLength"`
	MaxLength   *int               `json:"maxLength"`
	MaxItems    *int               `json:"maxItems"`
	Format      string             `json:"format"`
	Pattern     string             `json:"pattern"`
	Default     any                `json:"default"`
	Media       string             `json:"contentMediaType"`
	Description string             `json:"description"`
}

func readDocument(t *testing.T, w *world) *document {
	t.Helper()
	var d document
	require.NoError(t, json.Unmarshal(w.api.Document(""), &d))
	return &d
}

func (s *schema) types() []string {
	switch v := s.Type.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, name := range v {
			out = append(out, name.(string))
		}
		return out
	}
	return nil
}

// check reports where a value does not fit a schema.
func (d *document) check(at string, s *schema, v any) []string {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.check(at, d.Components.Schemas[name], v)
	}
	if len(s.AnyOf) > 0 {
		var all []string
		for _, a := range s.AnyOf {
			wrong := d.check(at, a, v)
			if len(wrong) == 0 {
				return nil
			}
			all = append(all, wrong...)
		}
		return all
	}
	if types := s.types(); len(types) > 0 && !slices.ContainsFunc(types, func(name string) bool { return isA(name, v) }) {
		return []string{fmt.Sprintf("%s is %v, expected %v", at, v, types)}
	}
	var wrong []string
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		wrong = append(wrong, fmt.Sprintf("%s is %v, expected one of %v", at, v, s.Enum))
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			wrong = append(wrong, d.check(fmt.Sprintf("%s[%d]", at, i), s.Items, item)...)
		}
	case map[string]any:
		wrong = append(wrong, d.checkObject(at, s, v)...)
	}
	return wrong
}

func (d *document) checkObject(at string, s *schema, v map[string]any) []string {
	var wrong []string
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			wrong = append(wrong, at+"."+name+" is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		sub := s.Properties[name]
		if sub == nil && string(s.Additional) != "false" && len(s.Additional) > 0 {
			sub = new(schema)
			_ = json.Unmarshal(s.Additional, sub)
		}
		if sub == nil {
			wrong = append(wrong, at+"."+name+" is not described")
			continue
		}
		wrong = append(wrong, d.check(at+"."+name, sub, v[name])...)
	}
	return wrong
}

func isA(name string, v any) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && v == float64(int64(v))
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	}
	return false
}

// fromFile runs a workflow that was made of a file.
func (w *world) fromFile() api.RunSummary {
	w.t.Helper()
	require.NoError(w.t, w.engine.Offer([]*engine.Workflow{{
		Name: "made", Functions: []*engine.Function{one.Function}, Source: &record.Source{File: "made.yaml", Text: "steps:"},
		Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) {
			return one.Call(engine.Const(g, 1)), nil
		},
	}}))
	return w.run("made", nil)
}

// TestEveryOperationAnswersAsDescribed calls all operations about runs that ended in all ways and one that is live.
// Long: one line for each operation.
func TestEveryOperationAnswersAsDescribed(t *testing.T) {
	w := newWorld(t)
	d := readDocument(t, w)
	ended := w.run("spread", map[string]string{"n": "20"})
	w.run("spread", nil)
	made := w.fromFile()
	failed := w.run("trip", map[string]string{"mode": "panic"})
	live := w.submit("gate", nil)
	w.entered()
	defer w.release()

	seen := map[string]bool{}
	call := func(id, method, path string, status int, body any, headers ...string) {
		t.Helper()
		out := w.send(method, path, body, status, nil, headers...)
		op, ok := d.operation(method, path)
		require.True(t, ok, "%s %s", method, path)
		require.Equal(t, id, op)
		seen[id] = true
		wrong := d.checkAnswer(t, id, out.Code, out.Header().Get("Content-Type"), out.Body.Bytes())
		assert.Empty(t, wrong, "%s %s", method, path)
	}
	get := func(id, path string) { t.Helper(); call(id, http.MethodGet, path, http.StatusOK, nil) }
	get("list-runs", "/runs")
	get("list-functions", "/functions")
	get("get-statistics", "/stats?bins=20&quantiles=0.1,0.99&bucket=day")
	get("get-statistics", "/stats?bins=20&group_by=function")
	get("get-trend", "/trend?workflow=spread")
	get("get-judgement", "/runs/"+string(ended.Run)+"/judgement")
	get("find-tasks", "/tasks")
	get("list-workflows", "/workflows")
	get("get-workflow", "/workflows/spread")
	get("list-workers", "/workers")
	get("get-server", "/server")
	get("get-source", "/runs/"+string(made.Run)+"/source")
	get("get-result", "/runs/"+string(ended.Run)+"/result")
	for _, run := range []string{string(ended.Run), string(failed.Run)} {
		get("get-critical-path", "/runs/"+run+"/critical-path")
		get("get-longest-chain", "/runs/"+run+"/longest-chain")
		get("compare-runs", "/compare?a="+run+"&b="+run)
	}
	for _, run := range []string{string(ended.Run), string(failed.Run), string(live.Run)} {
		at := "/runs/" + run
		get("get-run", at)
		get("get-graph", at+"/graph")
		get("get-findings", at+"/findings")
		get("get-layout", at+"/layout")
		get("list-schedules", at+"/schedules")
		get("get-schedule", at+"/schedules/0")
		get("list-events", at+"/events")
		get("list-tasks", at+"/tasks?sort=execute_ns")
		get("get-task", at+"/tasks/0")
		get("get-task-log", at+"/tasks/0/log")
		get("list-run-workers", at+"/workers")
		get("get-timeline", at+"/timeline")
		for _, by := range []string{"function", "worker", "level", "none"} {
			get("get-run-statistics", at+"/stats?quantiles=0.5&at=1000000000&group_by="+by)
		}
		get("get-archive", at+"/archive")
		for _, format := range []string{"csv", "records", "events", "chrome"} {
			get("export-run", at+"/export?format="+format)
		}
	}
	get("get-whatif", "/runs/"+string(ended.Run)+"/whatif?slots=8")
	get("get-prediction", "/predict?workflow=spread&parameter=n%3D20")
	get("get-run-prediction", "/runs/"+string(live.Run)+"/predict")
	call("get-drawing", http.MethodGet, "/runs/"+string(ended.Run)+"/drawing", http.StatusNotImplemented, nil)
	archive := w.request(http.MethodGet, "/runs/"+string(ended.Run)+"/archive", nil).Body.String()
	call("import-runs", http.MethodPost, "/imports", http.StatusOK, archive)
	call("import-runs", http.MethodPost, "/imports?dry_run=true", http.StatusOK, archive)
	call("discard-import", http.MethodDelete, "/imports/none", http.StatusNotFound, nil)
	call("submit-run", http.MethodPost, "/runs", http.StatusCreated, map[string]any{"workflow": "spread"})
	call("annotate-run", http.MethodPatch, "/runs/"+string(ended.Run), http.StatusOK, map[string]any{"note": "x", "tags": []string{"a"}})
	call("retry-run", http.MethodPost, "/runs/"+string(failed.Run)+"/retry", http.StatusCreated, nil)
	call("pause-run", http.MethodPost, "/runs/"+string(live.Run)+"/pause", http.StatusOK, nil)
	call("resume-run", http.MethodPost, "/runs/"+string(live.Run)+"/resume", http.StatusOK, nil)
	call("cancel-run", http.MethodPost, "/runs/"+string(live.Run)+"/cancel", http.StatusOK, nil)
	call("delete-run", http.MethodDelete, "/runs/"+string(ended.Run), http.StatusNoContent, nil)
	call("get-run", http.MethodGet, "/runs/"+string(ended.Run), http.StatusGone, nil)
	for _, operations := range d.Paths {
		for _, op := range operations {
			assert.True(t, seen[op.OperationID], "%s is not called", op.OperationID)
			assert.NotEmpty(t, op.Summary, op.OperationID)
		}
	}
}

// operation finds the operation of a request.
func (d *document) operation(method, path string) (string, bool) {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for pattern, operations := range d.Paths {
		fits := strings.Split(pattern, "/")
		ok := len(fits) == len(parts)
		for i := 0; ok && i < len(parts); i++ {
			ok = fits[i] == parts[i] || strings.HasPrefix(fits[i], "{")
		}
		if op, has := operations[strings.ToLower(method)]; ok && has {
			return op.OperationID, true
		}
	}
	return "", false
}

// checkAnswer holds an answer against the description of its operation.
func (d *document) checkAnswer(t *testing.T, id string, status int, mediaType string, body []byte) []string {
	t.Helper()
	for _, operations := range d.Paths {
		for _, op := range operations {
			if op.OperationID != id {
				continue
			}
			answer, ok := op.Responses[fmt.Sprint(status)]
			if !ok {
				answer = op.Responses["default"]
			}
			mediaType, _, _ = strings.Cut(mediaType, ";")
			if len(answer.Content) == 0 && len(body) == 0 {
				return nil
			}
			content, ok := answer.Content[mediaType]
			if !ok {
				return []string{fmt.Sprintf("answer %d as %q is not described", status, mediaType)}
			}
			if content.Schema.Format == "binary" {
				return nil
			}
			var v any
			require.NoError(t, json.Unmarshal(body, &v), string(body))
			return d.check("body", content.Schema, v)
		}
	}
	return []string{"no operation " + id}
}
