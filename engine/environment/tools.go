package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/process"
)

// passed are the variables that interpreters and installers get of this process: where programs, packages, proxies and
// certificates are, and how source packages are compiled. The rest, which may have secrets, is not for the scripts that
// packages run while they are installed, and some of it would lead an installer to another folder.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "XDG_*", "PYENV_*", "NVM_*", "ASDF_*", "MISE_*",
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
	"PIP_CONFIG_FILE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONSTRAINT",
	"PIP_TRUSTED_HOST", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_RETRIES", "PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT",
	"PIP_CACHE_DIR", "PIP_NO_CACHE_DIR", "PIP_ONLY_BINARY", "PIP_NO_BINARY", "PIP_PREFER_BINARY", "PIP_KEYRING_PROVIDER",
	"UV_CONFIG_FILE", "UV_INDEX*", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_OFFLINE", "UV_CACHE_DIR",
	"UV_NO_CACHE", "UV_LINK_MODE", "UV_NATIVE_TLS", "UV_HTTP_*", "UV_KEYRING_PROVIDER", "NPM_CONFIG_*", "npm_config_*",
	"CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "MAKEFLAGS",
}

// settings apply to every installer: nothing of the user's own packages, and no question that waits for an answer.
var settings = map[string]string{
	"PYTHONNOUSERSITE": "1", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1",
	"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "npm_config_logs_max": "0", "npm_config_update_notifier": "false",
}

// value is that of the last entry with the name, as programs see it.
func value(env []string, name string) string {
	for _, e := range slices.Backward(env) {
		if n, v, _ := strings.Cut(e, "="); n == name {
			return v
		}
	}
	return ""
}

// tools are the programs of this machine that environments are made by.
type tools struct {
	dir string   // where they run when they are only asked what they are
	env []string // their environment
}

// look finds a program on the PATH.
func (t *tools) look(name string) (string, bool) {
	for _, dir := range filepath.SplitList(value(t.env, "PATH")) {
		if !filepath.IsAbs(dir) {
			continue // what is found must not depend on the working folder
		}
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

// grace is how long a tool that is not wanted any more may take to end.
const grace = 2 * time.Second

// askPatience is how long a tool may take to say what it is, many times what it takes on a busy machine.
const askPatience = 30 * time.Second

// maxAnswer bounds what a tool may say, many times the dependencies of a large project. Of a longer answer the end is kept,
// which does not decode.
const maxAnswer = 4 << 20

// ask runs a tool for what it prints. The error has the last line of what it said.
func (t *tools) ask(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	out := process.NewTail(maxAnswer)
	_, err := process.Run(ctx, process.Command{Args: args, Dir: t.dir, Env: t.env, Stdout: out, Grace: grace})
	var start *process.StartError
	if err == nil || errors.As(err, &start) { // which names the program
		return out.String(), err
	}
	return "", fmt.Errorf("%s: %w", args[0], err)
}

// ending says how a command ended.
func ending(r process.Result) string {
	if r.Signal != "" {
		return "ended by the signal: " + r.Signal
	}
	return fmt.Sprintf("exit status %d", r.ExitCode)
}

// installerError is an installer that ended badly.
type installerError struct {
	program string
	ending  string // such as exit status 1
	tail    string // the end of what it printed
}

func (e *installerError) Error() string { return e.program + ": " + e.ending }
