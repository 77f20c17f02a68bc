package pipeline_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/pipeline"
)

// folder is a folder of pipelines that a test changes.
type folder struct {
	t   *testing.T
	dir string
}

func newFolder(t *testing.T) folder { return folder{t, t.TempDir()} }

func (f folder) write(name, text string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	require.NoError(f.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// named is a pipeline whose text has a length of its own.
func named(name, command string) string {
	return "name: " + name + "\nsteps:\n  a: {run: " + command + "}\n"
}

func namesOf(workflows []*engine.Workflow) []string {
	out := []string{}
	for _, w := range workflows {
		out = append(out, w.Name)
	}
	return out
}

// TestFolders: files of two folders are offered in their order, and those with mistakes or without pipelines are not.
func TestFolders(t *testing.T) {
	first, second := newFolder(t), newFolder(t)
	first.write("b.yaml", named("zebra", "x"))
	first.write("a.yml", named("ant", "x"))
	first.write(".hidden.yaml", "- no pipeline")
	first.write("notes.txt", "- no pipeline")
	require.NoError(t, os.Mkdir(filepath.Join(first.dir, "folder.yaml"), 0o700))
	wrong := first.write("c.yaml", "steps:\n  a: {runn: x}\n  b: {run: x, retries: -1}\n")
	same := second.write("a.yaml", "description: a\n"+named("ant", "y"))
	reserved := second.write("b.yaml", named("taken", "y"))
	large := second.write("large.yaml", strings.Repeat("#", pipeline.MaxFile+1))

	f, err := pipeline.NewFolders(pipeline.FoldersConfig{Dirs: []string{first.dir, second.dir, first.dir + "/"}, Reserved: []string{"taken"}})
	require.NoError(t, err)
	require.Equal(t, []string{"ant", "zebra"}, namesOf(f.Workflows()))
	assert.Equal(t, "a.yml", f.Workflows()[0].Source.File)
	assert.Equal(t, named("ant", "x"), f.Workflows()[0].Source.Text)

	broken := f.Broken()
	require.Len(t, broken, 4)
	assert.Equal(t, wrong, broken[0].File)
	require.Len(t, broken[0].Mistakes, 3)
	assert.Equal(t, 2, broken[0].Mistakes[0].Line)
	assert.Equal(t, same, broken[1].File)
	assert.Equal(t, []pipeline.Mistake{{Line: 2, Column: 7, Message: `the pipeline has the name "ant", which that of ` + filepath.Join(first.dir, "a.yml") + ` has, expected another: name: NAME`}}, broken[1].Mistakes)
	assert.Equal(t, reserved, broken[2].File)
	assert.Contains(t, broken[2].Mistakes[0].Message, "which a workflow of the program has")
	assert.Equal(t, large, broken[3].File)
	assert.Contains(t, broken[3].Mistakes[0].Message, "larger than 1 MiB")
}

// TestFoldersFollow: changes are offered once files are at rest, and a file with mistakes keeps its last version without.
func TestFoldersFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFolder(t)
		d.write("a.yaml", named("one", "first"))
		f, err := pipeline.NewFolders(pipeline.FoldersConfig{Dirs: []string{d.dir}})
		require.NoError(t, err)
		var mu sync.Mutex
		var offers [][]string // guarded by mu
		run(t, func(ctx context.Context) error {
			return f.Run(ctx, func(workflows []*engine.Workflow) error {
				mu.Lock()
				defer mu.Unlock()
				offers = append(offers, namesOf(workflows))
				return nil
			})
		})
		wait := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		offered := func() [][]string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(offers)
		}
		wait(time.Minute)
		require.Empty(t, offered(), "nothing has changed")

		d.write("b.yaml", named("two", "x"))
		wait(time.Second + time.Millisecond)
		require.Empty(t, offered(), "it may be written still")
		wait(time.Second)
		require.Equal(t, [][]string{{"one", "two"}}, offered())

		path := d.write("a.yaml", "steps: [")
		wait(3 * time.Second)
		require.Equal(t, []string{"one", "two"}, offered()[1])
		require.Len(t, f.Broken(), 1)
		require.Equal(t, path, f.Broken()[0].File)
		require.Equal(t, "one", f.Broken()[0].Kept)
		require.Equal(t, 1, f.Broken()[0].Mistakes[0].Line)

		d.write("a.yaml", named("uno", "longer"))
		wait(3 * time.Second)
		require.Equal(t, []string{"uno", "two"}, offered()[2])
		require.Empty(t, f.Broken())

		require.NoError(t, os.Remove(path))
		wait(3 * time.Second)
		require.Equal(t, []string{"two"}, offered()[3])

		require.NoError(t, os.RemoveAll(d.dir))
		wait(time.Minute)
		require.Len(t, offered(), 4, "a folder that cannot be read leaves its files as they were")
		require.Equal(t, []string{"two"}, namesOf(f.Workflows()))
	})
}

// TestFoldersMistakes: a folder that does not exist is an error from the start.
func TestFoldersMistakes(t *testing.T) {
	_, err := pipeline.NewFolders(pipeline.FoldersConfig{Dirs: []string{filepath.Join(t.TempDir(), "none")}})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = pipeline.NewFolders(pipeline.FoldersConfig{})
	require.ErrorContains(t, err, "Dirs is empty")
}
