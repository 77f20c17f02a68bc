package api

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// OrNull is a T or null.
type OrNull[T any] struct{ Value *T }

// orNull turns nil into null.
func orNull[T any](v *T) OrNull[T] { return OrNull[T]{v} }

// MarshalJSON implements json.Marshaler.
func (o OrNull[T]) MarshalJSON() ([]byte, error) { return json.Marshal(o.Value) }

// UnmarshalJSON implements json.Unmarshaler.
func (o *OrNull[T]) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &o.Value) }

// Schema implements huma.SchemaProvider.
func (o OrNull[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), {Type: "null"}}}
}

// optional is a query parameter that can be absent, which is distinguished from its zero value.
type optional[T any] struct {
	value T
	given bool
}

// pointer is nil if the parameter is absent.
func (o *optional[T]) pointer() *T {
	if !o.given {
		return nil
	}
	return &o.value
}

// Receiver implements huma.ParamWrapper.
func (o *optional[T]) Receiver() reflect.Value { return reflect.ValueOf(&o.value).Elem() }

// OnParamSet implements huma.ParamReactor.
func (o *optional[T]) OnParamSet(given bool, _ any) { o.given = given }

// Schema implements huma.SchemaProvider.
func (o optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[T]())
}
