package codec

import "reflect"

// list assembles lists of one element type from boxed elements and takes them apart.
type Lists struct {
	Join  func(parts []any) any
	Split func(list any) []any
	At    func(list any, i int) any
}

func ListsOf[T any]() Lists { return Lists{joinParts[T], splitList[T], elementAt[T]} }

func joinParts[T any](in []any) any {
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = Unbox[T](v)
	}
	return out
}

func splitList[T any](list any) []any {
	s := Unbox[[]T](list)
	out := make([]any, len(s))
	for i, v := range s {
		out[i] = v
	}
	return out
}

func elementAt[T any](list any, i int) any { return Unbox[[]T](list)[i] }

// listFor is listOf for a type that only a decoded graph names. It uses no reflection if TypeOf has described elem,
// which is so for every input and output of a function.
func ListsFor(elem reflect.Type) Lists {
	if t, isKnown := types.Load(elem); isKnown && t.(*Type).list.Join != nil {
		return t.(*Type).list
	}
	whole := reflect.SliceOf(elem)
	return Lists{
		Join: func(parts []any) any {
			out := reflect.MakeSlice(whole, len(parts), len(parts))
			for i, v := range parts {
				if v != nil {
					out.Index(i).Set(reflect.ValueOf(v))
				}
			}
			return out.Interface()
		},
		Split: func(list any) []any {
			if list == nil {
				return nil
			}
			s := reflect.ValueOf(list)
			out := make([]any, s.Len())
			for i := range out {
				out[i] = s.Index(i).Interface()
			}
			return out
		},
		At: func(list any, i int) any { return reflect.ValueOf(list).Index(i).Interface() },
	}
}

// mapFor assembles maps of type rt from their boxed parts; keys is a list of rt's keys, one for each part.
func MapFor(rt reflect.Type, keys any) func(parts []any) any {
	each := reflect.ValueOf(keys)
	zero := reflect.Zero(rt.Elem())
	return func(parts []any) any {
		out := reflect.MakeMapWithSize(rt, len(parts))
		for i, v := range parts {
			part := zero
			if v != nil {
				part = reflect.ValueOf(v)
			}
			out.SetMapIndex(each.Index(i), part)
		}
		return out.Interface()
	}
}

// arg unboxes a value; a nil interface stands for the zero value.
func Unbox[T any](v any) T {
	t, _ := v.(T)
	return t
}
