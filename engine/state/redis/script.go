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
	command := make([]any, 0, 4+len(args))
	command = append(command, "evalsha", s.hash, 1, key)
	cmd := redis.NewCmd(ctx, append(command, args...)...)
	cmd.SetFirstKeyPos(3)
	return cmd
}

// teach is the command that makes the server know the script which a command of evaluate names, by running it: SCRIPT
// LOAD has no key, so in a cluster it would not go to the master that needs it.
func (s *script) teach(ctx context.Context, key string, args ...any) *redis.Cmd {
	command := make([]any, 0, 4+len(args))
	command = append(command, "eval", s.text, 1, key)
	cmd := redis.NewCmd(ctx, append(command, args...)...)
	cmd.SetFirstKeyPos(3)
	return cmd
}
