package codec

import "reflect"

// mostNested is how deep pointers, lists, maps and structs can be nested in a value that can be encoded. One level of
// maxDepth may be a field of a struct that a pointer refers to, which is three levels here.
const mostNested = 3 * maxDepth

// Exceeds reports whether a value takes more than limit bytes, without encoding it. It counts the bytes of strings and
// slices of numbers, what structs that are Shaped say of themselves, and one byte for each slice, array and pointer, until the sum exceeds limit; so counting ends even
// if a value contains itself. The count differs from the encoded size by what the encoding adds or saves. A value that
// is nested too deeply to be encoded exceeds any limit.
func Exceeds(v any, limit int64) bool {
	if v == nil {
		return false
	}
	return remaining(reflect.ValueOf(v), limit, mostNested) < 0
}

// remaining is what is left of a budget of bytes after v, negative when it does not suffice or v is nested deeper than
// depth. It need not handle interfaces: types with a codec contain none.
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
		if v.Type().Implements(shapedType) && v.CanInterface() {
			return budget - v.Interface().(Shaped).RawBytes()
		}
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

var shapedType = reflect.TypeFor[Shaped]()

func isFlat(t reflect.Type) bool {
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Complex128
}
