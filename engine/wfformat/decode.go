package wfformat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxDepth bounds how deep skipped values may nest; recordings need 8.
const maxDepth = 64

// decoder reads JSON token by token, so that counts are checked before memory is allocated.
type decoder struct {
	json *json.Decoder
}

// fields says how to read the members of an object that are needed; others are skipped. Reading a member removes its
// entry.
type fields map[string]func() error

// fault is an error at one place of the file.
type fault struct {
	path string
	err  error
}

func (f *fault) Error() string { return f.path + ": " + f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// in adds to err that it happened within the member or element called step.
func in(step string, err error) error {
	inner, ok := errors.AsType[*fault](err)
	switch {
	case !ok:
		return &fault{path: step, err: err}
	case strings.HasPrefix(inner.path, "["):
		return &fault{path: step + inner.path, err: inner.err}
	default:
		return &fault{path: step + "." + inner.path, err: inner.err}
	}
}

// object reads an object; it does nothing for null.
func (d *decoder) object(known fields) error {
	if opened, err := d.open('{', "an object"); err != nil || !opened {
		return err
	}
	for d.json.More() {
		t, err := d.token()
		if err != nil {
			return err
		}
		key, _ := t.(string) // the decoder accepts only strings as keys
		read, matters := known[key]
		switch {
		case !matters:
			err = d.skip()
		case read == nil:
			err = errors.New("is given twice, expected once")
		default:
			known[key] = nil
			err = read()
		}
		if err != nil {
			return in(short(key), err)
		}
	}
	_, err := d.token()
	return err
}

// array calls element for each element of an array; it does nothing for null.
func (d *decoder) array(element func(i int) error) error {
	if opened, err := d.open('[', "a list"); err != nil || !opened {
		return err
	}
	for i := 0; d.json.More(); i++ {
		if err := element(i); err != nil {
			return in("["+strconv.Itoa(i)+"]", err)
		}
	}
	_, err := d.token()
	return err
}

func (d *decoder) open(want json.Delim, expected string) (bool, error) {
	t, err := d.token()
	if err != nil || t == nil {
		return false, err
	}
	if t != want {
		return false, fmt.Errorf("is %s, expected %s", describe(t), expected)
	}
	return true, nil
}

// skip skips one value.
func (d *decoder) skip() error {
	for depth := 0; ; {
		t, err := d.token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth > maxDepth {
			return fmt.Errorf("nests deeper than %d levels, expected fewer", maxDepth)
		}
		if depth == 0 {
			return nil
		}
	}
}

// text reads a string; null leaves dst unchanged.
func (d *decoder) text(dst *string) func() error {
	return func() error {
		t, err := d.token()
		if err != nil || t == nil {
			return err
		}
		s, ok := t.(string)
		if !ok {
			return fmt.Errorf("is %s, expected a string", describe(t))
		}
		*dst = s
		return nil
	}
}

// number reads a number from 0 to most; null leaves dst unchanged.
func (d *decoder) number(dst *float64, most float64) func() error {
	return func() error {
		t, err := d.token()
		if err != nil || t == nil {
			return err
		}
		text, ok := t.(json.Number)
		if !ok {
			return fmt.Errorf("is %s, expected a number", describe(t))
		}
		v, err := text.Float64()
		if err != nil || v < 0 || v > most {
			return fmt.Errorf("is %s, expected a number from 0 to %g", short(text.String()), most)
		}
		*dst = v
		return nil
	}
}

// texts appends the strings of a list; all calls with the same budget together may keep that many strings.
func (d *decoder) texts(dst *[]string, budget *int, what string) func() error {
	return func() error {
		return d.array(func(int) error {
			var s string
			if err := d.text(&s)(); err != nil {
				return err
			}
			if *budget--; *budget < 0 {
				return tooMany("too many %s", what)
			}
			if s != "" { // the schema allows an empty reference, which refers to nothing
				*dst = append(*dst, s)
			}
			return nil
		})
	}
}

func (d *decoder) token() (json.Token, error) {
	t, err := d.json.Token()
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, fmt.Errorf("near byte %d: %w, expected JSON", d.json.InputOffset(), err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("the file ends at byte %d, expected the rest of it", d.json.InputOffset())
	}
	return t, err
}

// describe describes the token that was found instead.
func describe(t json.Token) string {
	switch v := t.(type) {
	case json.Delim:
		if v == '{' {
			return "an object"
		}
		return "a list"
	case string:
		return "the string " + strconv.Quote(short(v))
	default:
		return short(fmt.Sprint(v))
	}
}

// short shortens a text from the file, so that no message grows with it.
func short(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
