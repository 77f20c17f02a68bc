package record

import (
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds the name of a function, in bytes, because it is displayed as a label in every table.
const maxName = 200

var (
	plainWord = regexp.MustCompile(`^[A-Za-z0-9._+/-]{1,128}$`)
	sample    = regexp.MustCompile(`\s*\([^()]*\)$`)
	ordinal   = regexp.MustCompile(`(?:[_.#-]|_ID)[0-9]+$`)
	numbered  = regexp.MustCompile(`^[_.#-][0-9]+$`)
)

// FunctionOf names the function of a recorded task whose function is not recorded. It is the first of these that
// applies: the task's name, if the id is the name followed by a number, as Nextflow records its processes; the program
// without its folder, if it is one plain word; the task's name without the part that distinguishes instances, which is
// a sample in parentheses at the end and then a number after _, -, ., # or _ID: mProject_ID0000001 is mProject, FASTQC
// (a1) is FASTQC, bowtie2 stays bowtie2.
func FunctionOf(id, name, program string) string {
	short := stripped(name, sample)
	rest, isPrefix := strings.CutPrefix(id, name)
	base := path.Base(program)
	switch {
	case name != "" && isPrefix && numbered.MatchString(rest):
		return FunctionName(short)
	case plainWord.MatchString(program) && base != "." && base != "/":
		return base
	default:
		return FunctionName(stripped(short, ordinal))
	}
}

// stripped removes the parts that match, unless nothing would be left.
func stripped(s string, what *regexp.Regexp) string {
	if short := what.ReplaceAllString(s, ""); short != "" {
		return short
	}
	return s
}

// FunctionName makes s usable as a name: visible, valid UTF-8 of at most 200 bytes, never empty.
func FunctionName(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}, s))
	for len(s) > maxName {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	if s == "" {
		return "task"
	}
	return s
}
