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

// maxTaskName bounds the name of a task, in bytes: dag.MaxName less what makes names differ, as in "compile (2000000)".
const maxTaskName = 180

const ellipsis = "…"

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
	s = visible(s)
	if len(s) > maxName {
		s = head(s, maxName)
	}
	if s == "" {
		return "task"
	}
	return s
}

// TaskName makes s usable as the name of a single task: visible, valid UTF-8 of at most 180 bytes, empty if nothing of it
// is visible. Of a longer one the middle is left out: long names are paths and commands, which begin alike.
func TaskName(s string) string {
	s = visible(s)
	if len(s) <= maxTaskName {
		return s
	}
	const half = (maxTaskName - len(ellipsis)) / 2
	from := len(s) - half
	for !utf8.RuneStart(s[from]) {
		from++
	}
	return head(s, half) + ellipsis + s[from:]
}

// visible replaces what cannot be seen.
func visible(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}, s))
}

// head is the beginning of s, of at most n bytes; s is longer.
func head(s string, n int) string {
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
