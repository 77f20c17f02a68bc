package redis

import (
	"context"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"path"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/*.lua
var sources embed.FS

// script is one script as Redis knows it. Its text is constant, so a server keeps each one once.
type script struct {
	name string
	text string
	hash string
	// isOfOneKey: it touches nothing but the key that it is called with.
	isOfOneKey bool
}

// newScript puts a script together: the named files, one behind the other. All but the last hold local functions only.
//
// What comes behind run.lua is a function of its own. Lua 5.1 keeps the locals of a running function that closures have
// captured in a list, which it searches for each one that a new closure captures; those of a function around it are at
// hand. So making the functions of a commit takes half as long, which is a fifth of the whole.
func newScript(files ...string) *script {
	var b strings.Builder
	end := ""
	for i, name := range files {
		if i > 0 && files[i-1] == "run" {
			b.WriteString("return (function()\n")
			end = "\nend)()"
		}
		text, err := sources.ReadFile(path.Join("scripts", name+".lua"))
		if err != nil {
			panic(err) // a file that is named here is not embedded
		}
		b.Write(text)
	}
	b.WriteString(end)
	sum := sha1.Sum([]byte(b.String()))
	return &script{name: files[len(files)-1], text: b.String(), hash: hex.EncodeToString(sum[:])}
}

// evaluate is the command that runs the script where the server knows it.
func (s *script) evaluate(ctx context.Context, key string, args ...any) *redis.Cmd {
	return s.command(ctx, "evalsha", s.hash, key, args)
}

// teach is the command that makes the server know the script which a command of evaluate names, by running it: SCRIPT
// LOAD has no key, so in a cluster it would not go to the master that needs it.
func (s *script) teach(ctx context.Context, key string, args ...any) *redis.Cmd {
	return s.command(ctx, "eval", s.text, key, args)
}

// command names two keys, of which one is there and the other never is. The script touches all of a run, and while a
// cluster moves that from one master to another, each has a part of it: then both answer TRYAGAIN to such a command, and
// never carry out a part of a script.
func (s *script) command(ctx context.Context, how, what, key string, args []any) *redis.Cmd {
	command := make([]any, 0, 5+len(args))
	command = append(command, how, what, 2, key, key+"state")
	if s.isOfOneKey {
		command = append(command[:2], 1, key)
	}
	cmd := redis.NewCmd(ctx, append(command, args...)...)
	cmd.SetFirstKeyPos(3)
	return cmd
}
