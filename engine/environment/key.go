package environment

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// Key identifies an environment on this machine: 32 hexadecimal digits. It is part of paths and safe there.
type Key string

// keyVersion is hashed first. It is raised when the same lock files have to give another environment, because they are
// installed differently.
const keyVersion = "dagscope environment 1"

// plan is a spec with the tools of this machine that are to prepare it.
type plan struct {
	spec   Spec
	key    Key
	python interpreter // of the Python kinds
	node   node        // of NPM
}

func (t *tools) plan(ctx context.Context, spec Spec) (plan, error) {
	p := plan{spec: spec}
	err := spec.Check()
	if err != nil {
		return p, err
	}
	switch spec.Kind {
	case PythonRequirements, PythonProject:
		p.python, err = t.python(ctx, spec.Python)
	case NPM:
		p.node, err = t.probeNode(ctx)
	}
	if err == nil {
		p.key, err = p.hash()
	}
	if err != nil {
		return p, fmt.Errorf("environment: %s: %w", spec.title(), err)
	}
	return p, nil
}

// hash makes the key. Every part is written with its length, so that no two lists of parts are the same bytes.
func (p *plan) hash() (Key, error) {
	h := sha256.New()
	write(h, keyVersion, string(p.spec.Kind), runtime.GOOS, runtime.GOARCH, p.spec.Folder)
	write(h, p.python.Path, p.python.Version, p.python.ABI, p.python.Platform)
	write(h, p.node.Path, p.node.Version, p.node.ABI)
	for _, name := range slices.Sorted(maps.Keys(p.spec.Files)) {
		write(h, name, string(p.spec.Files[name]))
	}
	if p.spec.FindLinks != "" {
		write(h, "find-links") // an empty folder is not the same as none
		if err := hashFolder(h, p.spec.FindLinks); err != nil {
			return "", err
		}
	}
	return Key(hex.EncodeToString(h.Sum(nil)[:16])), nil
}

func write(h hash.Hash, parts ...string) {
	for _, part := range parts {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part)))) // a hash does not fail
		_, _ = io.WriteString(h, part)
	}
}

// hashFolder adds names and contents of the files in a folder of wheels, without those below it, where pip does not look
// either.
func hashFolder(h hash.Hash, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("the folder of wheels cannot be read: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			continue // a folder, or a link to nowhere
		}
		sum, err := hashFile(path)
		if err != nil {
			return err
		}
		write(h, e.Name(), string(sum))
	}
	return nil
}

func hashFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// node is the Node.js that modules are installed for.
type node struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	ABI     string `json:"abi"` // the number of its interface for compiled modules
}

const nodeScript = `console.log(JSON.stringify({path: process.execPath, version: process.versions.node, abi: process.versions.modules}))`

func (t *tools) probeNode(ctx context.Context) (node, error) {
	var n node
	path, ok := t.look("node")
	if !ok {
		return n, fmt.Errorf("there is no node on the PATH, expected Node.js; Debian and Ubuntu have it in the package nodejs")
	}
	text, err := t.ask(ctx, path, "-e", nodeScript)
	if err != nil {
		return n, err
	}
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return n, fmt.Errorf("%s does not answer as Node.js does: %w", path, err)
	}
	return n, nil
}
