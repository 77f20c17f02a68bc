//go:build unix

package process

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRunReportsTheEnd(t *testing.T) {
	for _, c := range []struct {
		name, script, err string
		code              int
		signal            string
	}{
		{name: "success", script: "echo to stderr >&2"},
		{name: "code", script: "exit 3", code: 3, err: "exit status 3"},
		{name: "last words", script: "echo first >&2; printf 'second\n \n' >&2; echo out; exit 4", code: 4, err: "exit status 4: second"},
		{name: "signal", script: "kill -SEGV $$", signal: "segmentation fault", err: "ended by the signal: segmentation fault"},
		{name: "killed", script: "echo soon >&2; kill -9 $$", signal: "killed", err: "ended by the signal: killed: soon"},
		{name: "128 + signal is a code", script: "exit 137", code: 137, err: "exit status 137"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Run(t.Context(), shell(c.script))
			if c.err == "" {
				require.NoError(t, err)
			} else {
				var exit *ExitError
				require.ErrorAs(t, err, &exit)
				assert.Equal(t, c.err, err.Error())
				assert.Equal(t, got, exit.Result)
			}
			assert.Equal(t, c.code, got.ExitCode)
			assert.Equal(t, c.signal, got.Signal)
		})
	}
}

func TestRunGivesWhatWasAsked(t *testing.T) {
	dir := t.TempDir()
	theirs, ours, err := os.Pipe()
	require.NoError(t, err)
	defer theirs.Close()
	_, err = ours.WriteString("from a file")
	require.NoError(t, err)
	require.NoError(t, ours.Close())
	var out bytes.Buffer
	got, err := Run(t.Context(), Command{
		Args:  []string{"sh", "-c", `pwd; cat <&3; echo; cat; echo "$1"; echo an error >&2; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL=`, "sh", "an argument"},
		Dir:   dir,
		Env:   []string{"PATH=" + Environment([]string{"PATH"}, nil)[0][len("PATH="):], "ONE=1"},
		Stdin: strings.NewReader("from a reader\n"), Stdout: &out, Files: []*os.File{theirs},
	})
	require.NoError(t, err)
	lines := strings.Split(out.String(), "\n")
	require.Len(t, lines, 7, out.String())
	assert.Equal(t, []string{dir, "from a file", "from a reader", "an argument"}, lines[:4])
	assert.Contains(t, lines[4:6], "ONE=1")
	assert.True(t, strings.HasPrefix(lines[4], "PATH=") != strings.HasPrefix(lines[5], "PATH="), lines)
	assert.Equal(t, "an error\n", got.Stderr)
	assert.Len(t, got.Tail, len(got.Stderr)+out.Len())
}

func TestRunWithoutInputReadsNothing(t *testing.T) {
	got, err := Run(t.Context(), shell("cat; echo end"))
	require.NoError(t, err)
	assert.Equal(t, "end\n", got.Tail)
}

func TestRunWithInputThatIsNotRead(t *testing.T) {
	_, err := Run(t.Context(), Command{Args: []string{"true"}, Env: testEnv(), Stdin: bytes.NewReader(make([]byte, 1<<20))})
	require.NoError(t, err)
}

func TestRunStopsWhenInputFails(t *testing.T) {
	broken := errors.New("broken")
	c := shell("cat; sleep 1000")
	c.Stdin = io.MultiReader(strings.NewReader("begin"), readerFunc(func([]byte) (int, error) { return 0, broken }))
	_, err := Run(t.Context(), c)
	require.ErrorIs(t, err, broken)
	assert.EqualError(t, err, "stdin of the command: broken")
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := dir + "/" + name
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	plain := write("plain", "#!/bin/sh\n", 0o644)
	lost := write("lost", "#!/no/such/shell\n", 0o755)
	text := write("text", "echo hello\n", 0o755)
	env := []string{"PATH=" + dir + "::/nowhere"}
	for _, c := range []struct {
		name    string
		command Command
		is      error
		err     string
	}{
		{"nothing", Command{}, nil, "the command cannot be started: it has no arguments, expected a program"},
		{"negative grace", Command{Args: []string{"true"}, Grace: -1}, nil, "true cannot be started: its grace is -1ns, expected at least 0"},
		{"not in the path", Command{Args: []string{"no-such"}, Env: env}, nil, `no-such cannot be started: executable file not found in $PATH ("` + dir + `::/nowhere")`},
		{"no path", Command{Args: []string{"true"}}, nil, `true cannot be started: executable file not found in $PATH ("")`},
		{"not executable in the path", Command{Args: []string{"plain"}, Env: env}, os.ErrPermission, "plain cannot be started: " + plain + ": permission denied"},
		{"missing", Command{Args: []string{"/no/such"}}, os.ErrNotExist, "/no/such cannot be started: stat /no/such: no such file or directory"},
		{"not executable", Command{Args: []string{plain}}, os.ErrPermission, plain + " cannot be started: " + plain + " is not executable: permission denied"},
		{"relative to the folder", Command{Args: []string{"./plain"}, Dir: dir}, os.ErrPermission, "./plain cannot be started: " + plain + " is not executable: permission denied"},
		{"folder as program", Command{Args: []string{dir}}, nil, dir + " cannot be started: " + dir + " is a folder, expected a program"},
		{"missing interpreter", Command{Args: []string{lost}}, os.ErrNotExist, lost + " cannot be started: the interpreter of " + lost + " is missing: no such file or directory"},
		{"no program", Command{Args: []string{text}}, nil, text + " cannot be started: " + text + " is no program of this machine, and has no first line with #! and an interpreter"},
		{"missing folder", Command{Args: []string{"/bin/sh"}, Dir: "/no/such"}, os.ErrNotExist, "/bin/sh cannot be started: its working folder: stat /no/such: no such file or directory"},
		{"file as folder", Command{Args: []string{"/bin/sh"}, Dir: plain}, nil, "/bin/sh cannot be started: its working folder " + plain + ": not a directory"},
		{"zero byte", Command{Args: []string{"/bin/sh", "a\x00b"}}, nil, "/bin/sh cannot be started: invalid argument"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Run(t.Context(), c.command)
			var start *StartError
			require.ErrorAs(t, err, &start)
			assert.EqualError(t, err, c.err)
			if c.is != nil {
				assert.ErrorIs(t, err, c.is)
			}
			assert.Equal(t, Result{Usage: unknownUsage()}, got)
		})
	}
}

func TestRunFindsProgramsInItsOwnPath(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(dir+"/bin", 0o755))
	require.NoError(t, os.WriteFile(dir+"/bin/greet", []byte("#!/bin/sh\necho hello\n"), 0o755))
	for _, path := range []string{dir + "/bin", "bin"} {
		got, err := Run(t.Context(), Command{Args: []string{"greet"}, Dir: dir, Env: []string{"PATH=/nowhere", "PATH=" + path}})
		require.NoError(t, err)
		assert.Equal(t, "hello\n", got.Tail)
	}
}

// TestRunTriesBusyProgramsAgain: the file is open for writing until the first attempt has failed.
func TestRunTriesBusyProgramsAgain(t *testing.T) {
	path := t.TempDir() + "/program"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = f.WriteString("#!/bin/sh\necho hello\n")
	require.NoError(t, err)
	time.AfterFunc(busyWait/20, func() { f.Close() })
	got, err := Run(t.Context(), Command{Args: []string{path}})
	require.NoError(t, err)
	assert.Equal(t, "hello\n", got.Tail)
}

func TestContextThatHasEndedStartsNothing(t *testing.T) {
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, err := Run(ctx, Command{Args: []string{"/no/such"}})
	assert.Equal(t, why, err)
}
