package survey

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Files reads all files below a folder that a person wrote, by name relative to it: folders that hold what was built or
// installed are left out.
func Files(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", "node_modules", "dist", "bin", "testdata"}, d.Name()) {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		below, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		source, err := os.ReadFile(name)
		files[filepath.ToSlash(below)] = string(source)
		return err
	})
	return files, err
}

// IsKit says that a package holds tests, models or fakes that other packages test with.
func IsKit(packagePath string) bool {
	return strings.HasSuffix(path.Base(packagePath), "test") || strings.HasPrefix(packagePath+"/", "internal/testkit/")
}

// Purpose says what a Go file is for: "product", "tests", "kits", "benches" or "tools".
func Purpose(name string) string {
	folder := path.Dir(name)
	switch top, _, _ := strings.Cut(name, "/"); {
	case top == "bench", folder == "cmd/app/bench":
		return "benches"
	case strings.HasSuffix(name, "_test.go"), top == "e2e" && folder != "e2e/house" && folder != "e2e/internal/survey":
		return "tests"
	case top == "e2e", top == "tools":
		return "tools"
	case IsKit(folder):
		return "kits"
	}
	return "product"
}
