package redis

import (
	"context"
	"embed"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/metricsstore"
)

// luaFiles are the scripts. Their text never changes with what they are asked, so a server compiles each once.
//
//go:embed lua/*.lua
var luaFiles embed.FS

var (
	appendScript   = script("order", "rows", "append")
	drainScript    = script("order", "rows", "drain")
	stageScript    = script("stage")
	beginScript    = script("begin")
	amendScript    = script("amend")
	carryScript    = script("order", "carry")
	archiveScript  = script("archive")
	deleteScript   = script("delete")
	logScript      = script("order", "log")
	announceScript = script("history", "announce")
	fenceScript    = script("fence")
	forgetScript   = script("history", "forget")
	doomScript     = script("history", "doom")
	dayScript      = script("history", "day")
	mergeScript    = script("history", "merge")
	remergeScript  = script("history", "remerge")
)

// script concatenates files, those that others need first.
func script(names ...string) *goredis.Script {
	var text strings.Builder
	for _, name := range names {
		part, err := luaFiles.ReadFile("lua/" + name + ".lua")
		if err != nil {
			panic(fmt.Sprintf("redis: %v", err)) // a missing file is a mistake in the list above
		}
		text.Write(part)
	}
	return goredis.NewScript(text.String())
}

// reply is the answer of a script: a word, and its arguments.
type reply struct {
	word string
	rest []any
}

// eval runs a script until Redis has answered.
func (s *server) eval(ctx context.Context, script *goredis.Script, keys []string, args ...any) (reply, error) {
	return ask(ctx, s, func(ctx context.Context) (reply, error) {
		all, err := script.Run(ctx, s.cfg.Client, keys, args...).Slice()
		if err != nil {
			return reply{}, err
		}
		if len(all) > 0 {
			if word, ok := all[0].(string); ok {
				return reply{word, all[1:]}, nil
			}
		}
		return reply{}, fmt.Errorf("%w: a script answers %v", metricsstore.ErrCorrupt, all)
	})
}

// text is the nth argument, empty where it is not a text.
func (r reply) text(n int) string {
	if n >= len(r.rest) {
		return ""
	}
	text, _ := r.rest[n].(string)
	return text
}

// number is the nth argument, 0 where it is not a number.
func (r reply) number(n int) int64 {
	if n >= len(r.rest) {
		return 0
	}
	number, _ := r.rest[n].(int64)
	return number
}

// list is the nth argument, as texts.
func (r reply) list(n int) []string {
	if n >= len(r.rest) {
		return nil
	}
	list, _ := r.rest[n].([]any)
	out := make([]string, len(list))
	for i, v := range list {
		out[i], _ = v.(string)
	}
	return out
}

// unexpected is the error for a word that a script never answers.
func (r reply) unexpected() error {
	return fmt.Errorf("%w: a script answers %q %v", metricsstore.ErrCorrupt, r.word, r.rest)
}

// texts converts texts to arguments.
func texts(list ...string) []any {
	out := make([]any, len(list))
	for i, text := range list {
		out[i] = text
	}
	return out
}
