package stdouttrace_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/internal/testkit/spantest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/stdouttrace"
)

func load(t *testing.T) []byte { return droptest.Load(t, "otel-go-stdouttrace", "spans.jsonl") }

func plainly(t *testing.T, text []byte) (spans []spantest.Span) {
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var s struct {
			Name                string
			SpanContext, Parent struct{ SpanID string }
			StartTime, EndTime  time.Time
			Status              struct{ Code string }
		}
		err := d.Decode(&s)
		if errors.Is(err, io.EOF) {
			return spans
		}
		require.NoError(t, err)
		spans = append(spans, spantest.Span{
			ID: s.SpanContext.SpanID, Parent: s.Parent.SpanID, Function: s.Name, Start: s.StartTime.UnixNano(), End: s.EndTime.UnixNano(), Failed: s.Status.Code == "Error",
		})
	}
}

func TestRealFile(t *testing.T) {
	text := load(t)
	var indented bytes.Buffer
	for line := range bytes.Lines(text) {
		require.NoError(t, json.Indent(&indented, line, "", "\t"))
	}
	for _, text := range [][]byte{text, indented.Bytes()} {
		runs := droptest.Read(t, stdouttrace.New(), droptest.Sniffed(t, stdouttrace.New(), "spans.jsonl", text))
		require.Len(t, runs, 1)
		r := runs[0]
		recordstest.Laws(t, r)
		spantest.Compare(t, r, plainly(t, text))
		require.Equal(t, []string{"4e06f9effc40f499c7d14ddb3a231986", "run"}, []string{r.Key, r.Workflow})
		require.Equal(t, record.Succeeded, r.Status)
		require.Equal(t, "opentelemetry go 1.47.0", r.Params["sdk"])
		tasks := map[string]records.Task{}
		for _, task := range r.Tasks {
			tasks[task.ID] = task
		}
		require.Equal(t, "n: 9007199254740993\nf: 1.5\ns: [1,2]", tasks["d9f4781bd999807b"].Attempts[0].Log)
		b := tasks["86a8b1916aaed5dc"]
		require.Equal(t, &records.Failure{Message: "no"}, b.Attempts[0].Error)
		require.Equal(t, "kind: consumer\nexception after 6.813µs, *errors.errorString: no", b.Attempts[0].Log)
		followed := r.Tasks[b.Parents[0]].ID
		require.True(t, strings.HasPrefix(followed, "18a2c4d597f12cad/") || followed == "d9f4781bd999807b", "after the root's work or the linked span: %s", followed)
	}
}

func TestCutFile(t *testing.T) {
	text := load(t)
	droptest.Cut(t, stdouttrace.New(), []records.File{droptest.File("spans.jsonl", records.Main, text)}, 0, 200)
}

func TestForeignFiles(t *testing.T) {
	droptest.Foreign(t, stdouttrace.New(), "otel-go-stdouttrace")
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "byte 0: the document ends before it is closed",
		`{"a":1}`:              "x.json: byte 0: expected a span with a SpanContext",
		`{"SpanContext":tru}`:  "x.json: byte 0: expected a span in JSON",
		`{"SpanContext":{}} 1`: "x.json: byte 19: expected a span with a SpanContext",
	} {
		_, err := stdouttrace.New().Read(t.Context(), []records.File{droptest.File("x.json", records.Main, []byte(text))})
		require.ErrorIs(t, err, records.ErrFormat, text)
		require.ErrorContains(t, err, want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"Name":"a","SpanContext":{"TraceID":"1","SpanID":"2"},"Parent":{"TraceID":"1","SpanID":"3"},"SpanKind":3,"StartTime":"2026-11-30T06:17:40.4Z","EndTime":"2026-11-30T06:17:41Z","Attributes":[{"Key":"n","Value":{"Type":"INT64","Value":1}}],"Status":{"Code":"Error"},"Resource":[]}`))
	droptest.Fuzz(f, stdouttrace.New(), "x.json")
}
