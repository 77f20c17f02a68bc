package codec

import (
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// hollow is the codec of lists whose element type this program does not have. Such lists are encoded as CBOR, since all
// number types are known everywhere; CBOR shows their length, and the lengths of lists within them.
type hollow struct{ elem *hollow } // elem is nil if the elements are not lists

func (hollow) id() codecID { return structuredCodec }

func (hollow) shape(dst []int, _ any) []int { return dst }

func (hollow) append(dst []byte, _ any) ([]byte, error) {
	return dst, errors.New("its elements are not known here, expected a program that has their type")
}

func (h hollow) decode(shape []int, raw []byte) (any, error) {
	if len(shape) > 0 {
		return nil, fmt.Errorf("the shape %v, expected none", shape)
	}
	return h.open(raw)
}

// open returns a list of nil elements, or of such lists.
func (h hollow) open(raw []byte) ([]any, error) {
	var items []cbor.RawMessage // stays empty for null, which is a nil slice
	if err := fromCBOR.Unmarshal(raw, &items); err != nil {
		var small []byte // a list of a type derived from byte
		if fromCBOR.Unmarshal(raw, &small) != nil {
			return nil, err
		}
		return make([]any, len(small)), nil
	}
	out := make([]any, len(items))
	if h.elem == nil {
		return out, nil
	}
	for i, item := range items {
		inner, err := h.elem.open(item)
		if err != nil {
			return nil, err
		}
		out[i] = inner
	}
	return out, nil
}
