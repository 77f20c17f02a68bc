package code

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/web/api"
)

// archives are the files of projects, by the SHA-256 of the archive in hexadecimal. Those that were used last are kept, and
// the time of a file is that of its last use. Safe for concurrent use, also by several processes.
type archives struct {
	dir  string
	most int64 // bytes of all files

	mu   sync.Mutex
	last code.Bundle // what bundle returned last, as most runs of a client have the same; guarded by mu
	hash string      // its archive's; guarded by mu
}

func errNoArchive(hash string) error {
	return api.NewProblem(http.StatusNotFound, "there is no archive %.80s, expected it to be sent first", hash)
}

// path is the file of an archive; the error is a problem if the hash is none.
func (a *archives) path(hash string) (string, error) {
	if len(hash) != 2*sha256.Size || strings.Trim(hash, "0123456789abcdef") != "" {
		return "", api.NewProblem(http.StatusUnprocessableEntity, "the archive is named %.80q, expected its SHA-256 in hexadecimal", hash)
	}
	return filepath.Join(a.dir, hash+".zip"), nil
}

func (a *archives) has(hash string) (bool, error) {
	path, err := a.path(hash)
	if err != nil {
		return false, err
	}
	return use(path) == nil, nil
}

// use has a file be the last to leave.
func use(path string) error { return os.Chtimes(path, time.Time{}, time.Now()) }

// put keeps an archive that has the hash and can be unpacked.
func (a *archives) put(hash string, data []byte) error {
	path, err := a.path(hash)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != hash {
		return api.NewProblem(http.StatusUnprocessableEntity, "the archive has the SHA-256 %x, expected that in the path", sum)
	}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(a.dir, ".draft-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(draft) }() // what is left is in the way of nothing
	tried := filepath.Join(draft, "files")
	if err := os.Mkdir(tried, 0o700); err != nil {
		return err
	}
	if err := code.Unpack(data, tried); err != nil {
		return api.NewProblem(http.StatusUnprocessableEntity, "%v", err)
	}
	file := filepath.Join(draft, "archive")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return err
	}
	if err := os.Rename(file, path); err != nil {
		return err
	}
	return a.prune(path)
}

// prune removes the archives that were not used for longest, until the others are within the bound. latest stays.
func (a *archives) prune(latest string) error {
	entries, err := os.ReadDir(a.dir)
	if err != nil {
		return err
	}
	var all []fs.FileInfo
	left := int64(0)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // another process has removed it, or it is a folder for drafts
		}
		all = append(all, info)
		left += info.Size()
	}
	slices.SortFunc(all, func(x, y fs.FileInfo) int { return x.ModTime().Compare(y.ModTime()) })
	for _, info := range all {
		if left <= a.most {
			return nil
		}
		if info.Name() == filepath.Base(latest) {
			continue
		}
		if err := os.Remove(filepath.Join(a.dir, info.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		left -= info.Size()
	}
	return nil
}

// bundle returns what tasks need of an archive; for "" no files.
func (a *archives) bundle(hash string) (code.Bundle, error) {
	if hash == "" {
		return code.Bundle{}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hash == hash {
		return a.last, nil
	}
	path, err := a.path(hash)
	if err != nil {
		return code.Bundle{}, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return code.Bundle{}, errNoArchive(hash)
	}
	if err != nil {
		return code.Bundle{}, err
	}
	b := code.Bundle{Files: data}
	if err := b.Seal(); err != nil {
		return code.Bundle{}, err
	}
	_ = use(path) // it is only pruned sooner
	a.last, a.hash = b, hash
	return b, nil
}
