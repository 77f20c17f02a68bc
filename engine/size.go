package engine

import "reflect"

// mostNested is how many pointers, lists, maps and structs lie within each other at most in what can be encoded: a level of
// maxDepth may be a field, of a struct, behind a pointer.
const mostNested = 3 * maxDepth

// Exceeds reports whether a value takes more than limit bytes, without encoding it: what its strings and slices of
// numbers hold is counted until it is too much, and a byte for each slice, array and pointer, so that counting ends where a
// value contains itself. It may err by what an encoding adds or saves. What is nested too deep to be encoded is too much.
func Exceeds(v any, limit int64) bool {
	if v == nil {
		return false
	}
	return remaining(reflect.ValueOf(v), limit, mostNested) < 0
}

// remaining is what is left of a budget of bytes after v, negative when it does not suffice or v is nested deeper than
// depth. Types that have a codec contain no interfaces.
func remaining(v reflect.Value, budget int64, depth int) int64 {
	if depth < 0 {
		return -1
	}
	switch v.Kind() {
	case reflect.String:
		return budget - int64(v.Len())
	case reflect.Slice, reflect.Array:
		budget--
		if isFlat(v.Type().Elem()) {
			return budget - int64(v.Len())*int64(v.Type().Elem().Size())
		}
		for i := 0; i < v.Len() && budget >= 0; i++ {
			budget = remaining(v.Index(i), budget, depth-1)
		}
		return budget
	case reflect.Map:
		for it := v.MapRange(); budget >= 0 && it.Next(); {
			budget = remaining(it.Value(), remaining(it.Key(), budget, depth-1), depth-1)
		}
		return budget
	case reflect.Struct:
		for i := 0; i < v.NumField() && budget >= 0; i++ {
			budget = remaining(v.Field(i), budget, depth-1)
		}
		return budget
	case reflect.Pointer:
		if v.IsNil() {
			return budget
		}
		return remaining(v.Elem(), budget-1, depth-1)
	default:
		return budget - int64(v.Type().Size())
	}
}

func isFlat(t reflect.Type) bool {
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Complex128
}
