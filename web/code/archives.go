package code

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/web/api"
)

// archives are the files of projects, by the SHA-256 of the archive in hexadecimal. Safe for concurrent use, also by
// several processes.
type archives struct {
	dir string

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
	_, err = os.Stat(path)
	return err == nil, nil
}

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
	return os.Rename(file, path)
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
	a.last, a.hash = b, hash
	return b, nil
}
