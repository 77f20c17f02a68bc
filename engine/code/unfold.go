package code

import (
	"bytes"
	"encoding/binary"

	"github.com/fxamacker/cbor/v2"

	"github.com/dagscope/dagscope/engine/python"
)

// unfold makes positional arguments of the values and the template of a call where they can be: where each value is one of
// the arguments, the others are constants, and none is named. An interpreter reads those in half the time of a template.
func unfold(c *python.Call) error {
	data, err := c.Template.Bytes()
	if err != nil {
		return err
	}
	var arguments struct {
		_          struct{} `cbor:",toarray"`
		Positional []cbor.RawMessage
		Named      cbor.RawMessage
	}
	if templates.Unmarshal(data, &arguments) != nil || !bytes.Equal(arguments.Named, emptyMap) {
		return nil // the interpreter refuses what is no template
	}
	values, used := make([]Value, len(arguments.Positional)), map[uint64]bool{}
	for i, part := range arguments.Positional {
		number, isHole := wholeHole(part)
		switch {
		case isHole && number < uint64(len(c.Values)) && !used[number]:
			values[i], used[number] = c.Values[number], true
		case bytes.Contains(part, holeNumber): // or a constant in which the bytes mean something else
			return nil
		default:
			values[i] = Value{Codec: c.Template.Codec, Data: part}
		}
	}
	if len(used) == len(c.Values) {
		c.Values, c.Template = values, Value{}
	}
	return nil
}

var (
	emptyMap = []byte{0xa0}
	// holeNumber is part of each hole, however it is encoded.
	holeNumber = binary.BigEndian.AppendUint16(nil, python.HoleTag)
)

// wholeHole returns the number of an item that is nothing but a hole.
func wholeHole(item []byte) (number uint64, ok bool) {
	if !bytes.Contains(item, holeNumber) {
		return 0, false // as most, and decoding takes long
	}
	var tag cbor.RawTag
	if templates.Unmarshal(item, &tag) != nil || tag.Number != python.HoleTag {
		return 0, false
	}
	return number, templates.Unmarshal(tag.Content, &number) == nil
}
