package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/web/api"
)

const build = "name,start,end\ncompile,2026-01-01T10:00:00Z,2026-01-01T10:00:02Z\nlink,2026-01-01T10:00:02Z,2026-01-01T10:00:03Z\n"

// TestImportForm imports several files at a time, of which one is none that can be imported.
func TestImportForm(t *testing.T) {
	w := newWorld(t)
	body, kind := form(t, map[string]any{}, map[string][2]string{"a/build.csv": {"build.csv", build}, "b": {"b", "nothing"}})
	out := w.request(http.MethodPost, "/imports", body, "Content-Type", kind)
	require.Equal(t, http.StatusCreated, out.Code, out.Body)
	var got api.Import
	require.NoError(t, json.Unmarshal(out.Body.Bytes(), &got))
	outcomes := map[string]string{}
	for _, f := range got.Files {
		outcomes[f.Path] = f.Outcome
	}
	assert.Equal(t, "imported", outcomes["a/build.csv"])
	assert.Equal(t, "failed", outcomes["b"])
}

// TestImportOfUnknownSizes: what no file says is not known, and not zero.
func TestImportOfUnknownSizes(t *testing.T) {
	w := newWorld(t)
	var got api.Import
	w.post("/imports?name=build.csv", build, http.StatusCreated, &got)
	require.Len(t, got.Files, 1)
	imported := got.Files[0].Run.Imported
	require.NotNil(t, imported.Value)
	assert.Nil(t, imported.Value.BytesMoved)
	assert.Nil(t, imported.Value.CPUNS)
}

// TestImportOfBrokenBody: a client that goes away is no error of the server.
func TestImportOfBrokenBody(t *testing.T) {
	w := newWorld(t)
	out := w.request(http.MethodPost, "/imports", io.MultiReader(strings.NewReader(build), iotest.ErrReader(io.ErrUnexpectedEOF)))
	require.Equal(t, http.StatusBadRequest, out.Code, out.Body)
	require.Contains(t, out.Body.String(), "the body cannot be read: unexpected EOF")
}

// TestImportOfSilentBody: a client that sends nothing more is answered.
func TestImportOfSilentBody(t *testing.T) {
	if testing.Short() {
		t.Skip("a client has 30 s to send something")
	}
	t.Parallel()
	w := newWorld(t)
	server := httptest.NewServer(w.router)
	defer server.Close()
	client, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	_, err = io.WriteString(client, "POST /api/v1/imports HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 1000\r\n\r\nname")
	require.NoError(t, err)
	require.NoError(t, client.SetReadDeadline(time.Now().Add(time.Minute)))
	answer, err := http.ReadResponse(bufio.NewReader(client), nil)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusRequestTimeout, answer.StatusCode)
}

// dryRun previews files of a form and returns what an import would do.
func (w *world) dryRun(files map[string]string) api.Import {
	w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for path, content := range files {
		part, err := form.CreateFormFile(path, path)
		require.NoError(w.t, err)
		_, err = io.WriteString(part, content)
		require.NoError(w.t, err)
	}
	require.NoError(w.t, form.Close())
	out := w.request(http.MethodPost, "/imports?dry_run=true", &body, "Content-Type", form.FormDataContentType())
	require.Equal(w.t, http.StatusOK, out.Code, out.Body)
	var got api.Import
	require.NoError(w.t, json.Unmarshal(out.Body.Bytes(), &got))
	return got
}

// TestImportOfDryRun: a dry run keeps nothing, and its runs are imported one by one or all, without the files.
func TestImportOfDryRun(t *testing.T) {
	w := newWorld(t)
	other := strings.ReplaceAll(build, "2026", "2027")
	preview := w.dryRun(map[string]string{"a/build.csv": build, "b.csv": other, "c": "nothing"})
	runs := map[string]*api.RunSummary{}
	for _, f := range preview.Files {
		if f.Path == "c" {
			assert.Equal(t, "failed", f.Outcome)
			assert.Contains(t, f.Error, "it begins with")
			continue
		}
		require.Equal(t, "imported", f.Outcome, f.Path)
		assert.EqualValues(t, 2, f.Run.Tasks.Done)
		assert.NotEmpty(t, f.Run.Imported.Value.Notes)
		w.refused(http.MethodGet, "/runs/"+string(f.Run.Run), nil, http.StatusNotFound)
		runs[f.Path] = f.Run
	}
	require.Len(t, runs, 2)
	require.NotNil(t, preview.Held)

	held := "/imports?held=" + preview.Held.ID
	var got api.Import
	w.post(held+"&run="+string(runs["b.csv"].Run), nil, http.StatusCreated, &got)
	require.Len(t, got.Files, 1)
	assert.Equal(t, runs["b.csv"].MakespanNS, got.Files[0].Run.MakespanNS)
	w.refused(http.MethodGet, "/runs/"+string(runs["a/build.csv"].Run), nil, http.StatusNotFound)
	w.refused(http.MethodPost, held+"&run=other", nil, http.StatusUnprocessableEntity)
	w.post(held, nil, http.StatusCreated, &got)
	assert.Len(t, got.Files, 3)
	w.post(held, nil, http.StatusOK, &got)

	out := w.request(http.MethodDelete, "/imports/"+preview.Held.ID, nil)
	require.Equal(t, http.StatusNoContent, out.Code)
	w.refused(http.MethodDelete, "/imports/"+preview.Held.ID, nil, http.StatusNotFound)
	w.refused(http.MethodPost, held, nil, http.StatusNotFound)
}

// TestDryRunOfTables: the files of a dry run are read by other columns without sending them again.
func TestDryRunOfTables(t *testing.T) {
	w := newWorld(t)
	table := "name,start,end,begin\ncompile,2026-01-01T10:00:00Z,2026-01-01T10:00:09Z,2026-01-01T10:00:08Z\n"
	preview := w.dryRun(map[string]string{"build.csv": table})
	require.EqualValues(t, 9*time.Second, preview.Files[0].Run.MakespanNS)
	var again, got api.Import
	held := "/imports?held=" + preview.Held.ID + "&mapping=start=begin,end=end,name=name"
	w.post(held+"&dry_run=true", nil, http.StatusOK, &again)
	require.EqualValues(t, time.Second, again.Files[0].Run.MakespanNS)
	assert.Equal(t, preview.Held, again.Held)
	w.post(held, nil, http.StatusCreated, &got)
	assert.EqualValues(t, time.Second, got.Files[0].Run.MakespanNS)
}

// TestDryRunOfNothing: files without a run are reported and not held; a request without files is refused.
func TestDryRunOfNothing(t *testing.T) {
	w := newWorld(t)
	preview := w.dryRun(map[string]string{"c": "nothing"})
	require.Len(t, preview.Files, 1)
	assert.Equal(t, "failed", preview.Files[0].Outcome)
	assert.Nil(t, preview.Held)
	body := "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--x--\r\n"
	out := w.request(http.MethodPost, "/imports?dry_run=true", strings.NewReader(body), "Content-Type", "multipart/form-data; boundary=x")
	require.Equal(t, http.StatusOK, out.Code, out.Body)
	assert.Contains(t, out.Body.String(), "it is empty")
	out = w.request(http.MethodPost, "/imports?dry_run=true", strings.NewReader("--x--\r\n"), "Content-Type", "multipart/form-data; boundary=x")
	require.Equal(t, http.StatusUnprocessableEntity, out.Code, out.Body)
	assert.Contains(t, out.Body.String(), "there is no file")
}
