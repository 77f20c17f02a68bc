// Command house prints how large the parts of this repository are, as a table: lines, the widest types, exported names,
// words, which files use which, and how many files a claim on Redis passes. A column for each commit named with -at
// precedes one for the tree as it is. The numbers are for people; e2e holds the tree to limits on some of them.
package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/e2e/internal/survey"
)

const module = "github.com/dagscope/dagscope"

//go:embed path.txt
var entries string

// way is where the files of a claim, its commit and its reaping are.
func way() []string {
	return []string{"engine/worker", "engine/state/shared/...", "engine/state/redis/..."}
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(1)
	}
}

func run(args []string, w io.Writer) error {
	flags := flag.NewFlagSet("house", flag.ContinueOnError)
	dir := flags.String("C", ".", "the `folder` of the repository")
	find := flags.Bool("words", false, "list the turns to be avoided instead, with what to write instead; arguments are `folders` to look in")
	at := flags.String("at", "", "`commits` to compare with, separated by commas, oldest first")
	if err := flags.Parse(args); err != nil {
		return err
	}
	turns, err := os.ReadFile(filepath.Join(*dir, "docs", "words.txt"))
	if err != nil {
		return err
	}
	words, err := survey.ParseWords(string(turns)) // of today for every column
	if err != nil {
		return err
	}
	if *find {
		return list(w, *dir, flags.Args(), words)
	}
	var columns []column
	for _, commit := range strings.FieldsFunc(*at, func(r rune) bool { return r == ',' }) {
		c, err := measureCommit(*dir, commit, words)
		if err != nil {
			return fmt.Errorf("%s: %w", commit, err)
		}
		columns = append(columns, c)
	}
	now, err := measure(*dir, words)
	if err != nil {
		return err
	}
	now.name = "now"
	return write(w, append(columns, now))
}

// list prints each turn to be avoided in the files of the folders; none means all.
func list(w io.Writer, dir string, folders []string, words survey.Words) error {
	files, err := survey.Files(dir)
	if err != nil {
		return err
	}
	comments, texts, names := words.Dialect(files)
	for _, f := range slices.Concat(comments.Findings, texts.Findings, names.Findings) {
		inside := func(folder string) bool { return strings.HasPrefix(f.File, strings.TrimSuffix(folder, "/")) }
		if len(folders) == 0 || slices.ContainsFunc(folders, inside) {
			fmt.Fprintf(w, "%s:%d: %q, rather %s: %s\n", f.File, f.Passage.Line, f.Turn, words.Instead(f.Turn), strings.TrimSpace(f.Passage.Text))
		}
	}
	return nil
}

// measureCommit unpacks a commit into a folder that is removed again.
func measureCommit(dir, commit string, words survey.Words) (c column, err error) {
	unpacked, err := os.MkdirTemp("", "dagscope-house-")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(unpacked)) }()
	archive := exec.Command("git", "-C", dir, "archive", "--format=tar", commit)
	unpack := exec.Command("tar", "-x", "-C", unpacked)
	archive.Stderr, unpack.Stderr = os.Stderr, os.Stderr
	if unpack.Stdin, err = archive.StdoutPipe(); err != nil {
		return c, err
	}
	if err := unpack.Start(); err != nil {
		return c, err
	}
	if err := errors.Join(archive.Run(), unpack.Wait()); err != nil {
		return c, err
	}
	c, err = measure(unpacked, words)
	c.name = "`" + commit + "`"
	return c, err
}
