package api_test

import (
	"bufio"
	"encoding/json"
	"io"
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
