package engine

import "reflect"

// list is how lists of one element type are put together from boxed elements and taken apart.
type list struct {
	join  func(parts []any) any
	split func(list any) []any
	at    func(list any, i int) any
}

func listOf[T any]() list { return list{joinParts[T], splitList[T], elementAt[T]} }

func joinParts[T any](in []any) any {
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = arg[T](v)
	}
	return out
}

func splitList[T any](list any) []any {
	s := arg[[]T](list)
	out := make([]any, len(s))
	for i, v := range s {
		out[i] = v
	}
	return out
}

func elementAt[T any](list any, i int) any { return arg[[]T](list)[i] }

// listFor is listOf for a type that only a decoded graph names. If TypeOf has described elem, as it has every
// input and output of a function, it uses no reflection.
func listFor(elem reflect.Type) list {
	if t, isKnown := types.Load(elem); isKnown && t.(*Type).list.join != nil {
		return t.(*Type).list
	}
	whole := reflect.SliceOf(elem)
	return list{
		join: func(parts []any) any {
			out := reflect.MakeSlice(whole, len(parts), len(parts))
			for i, v := range parts {
				if v != nil {
					out.Index(i).Set(reflect.ValueOf(v))
				}
			}
			return out.Interface()
		},
		split: func(list any) []any {
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
		at: func(list any, i int) any { return reflect.ValueOf(list).Index(i).Interface() },
	}
}

// mapFor puts maps of type rt together from their boxed parts; keys, one for each, is a list of rt's keys.
func mapFor(rt reflect.Type, keys any) func(parts []any) any {
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
