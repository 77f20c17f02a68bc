package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCommitHygiene keeps the paths of the machine on which a file was written out of it.
func TestCommitHygiene(t *testing.T) {
	for _, name := range gitFiles(t) {
		content, err := os.ReadFile(filepath.Join(root(t), name))
		require.NoError(t, err)
		if found := machinePaths(content); len(found) > 0 {
			t.Errorf("%s: names paths of one machine: %q", name, found)
		}
	}
}

func TestCommitHygieneNotices(t *testing.T) {
	slash := "/"
	for _, dirty := range []string{"work/main", "root/x", "tmp/bash_jobs.0", "tmp/bash_jobs"} {
		assert.Len(t, machinePaths([]byte("see "+slash+dirty+" there")), 1, dirty)
		assert.Len(t, machinePaths([]byte(slash+dirty)), 1, dirty)
		assert.Len(t, machinePaths([]byte(`"`+slash+dirty+`"`)), 1, dirty)
	}
	for _, clean := range []string{"engine/worker/a.go", "a/work/b", "./root/b", "https://x.org/work/b", "/tmp/x", "/workflows/b"} {
		assert.Empty(t, machinePaths([]byte("see "+clean)), clean)
	}
	assert.Empty(t, machinePaths([]byte("\x00 "+slash+"work/main")), "a binary file")
}

// machinePaths finds absolute paths of the workplace; binary files, known by a zero byte, have none.
// The names are in brackets so that this file does not contain them itself.
func machinePaths(content []byte) []string {
	if bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0 {
		return nil
	}
	needle := regexp.MustCompile(`(?:^|[^\w.~/-])(/(?:[w]ork|[r]oot)/|/tmp/bash[_]jobs)`)
	var found []string
	for _, match := range needle.FindAllSubmatch(content, -1) {
		found = append(found, string(match[1]))
	}
	return found
}

// gitFiles are the files that a commit of everything would hold, relative to the root.
func gitFiles(t *testing.T) []string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root(t), ".git")); errors.Is(err, fs.ErrNotExist) {
		t.Skip("not a git checkout, so nothing says which files belong to it")
	}
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir, cmd.Stderr = root(t), os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var names []string
	for _, name := range strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }) {
		// Git lists a deleted file until the deletion is committed; links are not followed.
		if info, err := os.Lstat(filepath.Join(root(t), name)); err == nil && info.Mode().IsRegular() {
			names = append(names, name)
		}
	}
	require.NotEmpty(t, names)
	return names
}
