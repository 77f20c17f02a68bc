package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// wording adds what was expected to errors of huma that only state that something is wrong.
type wording struct {
	registry   huma.Registry
	parameters []*huma.Param // of the operation
	body       *huma.Schema  // nil for none
}

// wordingOf returns the wording for the parameters and the body of an operation.
func (a *API) wordingOf(op *huma.Operation) wording {
	w := wording{registry: a.huma.OpenAPI().Components.Schemas, parameters: op.Parameters}
	if op.RequestBody != nil && op.RequestBody.Content["application/json"] != nil {
		w.body = op.RequestBody.Content["application/json"].Schema
	}
	return w
}

// of returns the text for one error.
func (w wording) of(e *huma.ErrorDetail) string {
	switch {
	case e.Message == "invalid integer":
		return fmt.Sprintf("%s is not a whole number, expected one in digits alone, such as 50", quoted(e.Value))
	case e.Message == "invalid float", e.Message == "invalid floating value":
		return fmt.Sprintf("%s is not a number, expected one such as 0.5", quoted(e.Value))
	case e.Message == "invalid boolean":
		return fmt.Sprintf("%s is neither true nor false, expected one of them", quoted(e.Value))
	case strings.HasPrefix(e.Message, "invalid date/time"):
		return fmt.Sprintf("%s is not a time, expected one as RFC 3339 has it, such as 2026-01-31T15:04:05Z", quoted(e.Value))
	case strings.HasPrefix(e.Message, huma.ErrUnknownContentType.Error()):
		_, kind, _ := strings.Cut(e.Message, ": ")
		return fmt.Sprintf("the content type is %q, expected application/json", cut(kind, 80))
	case e.Message == "unexpected property":
		return e.Message + ", expected " + oneOf(w.siblings(e.Location))
	case strings.HasPrefix(e.Message, "required ") && strings.HasSuffix(e.Message, " parameter is missing"):
		return e.Message + w.choices(e.Location)
	case e.Location == "body" && !strings.HasPrefix(e.Message, "expected"): // the text is that of the JSON parser
		return "expected JSON: " + e.Message
	}
	return e.Message
}

// quoted is the text that the client sent.
func quoted(v any) string { return fmt.Sprintf("%q", cut(fmt.Sprint(v), 80)) }

// choices lists the values of a parameter with an enumeration.
func (w wording) choices(location string) string {
	where, name, _ := strings.Cut(location, ".")
	for _, p := range w.parameters {
		if p.In != where || p.Name != name || p.Schema == nil || len(p.Schema.Enum) == 0 {
			continue
		}
		var words []string
		for _, v := range p.Schema.Enum {
			words = append(words, fmt.Sprint(v))
		}
		return ", expected one of " + strings.Join(words, ", ")
	}
	return ""
}

// siblings lists the properties of the object that contains a location of the body.
func (w wording) siblings(location string) []string {
	at := w.resolved(w.body)
	parts := strings.Split(location, ".")
	for _, name := range parts[1 : len(parts)-1] {
		if at != nil {
			at = w.resolved(at.Properties[name])
		}
	}
	if at == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(at.Properties))
}

// resolved follows the reference that a schema may be.
func (w wording) resolved(s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return w.registry.SchemaFromRef(s.Ref)
	}
	return s
}
