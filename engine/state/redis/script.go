package redis

import (
	"context"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/*.lua
var sources embed.FS

// script is a Lua script. Its text never changes, so a server caches each one once.
type script struct {
	name      string
	text      string
	hash      string // SHA-1 of the text, in hexadecimal
	singleKey bool   // it uses no key except KEYS[1]
}

// newScript concatenates the named files. All but the last contain only local functions.
//
// Lua 5.1 searches a linear list of a function's captured locals for every captured variable, so each part after
// run.lua is a separate function. This halves the time to create the functions of a commit, and saves a fifth of the
// commit.
func newScript(files ...string) *script { return newScriptFrom(sources, files...) }

// newScriptFrom is newScript for any file system that has the files in a folder "scripts".
func newScriptFrom(sources fs.ReadFileFS, files ...string) *script {
	var b strings.Builder
	end := ""
	for i, name := range files {
		if i > 0 && files[i-1] == "run" {
			b.WriteString("return (function()\n")
			end = "\nend)()"
		}
		text, err := sources.ReadFile(path.Join("scripts", name+".lua"))
		if err != nil {
			panic(err) // a named file is not embedded
		}
		b.Write(text)
	}
	b.WriteString(end)
	sum := sha1.Sum([]byte(b.String()))
	return &script{name: files[len(files)-1], text: b.String(), hash: hex.EncodeToString(sum[:])}
}

// evalSHA returns the command that runs the script by its hash, which works if the server has it in its cache.
func (s *script) evalSHA(ctx context.Context, key string, args ...any) *redis.Cmd {
	return s.command(ctx, "evalsha", s.hash, key, args)
}

// eval returns the command that runs the script by its text; after it, the server has the script in its cache. SCRIPT
// LOAD has no key, so in a cluster it would not reach the right master.
func (s *script) eval(ctx context.Context, key string, args ...any) *redis.Cmd {
	return s.command(ctx, "eval", s.text, key, args)
}

// command names two keys, of which one exists and the other never does. The script uses all keys of a run. While a
// cluster moves these from one master to another, each master has some of them. Both then answer TRYAGAIN to a command
// with these two keys, so no script runs while some of its keys are missing.
func (s *script) command(ctx context.Context, how, what, key string, args []any) *redis.Cmd {
	command := make([]any, 0, 5+len(args))
	command = append(command, how, what, 2, key, key+"state")
	if s.singleKey {
		command = append(command[:2], 1, key)
	}
	cmd := redis.NewCmd(ctx, append(command, args...)...)
	cmd.SetFirstKeyPos(3)
	return cmd
}
