package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// setting is what the page says of one flag of one command.
type setting struct{ value, env string }

// TestConfigurationPage holds the tables of docs/configuration.md against the flags of all commands: each flag is there
// once for each command that has it, with its default and its environment variable, and no other.
func TestConfigurationPage(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	require.NoError(t, err)
	_, parser, err := (&program{name: "dagscope"}).parser()
	require.NoError(t, err)

	written, twice := settingsOf(string(raw))
	assert.Empty(t, twice, "flags that the page has twice for one command")
	built := map[string]setting{}
	for _, command := range parser.Model.Leaves(true) {
		name := commandPath(command)
		assert.Contains(t, string(raw), "`"+name, "the table of commands")
		for _, f := range append(slices.Clone(parser.Model.Flags), command.Flags...) {
			if !f.Hidden {
				built[name+" --"+f.Name] = settingOf(f)
			}
		}
	}
	assert.Equal(t, built, written)
}

func settingOf(f *kong.Flag) setting {
	s := setting{value: f.Default}
	if len(f.Envs) > 0 {
		s.env = f.Envs[0]
	}
	return s
}

// settingsOf reads the rows of flags: flags, commands or groups of them, default, environment variable. The key is the
// command and the flag. Groups are rows of two cells whose second one lists commands.
func settingsOf(page string) (settings map[string]setting, twice []string) {
	settings = map[string]setting{}
	groups := map[string][]string{}
	for line := range strings.Lines(page) {
		row := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		switch {
		case len(row) == 2 && strings.HasPrefix(row[1], "`"):
			groups[row[0]] = words(row[1])
		case len(row) == 5 && strings.HasPrefix(row[0], "`--"):
			var commands []string
			for _, word := range words(row[1]) {
				commands = append(commands, groups[word]...)
				if groups[word] == nil {
					commands = append(commands, word)
				}
			}
			for _, flag := range words(row[0]) {
				for _, command := range commands {
					key := command + " " + flag
					if _, ok := settings[key]; ok {
						twice = append(twice, key)
					}
					settings[key] = setting{value: strings.Trim(row[2], "`"), env: strings.Trim(row[3], "`")}
				}
			}
		}
	}
	return settings, twice
}

// words are those of a cell, with commas between, without their backticks.
func words(cell string) []string {
	list := strings.Split(cell, ",")
	for i := range list {
		list[i] = strings.Trim(list[i], " `")
	}
	return list
}

func TestConfigurationPageNotices(t *testing.T) {
	page := "| group | commands |\n| --- | --- |\n| some | `a`, `b` |\n\n| `--x`, `--y` | some, `c` | `1` | `X` | what |\n| `--x` | `a` | | | again |\n"
	settings, twice := settingsOf(page)
	assert.Equal(t, []string{"a --x"}, twice)
	assert.Len(t, settings, 6)
	assert.Equal(t, setting{value: "1", env: "X"}, settings["c --y"])
	assert.Equal(t, setting{}, settings["a --x"])
}
