package jaeger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/internal/testkit/spantest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/jaeger"
)

var real = []string{"bare-trace.json", "children-outlive-parent.json", "data-wrapper-four-spans.json", "duplicate-span-missing-parent.json"}

// plainly reads the spans of a file with one trace.
func plainly(t *testing.T, text []byte) (id string, spans []spantest.Span) {
	type traced struct {
		TraceID string
		Spans   []struct {
			SpanID, OperationName, ProcessID string
			References                       []struct{ SpanID string }
			StartTime, Duration              int64
			Tags                             []struct {
				Key   string
				Value any
			}
		}
		Processes map[string]struct{ ServiceName string }
	}
	var file struct {
		traced
		Data []traced
	}
	require.NoError(t, json.Unmarshal(text, &file))
	all := append(file.Data, file.traced)
	seen := map[string]bool{}
	for _, s := range all[0].Spans {
		if seen[s.SpanID] {
			continue
		}
		seen[s.SpanID] = true
		out := spantest.Span{ID: s.SpanID, Function: all[0].Processes[s.ProcessID].ServiceName + ": " + s.OperationName, Start: s.StartTime * 1000, End: (s.StartTime + s.Duration) * 1000}
		for _, r := range s.References {
			out.Parent = r.SpanID
		}
		for _, tag := range s.Tags {
			out.Failed = out.Failed || tag.Key == "error" && tag.Value == true
		}
		spans = append(spans, out)
	}
	return all[0].TraceID, spans
}

func TestRealFiles(t *testing.T) {
	for _, name := range real {
		t.Run(name, func(t *testing.T) {
			text := droptest.Load(t, "jaeger", name)
			runs := droptest.Read(t, jaeger.New(), droptest.Sniffed(t, jaeger.New(), name, text))
			require.Len(t, runs, 1)
			id, spans := plainly(t, text)
			require.Equal(t, id, "00"[:len(id)-len(runs[0].Key)]+runs[0].Key)
			recordstest.Laws(t, runs[0])
			spantest.Compare(t, runs[0], spans)
			droptest.Cut(t, jaeger.New(), []records.File{droptest.File(name, records.Main, text)}, 0, 200)
		})
	}
}

func TestForeignFiles(t *testing.T) {
	droptest.Foreign(t, jaeger.New(), "jaeger")
}

// graph is a line for each task with what it follows.
func graph(r *records.Run) string {
	var lines []string
	for _, task := range r.Tasks {
		line := task.ID + " <"
		for _, p := range task.Parents {
			line += " " + r.Tasks[p].ID
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func read(t *testing.T, text string) []*records.Run {
	t.Helper()
	return droptest.Read(t, jaeger.New(), droptest.Sniffed(t, jaeger.New(), "x.json", []byte(text)))
}

func span(id string, start, duration int, references, tags string) string {
	return fmt.Sprintf(`{"traceID":"0a","spanID":"%[1]s","operationName":"op%[1]s","references":[%[2]s],"startTime":%[3]d,"duration":%[4]d,"processID":"p1","tags":[%[5]s],"logs":[]}`, id, references, start, duration, tags)
}

func of(kind, id string) string {
	return `{"refType":"` + kind + `","traceID":"a","spanID":"` + id + `"}`
}

func TestChildrenThatOutliveAreNotWaitedFor(t *testing.T) {
	text := droptest.Load(t, "jaeger", "children-outlive-parent.json")
	r := read(t, string(text))[0]
	require.Equal(t, `006c3cf93508f205/1 <
006c3cf93508f205 < 4570ab68826f43f9
4570ab68826f43f9 < 006c3cf93508f205/1
2dc4b796e2127e32 < 006c3cf93508f205
5d423585b4c63d48 < 006c3cf93508f205`, graph(r))
	require.Equal(t, []string{"service-one", "service-two"}, []string{r.Workers[0].Name, r.Workers[1].Name})
}

func TestReferences(t *testing.T) {
	spans := []string{
		span("01", 100_001, 100, "", ""),
		span("02", 100_011, 10, of("FOLLOWS_FROM", "03")+","+of("CHILD_OF", "01"), ""),
		span("03", 100_003, 4, of("CHILD_OF", "01"), ""),
		span("04", 100_203, 10, of("FOLLOWS_FROM", "01"), ""),
		span("05", 100_203, 10, `{"refType":"CHILD_OF","traceID":"b","spanID":"01"}`, ""),
	}
	r := read(t, `{"data":[{"spans":[`+strings.Join(spans, ",")+`],"traceID":"0a","processes":{"p1":{"serviceName":"s"}}}]}`)[0]
	require.Equal(t, `0000000000000001/1 <
0000000000000001/2 < 0000000000000003
0000000000000001 < 0000000000000002
0000000000000002 < 0000000000000001/2 0000000000000003
0000000000000003 < 0000000000000001/1
0000000000000004 < 0000000000000001
0000000000000005 <`, graph(r))
	require.Contains(t, []record.Note(r.Notes), record.Note{Kind: record.NoteLeftOut, Count: 1, Text: "links lead to spans of other traces"})
}

func TestFailuresAndLogs(t *testing.T) {
	tags := `{"key":"error","type":"bool","value":true},{"key":"sql","value":"select 1"},{"key":"n","value":9007199254740993}`
	text := span("01", 100_001, 100, "", tags)
	logs := `"logs":[{"timestamp":100004,"fields":[{"key":"event","value":"error"},{"key":"error.kind","value":"E"},{"key":"message","value":"no"},{"key":"stack","value":"at x"}]}]`
	text = strings.Replace(text, `"logs":[]`, logs, 1)
	r := read(t, `{"traceID":"a","spans":[`+text+`,`+span("02", 1, 1, "", `{"key":"error","value":false}`)+`],"processes":{"p1":{"serviceName":"s","tags":[{"key":"hostname","value":"h"}]}}}`)[0]
	a := r.Tasks[0].Attempts[0]
	require.Equal(t, record.OutcomeFailed, a.Outcome)
	require.Equal(t, &records.Failure{Message: "E: no", Stack: "at x"}, a.Error)
	require.Equal(t, "select 1", r.Tasks[0].Command)
	require.Equal(t, "error: true\nsql: select 1\nn: 9007199254740993\nafter 3µs, event: error, error.kind: E, message: no", a.Log)
	require.Equal(t, record.OutcomeOK, r.Tasks[1].Attempts[0].Outcome)
	require.Equal(t, "h", r.Workers[0].Host)
	require.Equal(t, record.Failed, r.Status)
}

func TestClientAndServerWithOneID(t *testing.T) {
	client, server := span("01", 100_001, 100, "", `{"key":"span.kind","value":"client"}`), span("01", 100_011, 50, "", `{"key":"span.kind","value":"server"}`)
	inner := span("02", 100_021, 10, of("CHILD_OF", "01"), "")
	for _, spans := range [][]string{{client, server, inner}, {server, client, inner}, {client, server, inner, client, server, inner}} {
		r := read(t, `{"traceID":"a","spans":[`+strings.Join(spans, ",")+`]}`)[0]
		start := map[string]int64{}
		for _, task := range r.Tasks {
			start[task.ID] = int64(task.Attempts[0].Started) / 1000
		}
		require.Len(t, r.Tasks, 5, "two parts of the client, two of the server, and what that contains")
		require.Contains(t, []record.Note(r.Notes), record.Note{Kind: record.NoteInferred, Count: 1, Text: "spans have the ID of their caller's span and lie within it"})
		for _, task := range r.Tasks {
			if strings.HasPrefix(task.ID, "0000000000000002") {
				require.Equal(t, int64(100_011), int64(r.Tasks[task.Parents[0]].Attempts[0].Started)/1000, "it follows the first part of the server")
			}
		}
	}
}

func TestTracesKeepTheirProcesses(t *testing.T) {
	one := `{"traceID":"a","spans":[` + span("01", 1, 5, "", "") + `],"processes":{"p1":{"serviceName":"s"}}}`
	two := strings.NewReplacer(`"traceID":"0a"`, `"traceID":"0b"`, `"s"`, `"t"`).Replace(one)
	for _, text := range []string{`{"data":[` + one + "," + two + `]}`, `[` + one + "," + two + `]`, one + "\n" + two} {
		runs := read(t, text)
		require.Len(t, runs, 2)
		require.Equal(t, []string{"s: op01", "t: op01"}, []string{runs[0].Workflow, runs[1].Workflow})
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{"data":[]}`:         "x.json: expected spans in data[].spans[] or spans[], found none",
		`1`:                   `x.json: byte 0: expected an object with data or spans, found "1"`,
		`{"spans":[{"a":tru}`: "x.json: byte 10: expected a span or processes in JSON",
		`{"spans":[{"a`:       "byte 13: the document ends before it is closed",
	} {
		_, err := jaeger.New().Read(t.Context(), []records.File{droptest.File("x.json", records.Main, []byte(text))})
		require.ErrorIs(t, err, records.ErrFormat, text)
		require.ErrorContains(t, err, want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"traceID":"a","spans":[` + span("01", 1, 5, of("CHILD_OF", "2"), `{"key":"error","value":true}`) + `],"processes":{"p1":{"serviceName":"s"}}}`))
	droptest.Fuzz(f, jaeger.New(), "x.json")
}
