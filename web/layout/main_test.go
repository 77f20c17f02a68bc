package layout

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/engine/workflows"
)

var (
	update   = flag.Bool("update", false, "rewrite the golden files in testdata")
	drawings = flag.String("drawings", "", "folder to draw the layouts of the gallery into, as SVG, to look at")
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(programs)
		os.Exit(code)
	}))
}

var programs string // folder of what buildProgram built

// buildProgram builds dagscope-graphviz, once for all tests.
var buildProgram = sync.OnceValues(func() (string, error) {
	var err error
	if programs, err = os.MkdirTemp("", "dagscope-layout-"); err != nil {
		return "", err
	}
	path := filepath.Join(programs, "dagscope-graphviz")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", path, "../../cmd/dagscope-graphviz").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
})

// drawerOf returns a drawer with the real program.
func drawerOf(t testing.TB) *Drawer {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs dagscope-graphviz")
	}
	path, err := buildProgram()
	require.NoError(t, err)
	d, err := NewDrawer(Config{Command: path, Cache: t.TempDir(), Timeout: 2 * time.Minute})
	require.NoError(t, err)
	return d
}

// graphOf builds a workflow of the gallery.
func graphOf(t testing.TB, name string, set map[string]string) *dag.Graph {
	t.Helper()
	for _, w := range append(workflows.All(), wfformat.Workflow()) {
		if w.Name != name {
			continue
		}
		args, err := w.Arguments(set, func(name string) (engine.File, error) {
			data, err := os.ReadFile(name)
			return engine.File{Name: filepath.Base(name), Data: data}, err
		})
		require.NoError(t, err)
		g, err := w.Graph(args)
		require.NoError(t, err)
		return g
	}
	require.Fail(t, "no such workflow", name)
	return nil
}

// gallery is every built-in workflow with default parameters, by name.
func gallery(t testing.TB) map[string]*dag.Graph {
	t.Helper()
	graphs := map[string]*dag.Graph{}
	for _, w := range workflows.All() {
		graphs[w.Name] = graphOf(t, w.Name, nil)
	}
	return graphs
}

// recordings are the graphs of the public collection, by file name without extension; none if the collection is not
// available.
func recordings(t testing.TB) map[string]*dag.Graph {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "wfinstances", "*.json"))
	require.NoError(t, err)
	graphs := map[string]*dag.Graph{}
	for _, name := range files {
		graphs[strings.TrimSuffix(filepath.Base(name), ".json")] = graphOf(t, "wfformat", map[string]string{"file": name})
	}
	return graphs
}

// link makes a graph of one scope whose tasks all call one function, by decoding its encoded shape.
func link(t require.TestingT, tasks int, edges ...edge) *dag.Graph {
	e := newElements(make([]int32, tasks), slices.Clone(edges))
	var b bytes.Buffer
	number := func(v uint64) {
		for ; v >= 0x80; v >>= 7 {
			b.WriteByte(byte(v) | 0x80)
		}
		b.WriteByte(byte(v))
	}
	b.Write([]byte{1, 1, 1, 'f', 0, 0, 0, 0, 0, 0, 1, 'T', 1, 'T', 1, 0, 0})
	number(uint64(tasks))
	b.Write([]byte{0, 0})
	b.Write(make([]byte, tasks))
	for n := range int32(tasks) {
		parents := e.in.of(n)
		number(uint64(len(parents)))
		for i, p := range parents {
			if d := int64(n) - int64(p); i == 0 {
				number(uint64(d<<1) ^ uint64(d>>63))
			} else {
				number(uint64(p - parents[i-1] - 1))
			}
		}
	}
	b.Write(make([]byte, tasks))
	g, err := dag.DecodeShape(b.Bytes())
	require.NoError(t, err)
	return g
}
