package environment

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// FailedError is a preparation that an installer, or the disk, made fail.
type FailedError struct {
	Key    Key
	Name   string
	Kind   Kind
	Reason string   // the cause in one line
	Lines  []string // the last lines of the installer, at most 20; empty where it was not reached
}

// Error is the cause, and the installer's lines below it.
func (e *FailedError) Error() string {
	name := e.Name
	if name == "" {
		name = string(e.Kind)
	}
	text := fmt.Sprintf("environment: %s cannot be prepared: %s", name, e.Reason)
	for _, line := range e.Lines {
		text += "\n  " + line
	}
	return text
}

// failure is a preparation that failed.
type failure struct {
	ID     string    `json:"id"` // random, no other failure has it
	Key    Key       `json:"key"`
	Name   string    `json:"name"`
	Kind   Kind      `json:"kind"`
	Reason string    `json:"reason"`
	Lines  []string  `json:"lines"`
	Time   time.Time `json:"time"`
}

// readFailure returns the last failure of a key, nil if there is none.
func (s *Store) readFailure(key Key) *failure {
	data, err := os.ReadFile(s.failurePath(key))
	if err != nil {
		return nil
	}
	f := new(failure)
	if json.Unmarshal(data, f) != nil {
		return nil
	}
	return f
}

func (f *failure) err() error {
	return &FailedError{Key: f.Key, Name: f.Name, Kind: f.Kind, Reason: f.Reason, Lines: f.Lines}
}

// keptLines is how many of the installer's last lines are kept.
const keptLines = 20

// fail makes the error of a preparation, and keeps it for those who wait for it. They try themselves where it cannot be
// kept, such as on a full disk.
func (s *Store) fail(p *plan, err error) error {
	f := failure{
		ID: rand.Text(), Key: p.key, Name: p.spec.Name, Kind: p.spec.Kind, Reason: firstLine(err), Lines: []string{}, Time: time.Now(),
	}
	var installer *installerError
	switch {
	case errors.As(err, &installer):
		f.Lines = lastLines(usage.ReplaceAllString(installer.tail, ""), keptLines)
		f.Reason = p.reason(installer)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		f.Reason = "the disk is full: " + f.Reason
	}
	_ = writeNamed(s.failurePath(p.key), &f)
	return f.err()
}

// cause recognises a failure by what an installer prints, and says it in one line; $1 and so on are groups of the
// expression, and PYTHON is the interpreter's version.
type cause struct {
	printed *regexp.Regexp
	text    string
}

// causes are those of pip, uv and npm that users meet, the ones that explain others first.
var causes = []cause{
	{regexp.MustCompile(`(?i)(No space left on device|ENOSPC|Disk quota exceeded)`), "the disk is full: $1"},
	{regexp.MustCompile(`(?i)\[Errno 27\] (File too large)`), "a file cannot grow any more: $1"},
	{regexp.MustCompile(`Package '([^']+)' requires a different Python: \S+ not in '([^']+)'`), "$1 requires Python $2, and this one is PYTHON"},
	{
		regexp.MustCompile(`require a different python version: (?:.*; )?(\S+) Requires-Python (.+)\n(?:.*\n)*?.*No matching distribution found for (.+)`),
		"$3 $1 requires Python $2, and this one is PYTHON",
	},
	{
		regexp.MustCompile(`DO NOT MATCH THE HASHES[^\n]*\n\s+(\S+)[^\n]*\n\s+Expected (\w+ \w+)\n(?:\s+Expected \w+ \w+\n|\s+or \w+\n)*\s+Got\s+(\w+)`),
		"the hash of $1 differs: expected $2, got $3",
	},
	{regexp.MustCompile(`Hashes are required in --require-hashes mode[^\n]*\n\s+(.+?)( --hash=\S+)?\n`), "$1 has no hash, expected one as others have"},
	{regexp.MustCompile(`No matching distribution found for (.+?)(?: \(from .*\))?\n`), "no distribution of $1 was found"},
	{regexp.MustCompile(`(?m)npm (?:ERR!|error) code (EINTEGRITY)\n(?:.*\n)*?npm (?:ERR!|error) (.+)`), "a hash differs: $2"},
	{regexp.MustCompile(`npm (?:ERR!|error) code EUSAGE\n(?:.*\n)*?npm (?:ERR!|error) ((?:Invalid|Missing): .+)`), "package.json and its lock are not in sync: $1"},
	{regexp.MustCompile(`(?m)npm (?:ERR!|error) code (\w+)\n(?:npm (?:ERR!|error) (?:syscall|path|errno|dest) .*\n|npm (?:ERR!|error)\s*\n)*npm (?:ERR!|error) (.+)`), "$2 ($1)"},
	{regexp.MustCompile(`(?m)^ERROR: (.+)`), "$1"},
	{regexp.MustCompile(`(?mi)^error: (.+)`), "$1"},
}

// reason says why an installer failed, with its last line where the cause is not a known one.
func (p *plan) reason(e *installerError) string {
	tail := e.tail + "\n"
	for _, c := range causes {
		if at := c.printed.FindStringSubmatchIndex(tail); at != nil {
			text := string(c.printed.ExpandString(nil, c.text, tail, at))
			return strings.ReplaceAll(text, "PYTHON", p.python.Version)
		}
	}
	if line := lastLine(e.tail); line != "" {
		return e.Error() + ": " + line
	}
	return e.Error()
}

// usage is the list of its options that npm prints after the cause, long enough to push that out.
var usage = regexp.MustCompile(`(?s)\nnpm (?:ERR!|error) Clean install a project\n.*`)

// lastLines are the last n lines that are not empty.
func lastLines(text string, n int) []string {
	lines := []string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-n):]
}

// lastLine is the last line that is not empty.
func lastLine(text string) string { return strings.Join(lastLines(text, 1), "") }

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
