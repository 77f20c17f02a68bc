package code_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/record"
)

// packed is a bundle of files by path.
func packed(t *testing.T, files map[string]string) code.Bundle {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for path, content := range files {
		at := filepath.Join(dir, filepath.FromSlash(path))
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, []byte(content), 0o755))
		paths = append(paths, path)
	}
	archive, err := code.Pack(dir, paths)
	require.NoError(t, err)
	b := code.Bundle{Files: archive}
	require.NoError(t, b.Seal())
	return b
}

func TestBundle(t *testing.T) {
	files := map[string]string{"tool.sh": "#!/bin/sh\necho tool", "data/a.txt": "a"}
	bundle := packed(t, files)
	require.Equal(t, bundle, packed(t, files), "equal files make different bundles")
	b := start(t, nil)
	task := shell("./tool.sh; cat data/a.txt", code.Text)
	task.Bundle = bundle.Hash
	got, r := b.one(task, bundle)
	require.Equal(t, record.Succeeded, r.End().Status, r.End().First)
	require.Equal(t, "tool\na", got)

	task.Script = "echo changed > tool.sh; rm -r data; mkdir data; echo new > data/b.txt; cat data/b.txt"
	got, r = b.one(task, bundle)
	require.Equal(t, "new", got, r.End().First)
	task.Script = "./tool.sh"
	got, _ = b.one(task, bundle)
	require.Equal(t, "tool", got, "a task has changed the files of others")

	forged := packed(t, map[string]string{"tool.sh": "#!/bin/sh\necho forged"})
	forged.Hash = "0123456789abcdef"
	task.Bundle = forged.Hash
	_, r = b.one(task, forged)
	require.Contains(t, r.End().First.Message, "a bundle has the hash")
	task.Bundle = bundle.Hash
	_, r = b.one(task, forged)
	require.Contains(t, r.End().First.Message, "the bundle of the task is")
}

func TestPackRefuses(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/etc/hostname", filepath.Join(dir, "link")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	for _, path := range []string{"link", "folder", "../outside", "none"} {
		_, err := code.Pack(dir, []string{path})
		require.ErrorContains(t, err, path)
	}
}

func TestUnpackRefuses(t *testing.T) {
	for name, files := range map[string][]zip.FileHeader{
		"a path out of the folder": {{Name: "../outside"}},
		"an absolute path":         {{Name: "/outside"}},
		"a folder that is left":    {{Name: "a/../../outside"}},
		"two of a name":            {{Name: "a"}, {Name: "a"}},
		"a link":                   {link("a")},
	} {
		t.Run(name, func(t *testing.T) {
			var archive bytes.Buffer
			w := zip.NewWriter(&archive)
			for i := range files {
				f, err := w.CreateHeader(&files[i])
				require.NoError(t, err)
				_, err = f.Write([]byte("content"))
				require.NoError(t, err)
			}
			require.NoError(t, w.Close())
			dir := t.TempDir()
			require.Error(t, code.Unpack(archive.Bytes(), dir))
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	require.ErrorContains(t, code.Unpack([]byte("no archive"), t.TempDir()), "expected a zip archive")
}

func link(name string) zip.FileHeader {
	h := zip.FileHeader{Name: name}
	h.SetMode(os.ModeSymlink | 0o777)
	return h
}

func TestSignatures(t *testing.T) {
	secret := []byte("0123456789abcdef")
	b := start(t, func(c *code.Config) { c.Secret = secret })
	task := shell("echo done", code.Text)
	require.NoError(t, task.Sign(secret))
	got, _ := b.one(task, code.Bundle{})
	require.Equal(t, "done", got)
	for name, change := range map[string]func(*code.Task){
		"not signed":     func(t *code.Task) { t.Signature = nil },
		"another secret": func(t *code.Task) { _ = t.Sign([]byte("fedcba9876543210")) },
		"changed":        func(t *code.Task) { t.Script = "echo other" },
		"another bundle": func(t *code.Task) { t.Bundle = "0123456789abcdef" },
	} {
		t.Run(name, func(t *testing.T) {
			changed := task
			change(&changed)
			_, r := b.one(changed, code.Bundle{Hash: changed.Bundle})
			require.Equal(t, record.Failed, r.End().Status)
			require.Contains(t, r.End().First.Message, "not signed with this worker's secret")
		})
	}
}
