package document

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Members calls member for each name of the object that d is at, in the order of the text; member has to decode the
// value. It is for objects that are too large, or too mixed, for one value. The error is that of member or of d.
func Members(d *json.Decoder, member func(name string) error) error {
	if t, err := d.Token(); err != nil {
		return err
	} else if t != json.Delim('{') {
		return fmt.Errorf("expected an object, got %v", t)
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		if err := member(fmt.Sprint(t)); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// Names reports whether a text has all of some names in quotes, as JSON has members. It recognises a document by its
// beginning, and does not parse it.
func Names(text []byte, names ...string) bool {
	for _, name := range names {
		if !bytes.Contains(text, []byte(`"`+name+`"`)) {
			return false
		}
	}
	return true
}
