package otlp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/internal/testkit/spantest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/otlp"
)

var real = [][]string{
	{"otlp", "demo-base64-ids.jsonl"},
	{"otlp", "hex-ids-duplicate-span.json"},
	{"otlp", "proto-example-uppercase-ids.json"},
	{"otlp-json", "js-two-batches.jsonl"},
}

// plainly reads the spans of each trace from what the files of real have in common.
func plainly(t *testing.T, text []byte) map[string][]spantest.Span {
	type value struct {
		StringValue string `json:"stringValue"`
	}
	var request struct {
		ResourceSpans []struct {
			Resource struct {
				Attributes []struct {
					Key   string
					Value value
				}
			}
			ScopeSpans []struct {
				Spans []struct {
					TraceID      string `json:"traceId"`
					SpanID       string `json:"spanId"`
					ParentSpanID string `json:"parentSpanId"`
					Name         string
					Start        string `json:"startTimeUnixNano"`
					End          string `json:"endTimeUnixNano"`
					Status       struct{ Code any }
				}
			}
		}
	}
	id := func(s string) string {
		if strings.HasSuffix(s, "=") {
			raw, err := base64.StdEncoding.DecodeString(s)
			require.NoError(t, err)
			return hex.EncodeToString(raw)
		}
		return strings.ToLower(s)
	}
	traces, seen := map[string][]spantest.Span{}, map[string]bool{}
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		request.ResourceSpans = nil
		err := d.Decode(&request)
		if errors.Is(err, io.EOF) {
			return traces
		}
		require.NoError(t, err)
		for _, rs := range request.ResourceSpans {
			service := ""
			for _, a := range rs.Resource.Attributes {
				if a.Key == "service.name" && !strings.HasPrefix(a.Value.StringValue, "unknown_service") {
					service = a.Value.StringValue + ": "
				}
			}
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					start, err := strconv.ParseInt(s.Start, 10, 64)
					require.NoError(t, err)
					end, err := strconv.ParseInt(s.End, 10, 64)
					require.NoError(t, err)
					trace, span := id(s.TraceID), id(s.SpanID)
					if seen[trace+span] {
						continue
					}
					seen[trace+span] = true
					traces[trace] = append(traces[trace], spantest.Span{
						ID: span, Parent: id(s.ParentSpanID), Function: service + s.Name, Start: start, End: end,
						Failed: fmt.Sprint(s.Status.Code) == "2" || s.Status.Code == "STATUS_CODE_ERROR",
					})
				}
			}
		}
	}
}

func TestRealFiles(t *testing.T) {
	for _, path := range real {
		t.Run(path[1], func(t *testing.T) {
			text := droptest.Load(t, path...)
			want := plainly(t, text)
			runs := droptest.Read(t, otlp.New(), droptest.Sniffed(t, otlp.New(), path[1], text))
			require.Len(t, runs, len(want))
			for _, r := range runs {
				require.Contains(t, want, r.Key)
				recordstest.Laws(t, r)
				spantest.Compare(t, r, want[r.Key])
			}
		})
	}
}

func TestJavaScriptInTwoBatches(t *testing.T) {
	text := droptest.Load(t, "otlp-json", "js-two-batches.jsonl")
	r := droptest.Read(t, otlp.New(), droptest.Sniffed(t, otlp.New(), "x.jsonl", text))[0]
	require.Equal(t, "run", r.Workflow, "unknown_service is no name")
	require.Equal(t, record.Succeeded, r.Status, "the root has no error")
	require.Empty(t, r.Incomplete)
	tasks := map[string]*records.Task{}
	for i := range r.Tasks {
		tasks[r.Tasks[i].ID] = &r.Tasks[i]
	}
	parents := func(id string) (names []string) {
		for _, p := range tasks[id].Parents {
			names = append(names, r.Tasks[p].ID)
		}
		return names
	}
	// a -> b, c -> d by links; the span "late" began 5 s before its parent by the same clock.
	require.Subset(t, parents("23933c3bdb627410"), []string{"ceb212b9f08d6bc6"})
	require.Subset(t, parents("07a69866f47aa9ed"), []string{"23933c3bdb627410", "31f8b392051c59df"})
	require.Empty(t, parents("3d63c6783c48cddd"))
	bad := tasks["eed90a3aefc5cbea"].Attempts[0]
	require.Equal(t, "no", bad.Error.Message)
	require.Contains(t, bad.Error.Stack, "Error: no\n    at file:")
	require.Equal(t, "exception after 274.36µs, Error: no\nretry after 316.5µs, n: 2", bad.Log)
	require.Equal(t, "n: 1\nf: 1.5\nbig: 9007199254740992\nb: true\narr: [1, 2]\nmix: [x, y]\nneg: -3\nzero: 0\nempty: ", tasks["ceb212b9f08d6bc6"].Attempts[0].Log)
}

func TestDuplicateAndAbsentParent(t *testing.T) {
	text := droptest.Load(t, "otlp", "hex-ids-duplicate-span.json")
	r := droptest.Read(t, otlp.New(), droptest.Sniffed(t, otlp.New(), "x.json", text))[0]
	require.Len(t, r.Tasks, 1)
	require.Equal(t, "telemetrygen: okey-dokey-0", r.Workflow)
	require.Equal(t, "the span that contains all others is not in the record", r.Incomplete)
	require.Equal(t, record.Status(""), r.Status)
	require.Equal(t, []record.Note{
		{Kind: record.NoteLeftOut, Text: "spans are in the record a second time", Count: 1},
		{Kind: record.NoteRecorded, Text: "spans name a parent that the record does not contain and are roots", Count: 1},
	}, []record.Note(r.Notes))
}

func TestCutFiles(t *testing.T) {
	for _, path := range real {
		t.Run(path[1], func(t *testing.T) {
			text := droptest.Load(t, path...)
			full := map[string]*records.Run{}
			for _, r := range droptest.Read(t, otlp.New(), droptest.File(path[1], records.Main, text)) {
				full[r.Key] = r
			}
			for n := range 200 {
				at := len(text) * n / 200
				runs, err := otlp.New().Read(t.Context(), []records.File{droptest.File(path[1], records.Main, text[:at])})
				if err != nil {
					require.ErrorIs(t, err, records.ErrFormat)
					continue
				}
				for _, r := range runs {
					if r.Incomplete == "" { // cut between two requests
						require.Equal(t, full[r.Key].Tasks, r.Tasks, "cut at %d", at)
					}
				}
			}
		})
	}
}

func TestForeignFiles(t *testing.T) {
	droptest.Foreign(t, otlp.New(), "otlp", "otlp-json")
}

// request is one with spans of a process.
func request(scopes, spans string) string {
	return `{"resourceSpans":[{"` + scopes + `":[{"spans":[` + spans + `]}],"resource":{"attributes":[` +
		`{"key":"service.name","value":{"stringValue":"shop"}},{"key":"host.name","value":{"stringValue":"h1"}},{"key":"process.pid","value":{"intValue":"42"}}]}}]}`
}

const (
	traceID = "0102030405060708090a0b0c0d0e0f10"
	rootID  = "1111111111111111"
)

func readText(t *testing.T, text string) []*records.Run {
	t.Helper()
	return droptest.Read(t, otlp.New(), droptest.Sniffed(t, otlp.New(), "x.json", []byte(text)))
}

func TestSpellings(t *testing.T) {
	root := `{"traceId":"` + traceID + `","spanId":"` + rootID + `","name":"buy","startTimeUnixNano":"1700000000000000001","endTimeUnixNano":1700000000000000101,"status":{"code":"STATUS_CODE_ERROR","message":"sold out"}}`
	child := `{"traceId":"AQIDBAUGBwgJCgsMDQ4PEA==","spanId":"IiIiIiIiIiI=","parentSpanId":"1111111111111111","name":"pay","kind":"SPAN_KIND_CLIENT","startTimeUnixNano":1700000000000000011,"endTimeUnixNano":"1700000000000000021","attributes":[{"key":"db.statement","value":{"stringValue":"select 1"}},{"key":"m","value":{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":false}}]}}}],"droppedAttributesCount":3}`
	for _, scopes := range []string{"scopeSpans", "instrumentationLibrarySpans", "scope_spans"} {
		runs := readText(t, request(scopes, child)+"\n"+request(scopes, root)+"\n{}\n")
		require.Len(t, runs, 1)
		r := runs[0]
		require.Equal(t, []string{traceID, "shop: buy", "sold out"}, []string{r.Key, r.Workflow, r.Error})
		require.Equal(t, record.Failed, r.Status)
		require.Len(t, r.Workers, 1, "both requests are of one process")
		require.Equal(t, []string{"shop h1 42", "h1"}, []string{r.Workers[0].Name, r.Workers[0].Host})
		require.Equal(t, map[string]string{"trace": traceID, "services": "shop"}, r.Params)
		pay := r.Tasks[0]
		require.Equal(t, []string{"2222222222222222", "pay", "shop: pay", "select 1"}, []string{pay.ID, pay.Name, pay.Function, pay.Command})
		require.Equal(t, "kind: client\ndb.statement: select 1\nm: [a=false]", pay.Attempts[0].Log)
		require.Equal(t, records.Moment(1700000000000000011), pay.Attempts[0].Started)
		require.Contains(t, []record.Note(r.Notes), record.Note{Kind: record.NoteLeftOut, Count: 3, Text: "attributes, events and links were dropped by the SDK before they were recorded"})
	}
}

// TestAnswersOfTempo reads what a service that stores traces returns, which is not quite a request.
func TestAnswersOfTempo(t *testing.T) {
	plain := request("scopeSpans", `{"traceId":"`+traceID+`","spanId":"`+rootID+`","name":"buy","startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000000000101"}`)
	want := readText(t, plain)
	for _, text := range []string{
		strings.Replace(plain, "resourceSpans", "batches", 1), `{"trace":` + plain + `}`,
		`{"trace":` + strings.Replace(plain, "resourceSpans", "batches", 1) + `}`,
	} {
		require.Equal(t, want, readText(t, text), text)
	}
}

func TestASpanUnderWayIsReplacedByItsEnd(t *testing.T) {
	started := `{"traceId":"` + traceID + `","spanId":"` + rootID + `","name":"buy","startTimeUnixNano":"1700000000000000001"}`
	r := readText(t, request("scopeSpans", started))[0]
	require.Equal(t, record.Running, r.Status)
	require.Equal(t, record.NoOutcome, r.Tasks[0].Attempts[0].Outcome)
	ended := strings.Replace(started, "}", `,"endTimeUnixNano":"1700000000000000009"}`, 1)
	for _, spans := range []string{started + "," + ended, ended + "," + started} {
		r = readText(t, request("scopeSpans", spans))[0]
		require.Equal(t, record.Succeeded, r.Status)
		require.Len(t, r.Tasks, 1)
		require.Equal(t, records.Moment(1700000000000000009), r.Tasks[0].Attempts[0].Ended)
	}
}

func TestManyTraces(t *testing.T) {
	var spans []string
	span := func(trace, id int, parent string) {
		spans = append(spans, fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","parentSpanId":"%s","name":"n","startTimeUnixNano":"%d","endTimeUnixNano":"%d"}`,
			trace, id, parent, 1700000000000000000+trace, 1700000000000000100+trace))
	}
	for i := range 150 {
		span(i+1, 1, "")
	}
	require.Len(t, readText(t, request("scopeSpans", strings.Join(spans, ","))), 100)
	span(7, 2, fmt.Sprintf("%016x", 1))
	span(9, 2, "")
	runs := readText(t, request("scopeSpans", strings.Join(spans, ",")))
	require.Len(t, runs, 2)
	for i, key := range []string{"0000000000000007", "0000000000000009"} {
		require.Equal(t, key, runs[i].Key)
		require.Contains(t, []record.Note(runs[i].Notes), record.Note{Kind: record.NoteLeftOut, Count: 148, Text: "traces of a single span are in the same files and are not runs"})
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{"resourceSpans":[]}`:                   "x.json: expected spans in resourceSpans[].scopeSpans[].spans[], found none",
		`1`:                                      `x.json: byte 0: expected an object with resourceSpans, found "1"`,
		request("scopeSpans", `{"traceId":tru}`): "x.json: byte 43: expected a span or resource in JSON",
		`{"resourceSpans":[{"scopeSpans":[{"spans":[{"tra`: "byte 48: the document ends before it is closed",
	} {
		_, err := otlp.New().Read(t.Context(), []records.File{droptest.File("x.json", records.Main, []byte(text))})
		require.ErrorIs(t, err, records.ErrFormat, text)
		require.ErrorContains(t, err, want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(request("scopeSpans", `{"traceId":"`+traceID+`","spanId":"`+rootID+`","startTimeUnixNano":"5","endTimeUnixNano":"9","events":[{"name":"exception","timeUnixNano":"7","attributes":[{"key":"exception.type","value":{"stringValue":"E"}}]}],"links":[{"traceId":"`+traceID+`","spanId":"22"}]}`)))
	f.Add([]byte(`{"resourceSpans":[{"instrumentationLibrarySpans":[{"spans":[{"traceId":"1","spanId":"1","parentSpanId":"2"},{"traceId":"1","spanId":"2","parentSpanId":"1"}]}]}]}`))
	droptest.Fuzz(f, otlp.New(), "x.json")
}
