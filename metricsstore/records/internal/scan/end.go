package scan

import (
	"encoding/binary"
	"math/bits"
)

// maxLevels is how deep values may be nested for End, which calls itself for each level.
const maxLevels = 64

// End returns where the value that begins at text[i] ends, if all of it is in text and it is JSON. It returns 0 if it
// is not, is nested deeper than 64 levels, or is a number or word at the end of text, where more of it may follow.
func End(text []byte, i int) int { return whole(text, i, maxLevels) }

// whole is End for a number of levels.
func whole(text []byte, i, levels int) int {
	switch c := text[i]; {
	case c == '"':
		return wholeText(text, i+1)
	case c == '{' && levels > 0:
		return wholeObject(text, i+1, levels-1, nil)
	case c == '[' && levels > 0:
		return wholeArray(text, i+1, levels-1)
	case c == '-' || c-'0' < 10:
		return wholeNumber(text, i)
	case c == 't':
		return wholeWord(text, i, "true")
	case c == 'f':
		return wholeWord(text, i, "false")
	case c == 'n':
		return wholeWord(text, i, "null")
	}
	return 0
}

// wholeObject is whole for an object after its bracket. It appends the places of its members in text to members, if
// that is not nil.
func wholeObject(text []byte, i, levels int, members *[]Member) int {
	i = space(text, i)
	if i < len(text) && text[i] == '}' {
		return i + 1
	}
	for i < len(text) && text[i] == '"' {
		var m Member
		m.Key = int32(i + 1)
		if i = wholeText(text, i+1); i == 0 {
			return 0
		}
		m.KeyEnd = int32(i - 1)
		if i = space(text, i); i == len(text) || text[i] != ':' {
			return 0
		}
		if i = space(text, i+1); i == len(text) {
			return 0
		}
		m.Value = int32(i)
		if i = whole(text, i, levels); i == 0 {
			return 0
		}
		if members != nil {
			m.End = int32(i)
			*members = append(*members, m)
		}
		if i = space(text, i); i == len(text) {
			return 0
		}
		switch text[i] {
		case '}':
			return i + 1
		case ',':
			i = space(text, i+1)
		default:
			return 0
		}
	}
	return 0
}

// wholeArray is whole for an array after its bracket.
func wholeArray(text []byte, i, levels int) int {
	i = space(text, i)
	if i < len(text) && text[i] == ']' {
		return i + 1
	}
	for i < len(text) {
		if i = whole(text, i, levels); i == 0 {
			return 0
		}
		if i = space(text, i); i == len(text) {
			return 0
		}
		switch text[i] {
		case ']':
			return i + 1
		case ',':
			i = space(text, i+1)
		default:
			return 0
		}
	}
	return 0
}

// wholeText is whole for a string after its first quote.
func wholeText(text []byte, i int) int {
	for {
		i = ordinary(text, i)
		if i >= len(text) {
			return 0
		}
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			if i = escape(text, i+1); i == 0 {
				return 0
			}
		default: // it has to be escaped
			return 0
		}
	}
}

// ordinary is the place of the first byte from i that is a quote, a backslash or a control character, the length of
// text if there is none. It compares eight bytes at a time: the highest bit of each byte says whether it is one.
func ordinary(text []byte, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(text); i += 8 {
		v := binary.LittleEndian.Uint64(text[i:])
		quotes, slashes := v^('"'*ones), v^('\\'*ones)
		special := (quotes-ones)&^quotes | (slashes-ones)&^slashes | (v-' '*ones)&^v
		if special &= high; special != 0 {
			return i + bits.TrailingZeros64(special)/8
		}
	}
	for i < len(text) && text[i] >= ' ' && text[i] != '"' && text[i] != '\\' {
		i++
	}
	return i
}

// escape is whole for what follows a backslash.
func escape(text []byte, i int) int {
	if i >= len(text) {
		return 0
	}
	switch text[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for n := 1; n <= 4; n++ {
			if i+n >= len(text) || !isHexadecimal(text[i+n]) {
				return 0
			}
		}
		return i + 5
	}
	return 0
}

func isHexadecimal(c byte) bool { return c-'0' < 10 || c|0x20-'a' < 6 }

// wholeNumber is whole for a number.
func wholeNumber(text []byte, i int) int {
	if text[i] == '-' {
		i++
	}
	switch {
	case i == len(text):
		return 0
	case text[i] == '0':
		i++
	default:
		if i = digits(text, i); i == 0 {
			return 0
		}
	}
	if i < len(text) && text[i] == '.' {
		if i = digits(text, i+1); i == 0 {
			return 0
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		if i++; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if i = digits(text, i); i == 0 {
			return 0
		}
	}
	if i == len(text) || !ends[text[i]] {
		return 0
	}
	return i
}

// digits is the end of the digits that begin at i, 0 if there are none.
func digits(text []byte, i int) int {
	from := i
	for i < len(text) && text[i]-'0' < 10 {
		i++
	}
	if i == from {
		return 0
	}
	return i
}

func wholeWord(text []byte, i int, word string) int {
	end := i + len(word)
	if end >= len(text) || string(text[i:end]) != word || !ends[text[end]] {
		return 0
	}
	return end
}

// space is the place of the first byte from i that is no white space. Mostly that is the byte at i.
func space(text []byte, i int) int {
	if i < len(text) && text[i] > ' ' {
		return i
	}
	return overSpace(text, i)
}

func overSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t') {
		i++
	}
	return i
}
