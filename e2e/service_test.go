package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// service is dagscope serve under way, and a client of it.
type service struct {
	*process
	url    string // without a slash at its end
	client http.Client
	header http.Header // of every request
	viewer *tab        // that logs an error when the service is gone; nil for none
}

// serve starts the service on a free port and reads the address that it prints.
func (u *user) serve(args ...string) *service {
	u.t.Helper()
	u.lasts = 5 * time.Minute // it ends when the test does
	p := u.start(append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)
	line := p.awaitIn(p.stdout, `(?m)^dagscope: (http://127\.0\.0\.1:\d+\S*)/$`)
	transport := &http.Transport{}
	u.t.Cleanup(transport.CloseIdleConnections)
	return &service{process: p, url: line[1], client: http.Client{Transport: transport, Timeout: patience}, header: http.Header{}}
}

// ends asks it to end, which it has to do without an error.
func (s *service) ends() outcome {
	s.t.Helper()
	if s.viewer != nil {
		s.viewer.do(chromedp.Navigate("about:blank"))
	}
	s.client.CloseIdleConnections()
	s.signal(syscall.SIGTERM)
	o := s.wait()
	require.Equal(s.t, 0, o.code, "%s: %s", s.name, o.stderr)
	return o
}

// answer is what came of a request.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   string
}

// do sends a request; body may be nil.
func (s *service) do(method, path string, body io.Reader, header http.Header) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, body)
	require.NoError(s.t, err)
	for _, h := range []http.Header{s.header, header} {
		for name, values := range h {
			r.Header[name] = values
		}
	}
	r.Host = r.Header.Get("Host")
	response, err := s.client.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return answer{s.t, method + " " + path, response.StatusCode, response.Header, string(text)}
}

// is compares the status of an answer with what was wanted.
func (a answer) is(status int) answer {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s: %s", a.what, a.body)
	return a
}

func (a answer) json(v any) {
	a.t.Helper()
	require.NoError(a.t, json.Unmarshal([]byte(a.body), v), "%s: %s", a.what, a.body)
}

// get asks for a path, which has to be there, and reads the answer into v.
func (s *service) get(path string, v any) {
	s.t.Helper()
	s.do(http.MethodGet, path, nil, nil).is(http.StatusOK).json(v)
}

// post sends a value as JSON.
func (s *service) post(path string, v any) answer {
	s.t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(s.t, err)
	return s.do(http.MethodPost, path, bytes.NewReader(raw), http.Header{"Content-Type": {"application/json"}})
}

// submission is what a run is asked for with.
type submission struct {
	Workflow string            `json:"workflow"`
	Params   map[string]string `json:"params,omitempty"`
	Tags     []string          `json:"tags,omitempty"`
	Policy   string            `json:"policy,omitempty"`
	Deadline time.Duration     `json:"deadline_ns,omitempty"`
}

// summary is what the API says of a run in short.
type summary struct {
	Run, Name, Workflow, Status string
	Live, Local                 bool
	LastSeq                     uint64 `json:"last_seq"`
	MakespanNS                  int64  `json:"makespan_ns"`
	Tags                        []string
	ResultText                  string `json:"result_text"`
	Attempts, Retries, Revision int
	Tasks                       struct{ Total, Done, Failed, Skipped, Running int }
	Records                     struct{ Complete bool }
	Error                       *struct{ Kind, Task, Message string }
}

// submit starts a run.
func (s *service) submit(what submission) summary {
	s.t.Helper()
	var got summary
	a := s.post("/api/v1/runs", what).is(http.StatusCreated)
	a.json(&got)
	require.Contains(s.t, a.header.Get("Location"), got.Run)
	return got
}

// submitFile starts a run of a workflow with the file of a parameter.
func (s *service) submitFile(what submission, parameter, path string) summary {
	s.t.Helper()
	request, err := json.Marshal(what)
	require.NoError(s.t, err)
	content, err := os.ReadFile(path)
	require.NoError(s.t, err)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(s.t, form.WriteField("request", string(request)))
	part, err := form.CreateFormFile(parameter, filepath.Base(path))
	require.NoError(s.t, err)
	_, err = part.Write(content)
	require.NoError(s.t, err)
	require.NoError(s.t, form.Close())
	var got summary
	s.do(http.MethodPost, "/api/v1/runs", &body, http.Header{"Content-Type": {form.FormDataContentType()}}).is(http.StatusCreated).json(&got)
	return got
}

// summaryOf asks for one run.
func (s *service) summaryOf(run string) summary {
	s.t.Helper()
	var got summary
	s.get("/api/v1/runs/"+run, &got)
	return got
}

// until waits for a run to be as it should.
func (s *service) until(run, what string, yes func(summary) bool) summary {
	s.t.Helper()
	var got summary
	eventually(s.t, what, func() bool {
		got = s.summaryOf(run)
		return yes(got)
	})
	return got
}

// ended waits until a run has ended and is recorded.
func (s *service) ended(run string) summary {
	s.t.Helper()
	return s.until(run, "the end of run "+run, func(got summary) bool { return !got.Live && got.Records.Complete })
}

// upload gives the service an archive file.
func (s *service) upload(path string) summary {
	s.t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(s.t, err)
	a := s.do(http.MethodPost, "/api/v1/imports", bytes.NewReader(content), http.Header{"Content-Type": {"application/octet-stream"}})
	require.Contains(s.t, []int{http.StatusOK, http.StatusCreated}, a.status, a.body)
	var got struct {
		Files []struct{ Run summary }
	}
	a.json(&got)
	require.Len(s.t, got.Files, 1)
	return got.Files[0].Run
}
