package app

import (
	"path/filepath"
	"strings"
	"unicode"
)

// workerCommand is what starts one more worker of the runs that are shared there.
func (s *session) workerCommand(at storeFlags) string {
	return s.name + " worker " + at.redisFlags()
}

// redisFlags are the flags that name the Redis, as words for a shell.
func (f storeFlags) redisFlags() string {
	flags := "--redis " + shellWord(f.String())
	if f.Prefix != "" {
		flags += " --redis-prefix " + shellWord(f.Prefix)
	}
	return flags
}

// place is the flags with which another command finds the runs that are kept there, from any folder.
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

// shellWord quotes a word for a POSIX shell where it needs that.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("@%+=:,./_-", r))
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
