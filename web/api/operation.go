package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5/middleware"
)

// register adds an operation whose errors become problems.
func register[I, O any](a *API, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses["default"] = a.problemResponse()
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			p := *problemOf(ctx, a.cfg.Log, err)
			p.RequestID = middleware.GetReqID(ctx)
			return nil, &p
		}
		return out, nil
	})
}

// problemResponse describes all unsuccessful responses.
func (a *API) problemResponse() *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	return &huma.Response{
		Description: "What was wrong.", Content: map[string]*huma.MediaType{problemType: {Schema: schema}},
	}
}

// reply lets the status of a response be changed after its body is known.
type reply struct {
	humaContext
	status int
}

type humaContext = huma.Context // a field cannot have the name of its method Context

// SetStatus implements huma.Context.
func (r *reply) SetStatus(code int) {
	if r.status != 0 {
		code = r.status
	}
	r.humaContext.SetStatus(code)
}

// Unwrap lets humachi find the underlying request.
func (r *reply) Unwrap() huma.Context { return r.humaContext }

// transformProblems turns huma's own errors into problems.
func (a *API) transformProblems(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := fromHuma(m, a.wordingOf(ctx.Operation()))
	p.RequestID = middleware.GetReqID(ctx.Context())
	if r, ok := ctx.(*reply); ok {
		r.status = p.Status
	}
	return p, nil
}

// strict refuses queries with unknown parameters, or with several values for one parameter.
func strict(ctx huma.Context, next func(huma.Context)) {
	if p := checkQuery(ctx.Operation(), ctx.URL()); p != nil {
		r, w := humachi.Unwrap(ctx)
		WriteProblem(w, r, p)
		return
	}
	next(&reply{humaContext: ctx})
}

func checkQuery(op *huma.Operation, u url.URL) *Problem {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return NewProblem(http.StatusBadRequest, "the query of the address is malformed: %v", err)
	}
	var accepted []string
	repeatable := map[string]bool{}
	for _, p := range op.Parameters {
		if p.In == "query" {
			accepted = append(accepted, p.Name)
			repeatable[p.Name] = p.Explode != nil && *p.Explode && p.Schema.Type == huma.TypeArray
		}
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(accepted, name) {
			return NewProblem(http.StatusBadRequest, "unknown query parameter %q, expected %s", cut(name, 64), oneOf(accepted))
		}
		if len(query[name]) > 1 && !repeatable[name] {
			return NewProblem(http.StatusBadRequest, "query parameter %q is given %d times, expected once", name, len(query[name]))
		}
	}
	return nil
}

func oneOf(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// acceptsStream reports whether the client asks for server-sent events.
func acceptsStream(accept string) bool { return strings.Contains(accept, "text/event-stream") }

// inBody reports whether the location of an error is in the body of a request.
func inBody(location string) bool { return strings.HasPrefix(location, "body") }

// plain returns the text of an error without the prefixes of our packages.
func plain(err error) string {
	text := err.Error()
	for _, prefix := range []string{"metricsstore: ", "engine: ", "compare: ", "invalid argument: ", "invalid parameter: "} {
		text = strings.ReplaceAll(text, prefix, "")
	}
	return text
}

// cut shortens a text that a client chose.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:n], ""), len(s))
}
