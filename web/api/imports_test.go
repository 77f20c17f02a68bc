package api_test

import (
	"encoding/json"
	"net/http"
	"testing"

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
