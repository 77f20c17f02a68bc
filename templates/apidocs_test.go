package templates

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docsData asks for the page of the document in testdata.
func docsData(t *testing.T) APIDocsData {
	t.Helper()
	document, err := os.ReadFile("testdata/openapi.json")
	require.NoError(t, err)
	return APIDocsData{Page: Page{Base: "/x"}, Origin: "http://127.0.0.1:8080", TokenRequired: true, Document: document}
}

// section is the text of an element with an id, its spaces made one.
func (p page) section(t *testing.T, id string) string {
	t.Helper()
	for _, e := range p.elements {
		if e.attr["id"] == id {
			return strings.Join(strings.Fields(e.text), " ")
		}
	}
	require.Fail(t, "no element has the id "+id)
	return ""
}

func TestAPIDocs(t *testing.T) {
	p := rendered(t, APIDocs, docsData(t))
	assert.Equal(t, "zoo", p.one(t, "title").text)
	var groups []string
	for _, h := range p.all("h2") {
		groups = append(groups, h.text)
	}
	assert.Equal(t, []string{"animals", "feeding", "Schemas"}, groups)

	list := p.section(t, "get-api-v1-animals")
	for _, part := range []string{
		"kind query string which one of cat, dog",
		"limit required query integer (int64) how many 1 to 1000; default 50",
		"200 OK Animal[] | null application/json",
		`curl -sS \ -H "Authorization: Bearer $TOKEN" \ 'http://127.0.0.1:8080/x/api/v1/animals?limit=50'`,
	} {
		assert.Contains(t, list, part)
	}
	closed := p.all("summary")[0]
	assert.Equal(t, "GET /api/v1/animals Lists animals.", strings.Join(strings.Fields(closed.text), " "), "all that is seen of it at first")
	assert.Contains(t, p.section(t, "patch-api-v1-animals-id"),
		`-X PATCH \ -H "Authorization: Bearer $TOKEN" \ -H 'Content-Type: application/json' \ -d '{"name":"it'\''s Tom","owner":{"name":"NAME"}}' \ 'http://127.0.0.1:8080/x/api/v1/animals/ID'`)
	assert.Contains(t, p.section(t, "post-api-v1-feeding"), "--data-binary @FILE")
	assert.Contains(t, p.section(t, "put-api-v1-feeding"), "-F file=@FILE")

	animal := p.section(t, "schema-Animal")
	for _, part := range []string{
		"An animal.", "name string what it is called at most 40 characters", "parents optional Animal[] unknown",
		"sizes optional {name: number}", "keeper optional Owner | null", "extra optional anything",
	} {
		assert.Contains(t, animal, part)
	}
	for _, href := range p.values("a", "href") {
		if id, ok := strings.CutPrefix(href, "#"); ok {
			p.section(t, id)
		}
	}
}

func TestAPIDocsWithoutToken(t *testing.T) {
	data := docsData(t)
	data.TokenRequired = false
	assert.NotContains(t, rendered(t, APIDocs, data).source, "Bearer")
}

func TestAPIDocsRefuses(t *testing.T) {
	for _, document := range []string{"", "[]", `{"paths": {"/a": {"get": []}}}`} {
		var b bytes.Buffer
		assert.Error(t, APIDocs(&b, APIDocsData{Document: []byte(document)}), document)
		assert.Empty(t, b.String())
	}
}

// TestAPIDocsOfOurs: the document that the server gives is one that the page can show.
func TestAPIDocsOfOurs(t *testing.T) {
	document, err := os.ReadFile("../web/api/openapi.json")
	if err != nil {
		t.Skip("there is no web/api/openapi.json yet")
	}
	data := docsData(t)
	data.Document = document
	p := rendered(t, APIDocs, data)
	assert.Contains(t, p.section(t, "get-api-v1-runs"), "cursor")
	assert.NotContains(t, p.source, "ZgotmplZ", "what a template cannot place safely")
	for _, href := range p.values("a", "href") {
		if id, ok := strings.CutPrefix(href, "#"); ok {
			p.section(t, id)
		}
	}
}

func FuzzAPIDocs(f *testing.F) {
	document, err := os.ReadFile("testdata/openapi.json")
	require.NoError(f, err)
	f.Add(document)
	f.Add([]byte(`{"components":{"schemas":{"a":{"$ref":"#/components/schemas/a"},"b":null}},"paths":{"/":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/a"}}}}}}}}`))
	f.Fuzz(func(_ *testing.T, document []byte) {
		_ = APIDocs(&bytes.Buffer{}, APIDocsData{Document: document}) // must return, whatever the document
	})
}
