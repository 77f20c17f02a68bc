package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// newDocument is the description of the API before any operation is added.
func newDocument() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "dagscope", Version: "1",
			Description: "Runs DAG workflows and shows why they took as long as they did. " +
				"Durations and offsets are whole nanoseconds (_ns), times are RFC 3339, periods are half open. " +
				"Unknown query parameters are refused.",
		},
		Servers: []*huma.Server{{URL: "/api/v1"}},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer", Description: "If the server requires a token."},
				"cookie": {Type: "apiKey", In: "cookie", Name: TokenCookie, Description: "Set by /login, for browsers."},
			},
		},
		Security: []map[string][]string{{}, {"bearer": {}}, {"cookie": {}}},
		Tags: []*huma.Tag{
			{Name: "runs", Description: "Submitting, finding and controlling runs."},
			{Name: "run", Description: "What happened in one run."},
			{Name: "history", Description: "Statistics over recorded runs."},
			{Name: "server", Description: "What this server can run, and on what."},
		},
	}
}

// TokenCookie is the name of the cookie that holds the token.
const TokenCookie = "dagscope_token"

// schemaName names the schemas of types; those of other packages must not collide with ours.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if strings.HasSuffix(t.PkgPath(), "/layout") && !strings.HasPrefix(name, "Layout") {
		return "Layout" + name
	}
	return name
}

// finish completes the document: lists are never null, and unused schemas of huma are removed.
func finish(doc *huma.OpenAPI) {
	bodies(doc)
	schemas := doc.Components.Schemas.Map()
	for _, name := range []string{"ErrorModel", "ErrorDetail"} {
		delete(schemas, name)
	}
	for _, s := range schemas {
		tidy(s)
	}
	for _, path := range doc.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post, path.Patch, path.Delete} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				tidy(p.Schema)
				p.Description = p.Schema.Description
				if strings.Contains(p.Name, "None-Match") {
					op.Responses["304"] = &huma.Response{Description: "The response that the client has is current."}
				}
			}
		}
	}
}

// tidy makes lists non-null. It visits each schema once, since it does not follow references.
func tidy(s *huma.Schema) {
	if s == nil {
		return
	}
	switch s.Type {
	case huma.TypeArray:
		s.Nullable = false
	case huma.TypeInteger:
		s.Format = "" // int32 would be wrong for unsigned integers
	}
	tidy(s.Items)
	for _, p := range s.Properties {
		tidy(p)
	}
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		tidy(more)
	}
}

// bodies describes the bodies that handlers read themselves.
func bodies(doc *huma.OpenAPI) {
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	submission := doc.Components.Schemas.Schema(reflect.TypeFor[Submission](), true, "")
	doc.Paths["/runs"].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: submission},
		"multipart/form-data": {
			Schema: &huma.Schema{
				Type: huma.TypeObject, Required: []string{"request"}, AdditionalProperties: binary,
				Properties: map[string]*huma.Schema{"request": submission},
			},
			Encoding: map[string]*huma.Encoding{"request": {ContentType: "application/json"}},
		},
	}}
	imports := doc.Paths["/imports"].Post
	imports.Responses["200"] = &huma.Response{Description: "OK", Content: imports.Responses["201"].Content}
	retry := doc.Paths["/runs/{run}/retry"].Post
	retry.Responses["200"] = &huma.Response{Description: "OK", Content: retry.Responses["201"].Content}
	imports.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{
		archiveType:           {Schema: binary},
		"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: binary}},
	}}
}

// archiveType is the media type of archive files.
const archiveType = "application/octet-stream"

// files describes the response of an operation that returns a file.
func files(op huma.Operation, types ...string) huma.Operation {
	content := map[string]*huma.MediaType{}
	for _, t := range types {
		content[t] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	op.Responses = map[string]*huma.Response{"200": {Description: "The file.", Content: content}}
	return op
}

// Document returns the description of the API as OpenAPI 3.1, in JSON, for a server whose base path is base: empty, or such
// as "/x". The same program returns the same bytes.
func (a *API) Document(base string) []byte {
	return bytes.Replace(a.document, []byte(`"url": "/api/v1"`), fmt.Appendf(nil, `"url": %q`, base+"/api/v1"), 1)
}

func encodeDocument(doc *huma.OpenAPI) ([]byte, error) {
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("api: the description of the API: %w", err)
	}
	return append(b, '\n'), nil
}
