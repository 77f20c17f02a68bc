package app

import (
	"path/filepath"
	"strings"
	"unicode"
)

// workerCommand returns the command that starts one more worker for the shared runs.
func (s *session) workerCommand(at storeFlags) string {
	return s.name + " worker " + at.redisFlags()
}

// redisFlags returns the flags that select the Redis, quoted for a shell.
func (f storeFlags) redisFlags() string {
	flags := "--redis " + shellWord(f.String())
	if f.Prefix != "" {
		flags += " --redis-prefix " + shellWord(f.Prefix)
	}
	return flags
}

// place returns the flags with which another command finds the same runs, from any working folder.
func (s *session) place(at storeFlags) string {
	if at.inRedis() {
		return at.redisFlags()
	}
	dir, err := filepath.Abs(s.flags.Data)
	if err != nil {
		dir = s.flags.Data // good enough for a shell in the same folder
	}
	flags := "--data " + shellWord(dir)
	if at.IsSet() {
		flags = at.redisFlags() + " --metrics embedded " + flags
	}
	return flags
}

// shellWord quotes a word for a POSIX shell if necessary.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("@%+=:,./_-", r))
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
