package dag

import (
	"fmt"
	"reflect"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/internal/wire"
)

// maxTypeNames bounds the names of all types of a decoded graph together, in bytes: names of lists and maps contain the
// names of other types, so a few bytes could repeat a name many times.
const maxTypeNames = 16 << 20

// wireType is one type of a graph under decoding. Two types are the same exactly if they have the same number, because
// the writer numbers Go types and not their names.
type wireType struct {
	kind      wireKind
	key, elem uint32 // types of a map's keys, and of a list's or map's elements
	depth     int
	name      string
	rt        reflect.Type // the Go type, nil if this process does not know it
	typ       *codec.Type  // of rt, made when needed
}

// wireTypes finds the Go types of a decoded graph: those of the functions that this process has, the types that these
// consist of, Go's predeclared types, and lists and maps of all of them.
type wireTypes []wireType

// predeclared are the types that every program has. Names of other types have a dot.
var predeclared = func() map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for _, t := range []reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
		reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
		reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	} {
		all[t.String()] = t
	}
	return all
}()

// typeTable reads the table of types. The types that a type consists of precede it.
func (d *graphDecoder) typeTable() {
	names := 0
	for i := range d.Count("the number of types") {
		t := wireType{kind: wireKind(d.Byte())}
		switch t.kind {
		case wireNamed:
			t.name = d.Text()
		case wireList:
			t.elem = d.below("the type of an element", i)
			if d.Err == nil {
				t.name, t.depth = "[]"+d.types[t.elem].name, d.types[t.elem].depth+1
			}
		case wireMap:
			t.key, t.elem = d.below("the type of a key", i), d.below("the type of an element", i)
			if d.Err == nil {
				t.name, t.depth = "map["+d.types[t.key].name+"]"+d.types[t.elem].name, d.types[t.elem].depth+1
			}
			if d.Err == nil && d.types[t.key].kind != wireNamed {
				d.Fail("a map has keys of type %s", wire.Printable(d.types[t.key].name))
			}
		default:
			d.Fail("type %d is of kind %d, at most %d is known", i, t.kind, wireMap)
		}
		if names += len(t.name); names > maxTypeNames {
			d.Fail("the names of types exceed %d bytes", maxTypeNames)
		}
		if t.depth > maxNesting {
			d.Fail("type %d nests %d lists and maps, at most %d are possible", i, t.depth, maxNesting)
		}
		if d.Err != nil {
			return
		}
		d.types = append(d.types, t)
	}
}

// bind notes that a type of the graph is rt in this process, and binds the types that it consists of. It fails if
// another function contradicts, for example because two packages of the same name have types of the same name.
func (ts wireTypes) bind(number uint32, rt reflect.Type) error {
	t := &ts[number]
	switch {
	case t.rt == rt:
		return nil
	case t.rt != nil:
		return fmt.Errorf("%s is %s in one function known here and %s in another, expected one type", t.name, fullName(t.rt), fullName(rt))
	case t.name != rt.String() || t.kind != kindOf(rt):
		return fmt.Errorf("%s is %s here, expected a type of that name and make", wire.Printable(t.name), rt)
	}
	t.rt = rt
	if t.kind == wireMap {
		if err := ts.bind(t.key, rt.Key()); err != nil {
			return err
		}
	}
	if t.kind == wireNamed {
		return nil
	}
	return ts.bind(t.elem, rt.Elem())
}

func fullName(rt reflect.Type) string {
	if rt.PkgPath() == "" {
		return rt.String()
	}
	return rt.PkgPath() + "." + rt.Name()
}

// complete derives the types that consist of bound ones, once all functions are bound.
func (ts wireTypes) complete() {
	for i := range ts {
		t := &ts[i]
		if t.rt != nil {
			continue
		}
		switch t.kind {
		case wireNamed:
			t.rt = predeclared[t.name]
		case wireList:
			if elem := ts[t.elem].rt; elem != nil {
				t.rt = reflect.SliceOf(elem)
			}
		case wireMap:
			key, elem := ts[t.key].rt, ts[t.elem].rt
			if key != nil && elem != nil && key.Comparable() {
				t.rt = reflect.MapOf(key, elem)
			}
		}
	}
}

// typ describes a type, as far as this process knows it.
func (ts wireTypes) typ(number uint32) *codec.Type {
	t := &ts[number]
	switch {
	case t.typ != nil:
	case t.rt != nil:
		t.typ = codec.TypeFor(t.rt)
	case t.kind == wireList:
		t.typ = codec.ForeignList(t.name, ts.nested(number))
	default:
		t.typ = codec.Foreign(t.name)
	}
	return t.typ
}

// nested is how many levels of lists a type consists of; 0 if it is not a list.
func (ts wireTypes) nested(number uint32) int {
	n := 0
	for ; ts[number].kind == wireList; number = ts[number].elem {
		n++
	}
	return n
}

// isNothing reports whether values of the type cannot be used here at all, not even to count elements.
func (ts wireTypes) isNothing(number uint32) bool {
	return ts[number].rt == nil && ts[number].kind != wireList
}

// list returns how values of a type become a list: if the type is not known here, a list of nil elements or of such
// lists.
func (ts wireTypes) list(elem uint32) codec.Lists {
	if rt := ts[elem].rt; rt != nil {
		return codec.ListsFor(rt)
	}
	return codec.ListsOf[any]()
}
