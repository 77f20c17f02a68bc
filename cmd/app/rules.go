package app

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine/record"
)

// rulesFlag is the value of --rules: words separated by commas.
type rulesFlag record.Rules

// ruleSwitches are the words that switch a rule off or on.
var ruleSwitches = map[string]func(*rulesFlag) *bool{
	"no-become":     func(r *rulesFlag) *bool { return &r.NoBecome },
	"no-clustering": func(r *rulesFlag) *bool { return &r.NoClustering },
	"no-delay":      func(r *rulesFlag) *bool { return &r.NoDelay },
	"no-inline":     func(r *rulesFlag) *bool { return &r.NoInline },
	"no-preload":    func(r *rulesFlag) *bool { return &r.NoPreload },
	"store-all":     func(r *rulesFlag) *bool { return &r.StoreAll },
}

// UnmarshalText parses a value such as no-become,cluster=4MiB,hold=2s.
func (r *rulesFlag) UnmarshalText(text []byte) error {
	var rules rulesFlag
	for word := range strings.SplitSeq(string(text), ",") {
		if err := rules.read(word); err != nil {
			return err
		}
	}
	*r = rules
	return nil
}

// ruleFigures are the words that take a value.
var ruleFigures = []string{"cluster=", "inline=", "hold=", "invokers=", "poison="}

// completeRules lists completions of a value: all words that it does not have yet.
func completeRules(value string) []string {
	before := value[:strings.LastIndex(value, ",")+1]
	var words []string
	for _, word := range append(slices.Sorted(maps.Keys(ruleSwitches)), ruleFigures...) {
		if !strings.Contains(","+before, ","+word) {
			words = append(words, before+word)
		}
	}
	return words
}

// read parses one word.
func (r *rulesFlag) read(word string) error {
	if on, ok := ruleSwitches[word]; ok {
		*on(r) = true
		return nil
	}
	name, value, _ := strings.Cut(word, "=")
	var err error
	switch name {
	case "cluster":
		r.ClusterBytes, err = readSize(value)
	case "inline":
		r.InlineBytes, err = readSize(value)
	case "hold":
		if r.HoldFor, err = time.ParseDuration(value); err == nil && r.HoldFor <= 0 {
			err = fmt.Errorf("%q is not a time, expected more than 0", value)
		}
	case "invokers":
		r.Invokers, err = readCount(value)
	case "poison":
		r.PoisonAfter, err = readCount(value)
	default:
		return fmt.Errorf("%q is not a rule, expected no-become, no-clustering, no-delay, no-inline, no-preload, store-all, "+
			"cluster=SIZE, inline=SIZE, hold=TIME, invokers=N or poison=N", word)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func readSize(text string) (int64, error) {
	var n fleet.Size
	err := n.UnmarshalText([]byte(text))
	return int64(n), err
}

func readCount(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a number, expected 1 or more", text)
	}
	return n, nil
}
