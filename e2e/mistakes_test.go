package e2e

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"
)

// written puts a file where the program can read it.
func written(t *testing.T, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "input")
	require.NoError(t, os.WriteFile(path, []byte(data), 0o644))
	return path
}

// TestMistakes: what cannot be done is refused before anything is, with the exit code of its kind and a message that
// says what was expected; what was recorded before stays as it is.
func TestMistakes(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.ok("run", "chain", "--set", "k=5")
	before := u.ok("runs", "--json")
	cycle := chains(1, 3, 1)
	cycle.Workflow.Specification.Tasks[0].Parents = []string{"link_0_2"}
	cycle.Workflow.Specification.Tasks[2].Children = []string{"link_0_0"}
	cyclic := cycle.file(t)
	for _, c := range []struct {
		args []string
		want []string // in the message
	}{
		{[]string{"run", "three-reduction"}, []string{`"three-reduction"`, "expected one of tree-reduction, gemm,"}},
		{[]string{"run"}, []string{"expected", "<workflow>"}},
		{[]string{"run", "chain", "--set", "n=5"}, []string{`"n"`, "expected k"}},
		{[]string{"run", "chain", "--set", "k=0"}, []string{"k", "0 is out of range, expected 1 to 10000"}},
		{[]string{"run", "chain", "--set", "k=many"}, []string{`"many"`, "number"}},
		{[]string{"run", "chain", "--set", "k"}, []string{"<key>=<value>"}},
		{[]string{"run", "flaky", "--set", "mode=sometimes"}, []string{`"sometimes"`, "error, panic, timeout"}},
		{[]string{"run", "fixed-times", "--set", "unit=5"}, []string{`"5"`, "duration such as 10ms"}},
		{[]string{"run", "wordcount", "--set", "input=/nowhere/text"}, []string{"/nowhere/text", "expected a file that can be read"}},
		{[]string{"run", "wfformat"}, []string{"file", "required, expected a file"}},
		{[]string{"run", "wfformat", "--set", "file=" + cyclic}, []string{"cycle"}},
		{[]string{"run", "wfformat", "--set", "file=" + written(t, `{"name":`)}, []string{"invalid recording"}},
		{[]string{"run", "image-transform", "--set", "input=" + written(t, "no image")}, []string{"image", "expected"}},
		{[]string{"run", "chain", "--upload", "often"}, []string{`"often"`, "expected after_each_task, periodic=2s, queue=256 or shutdown"}},
		{[]string{"run", "chain", "--workers", "-1"}, []string{"--workers", "expected"}},
		{[]string{"import", "/nowhere/archive"}, []string{"/nowhere/archive", "expected a file that can be read"}},
		{[]string{"import", cyclic}, []string{cyclic, "cycle"}},
		{[]string{"import", written(t, "")}, []string{"empty, expected an archive or a recording"}},
		{[]string{"import", t.TempDir()}, []string{"there is no file in it"}},
		{[]string{"tasks", "zzz"}, []string{`"zzz"`, "expected an ID"}},
		{[]string{"stats", "--metric", "speed"}, []string{`"speed"`, "expected queue_ns,"}},
		{[]string{"stats", "--quantiles", "50"}, []string{"50", "expected numbers from 0 to 1"}},
		{[]string{"export", "last", "--format", "pdf"}, []string{"--format", `"archive","chrome","csv","html","ndjson",`}},
		{[]string{"export", "last", "--output", "/nowhere/x"}, []string{"/nowhere", "expected a file that can be written"}},
		{[]string{"delete", "zzz"}, []string{`"zzz"`, "expected an ID"}},
		{[]string{"frobnicate"}, []string{"frobnicate", "commands are serve, run, "}},
		{[]string{"runs", "--colour"}, []string{"--colour"}},
	} {
		o := u.run(c.args...)
		assert.Equal(t, 2, o.code, "%v: %s%s", c.args, o.stdout, o.stderr)
		for _, part := range c.want {
			assert.Contains(t, o.stderr, part, "%v", c.args)
		}
		assert.Empty(t, o.stdout, "%v", c.args)
		assert.Equal(t, 1, strings.Count(o.stderr, "\n"), "one line: %v: %s", c.args, o.stderr)
	}
	assert.Equal(t, before, u.ok("runs", "--json"))
	u.ok("check")
}

// TestUnusableFolders: where the store cannot be had, exit code 3 and the message say so, for those who write and for
// those who read, and what lies there is left alone.
func TestUnusableFolders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		make func(t *testing.T, u *user)
		want []string
	}{
		{"a file", func(t *testing.T, u *user) {
			require.NoError(t, os.WriteFile(u.data, []byte("mine"), 0o600))
		}, []string{"not a directory"}},
		{"below a file", func(t *testing.T, u *user) {
			u.data = filepath.Join(written(t, "mine"), "data")
		}, []string{"not a directory"}},
		{"of a newer version", newerStore, []string{"newer", "format"}},
		{"damaged", func(t *testing.T, u *user) {
			require.NoError(t, os.Mkdir(u.data, 0o700))
			require.NoError(t, os.WriteFile(databaseOf(u), []byte(strings.Repeat("noise", 10_000)), 0o600))
		}, []string{"not a data file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := newUser(t)
			c.make(t, u)
			before, _ := os.ReadFile(databaseOf(u))
			for _, args := range [][]string{
				{"run", "chain"},
				{"demo"},
				{"import", chains(1, 1, 1).file(t)},
				{"runs"},
				{"stats"},
				{"tasks", "last"},
				{"compact"},
				{"export", "last"},
				{"delete", "last"},
				{"tag", "last"},
			} {
				o := u.run(args...)
				assert.Equal(t, 3, o.code, "%v: %s", args, o.stderr)
				for _, part := range append(c.want, u.data) {
					assert.Contains(t, o.stderr, part, "%v", args)
				}
				assert.Empty(t, o.stdout, "%v", args)
			}
			// What is damaged is what check is there to find; a folder that is none it cannot look into either.
			o := u.run("check")
			if c.name == "damaged" {
				assert.Equal(t, 1, o.code, o.stderr)
				assert.Contains(t, o.stdout, "not a data file")
			} else {
				assert.Equal(t, 3, o.code, o.stderr)
			}
			after, _ := os.ReadFile(databaseOf(u))
			assert.True(t, string(before) == string(after), "the file has changed")
		})
	}
}

func databaseOf(u *user) string { return filepath.Join(u.data, "dagscope.db") }

// newerStore records a run and then changes the format that the file says to be in.
func newerStore(t *testing.T, u *user) {
	t.Helper()
	u.ok("run", "chain", "--set", "k=2")
	db, err := bolt.Open(databaseOf(u), 0o600, nil)
	require.NoError(t, err)
	version := binary.AppendUvarint(nil, 1000)
	seal := crc32.Checksum(append([]byte("\x00version"), version...), crc32.MakeTable(crc32.Castagnoli))
	require.NoError(t, db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("version"), binary.BigEndian.AppendUint32(version, seal))
	}))
	require.NoError(t, db.Close())
}

// TestMissingFolder: those who only read do not make a folder, and say which commands do.
func TestMissingFolder(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	for _, args := range [][]string{{"runs"}, {"stats"}, {"tasks", "last"}, {"check"}, {"export", "last"}} {
		o := u.run(args...)
		assert.Equal(t, 3, o.code, "%v: %s", args, o.stderr)
		assert.Contains(t, o.stderr, "expected a folder with records, which the commands serve, run, demo and import create", "%v", args)
		assert.NoDirExists(t, u.data, "%v", args)
	}
}
