package python

import (
	"io/fs"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

// TestEmbedded compares what is embedded with what lies there: go:embed leaves out files that begin with an underscore,
// unless the pattern names them.
func TestEmbedded(t *testing.T) {
	there, err := os.ReadDir("dagscope")
	require.NoError(t, err)
	var want []string
	for _, e := range there {
		if !e.IsDir() {
			want = append(want, "dagscope/"+e.Name())
		}
	}
	require.Contains(t, want, "dagscope/_worker.py")
	var got []string
	require.NoError(t, fs.WalkDir(FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			got = append(got, path)
		}
		return err
	}))
	assert.Equal(t, want, got)
}

// TestPython runs the tests of the package, with numpy and, as -S leaves out all that is installed, without.
func TestPython(t *testing.T) {
	for name, c := range map[string]struct {
		find  func(testing.TB) string
		flags []string
	}{
		"with numpy":    {pythontest.FindNumpy, nil},
		"without numpy": {pythontest.Find, []string{"-S"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append(c.flags, "-B", "-W", "error", "-m", "unittest", "discover", "-t", ".", "-s", "tests")
			out, err := exec.Command(c.find(t), args...).CombinedOutput()
			require.NoError(t, err, string(out))
			require.NotContains(t, string(out), "Ran 0 tests")
		})
	}
}
