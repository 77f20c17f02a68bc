package environment

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wheel is a Python package that a test makes.
type wheel struct {
	name, version string
	requires      string            // the Python that it is for, such as >=3.9
	needs         []string          // other packages
	program       bool              // has a program of its name, which prints the version
	files         map[string]string // more files
}

// write puts the wheel into a folder and returns its hash.
func (w wheel) write(t *testing.T, dir string) (sha string) {
	t.Helper()
	info := fmt.Sprintf("%s-%s.dist-info", w.name, w.version)
	metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", w.name, w.version)
	if w.requires != "" {
		metadata += "Requires-Python: " + w.requires + "\n"
	}
	for _, n := range w.needs {
		metadata += "Requires-Dist: " + n + "\n"
	}
	files := map[string]string{
		w.name + "/__init__.py": fmt.Sprintf("version = %q\n\ndef main():\n    print(version)\n", w.version),
		info + "/METADATA":      metadata,
		info + "/WHEEL":         "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
	}
	if w.program {
		files[info+"/entry_points.txt"] = fmt.Sprintf("[console_scripts]\n%s = %s:main\n", w.name, w.name)
	}
	maps.Copy(files, w.files)

	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	var list strings.Builder
	add := func(name, text string) {
		f, err := z.Create(name)
		require.NoError(t, err)
		_, err = f.Write([]byte(text))
		require.NoError(t, err)
		sum := sha256.Sum256([]byte(text))
		fmt.Fprintf(&list, "%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(text))
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		add(name, files[name])
	}
	record := info + "/RECORD"
	add(record, list.String()+record+",,\n")
	require.NoError(t, z.Close())
	file := filepath.Join(dir, fmt.Sprintf("%s-%s-py3-none-any.whl", w.name, w.version))
	require.NoError(t, os.WriteFile(file, packed.Bytes(), 0o600))
	return fmt.Sprintf("%x", sha256.Sum256(packed.Bytes()))
}

// requirements is a spec that installs lines from a folder of wheels.
func requirements(wheels string, lines ...string) Spec {
	return Spec{
		Name: "demo", Kind: PythonRequirements, FindLinks: wheels,
		Files: map[string][]byte{requirementsFile: []byte(strings.Join(lines, "\n") + "\n")},
	}
}
