package wfformat

import (
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxCategory bounds the name of a function, in bytes, because it is displayed as a label in every table.
const maxCategory = 200

var (
	plainWord = regexp.MustCompile(`^[A-Za-z0-9._+/-]{1,128}$`)
	sample    = regexp.MustCompile(`\s*\([^()]*\)$`)
	ordinal   = regexp.MustCompile(`(?:[_.#-]|_ID)[0-9]+$`)
	numbered  = regexp.MustCompile(`^[_.#-][0-9]+$`)
)

// categoryOf names the function that a task calls; the package comment gives the rules.
func categoryOf(t *rawTask) string {
	name := stripped(t.name, sample)
	rest, isPrefix := strings.CutPrefix(t.id, t.name)
	program := path.Base(t.program)
	switch {
	case t.category != "":
		return printable(t.category)
	case t.name != "" && isPrefix && numbered.MatchString(rest):
		return printable(name)
	case plainWord.MatchString(t.program) && program != "." && program != "/":
		return program
	default:
		return printable(stripped(name, ordinal))
	}
}

// stripped removes the parts that match, unless nothing would be left.
func stripped(s string, what *regexp.Regexp) string {
	if short := what.ReplaceAllString(s, ""); short != "" {
		return short
	}
	return s
}

// printable makes s usable as a name: visible, valid UTF-8 of at most maxCategory bytes, never empty.
func printable(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}, s))
	for len(s) > maxCategory {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	if s == "" {
		return "task"
	}
	return s
}
