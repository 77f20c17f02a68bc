package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/dagscope/dagscope/web"
)

// listen binds the address. An invalid address and a port that is taken are usage errors.
func listen(ctx context.Context, addr, basePath, token string) (net.Listener, error) {
	if err := web.CheckAddress(addr, token); err != nil {
		return nil, usage("--addr %s: %w; write a token into a file and name it with --token-file, or keep to 127.0.0.1", addr, err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return listener, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, usageError{taken(ctx, addr, basePath)}
	default:
		return nil, usage("--addr %s: expected an address of this machine and a port that can be bound, such as 127.0.0.1:8080: %w", addr, err)
	}
}

// taken describes what listens on the port.
func taken(ctx context.Context, addr, basePath string) error {
	address := reachable(addr)
	if version, ok := askHealth(ctx, "http://"+address); ok {
		return fmt.Errorf("dagscope%s is already running at http://%s%s/; open that, or start another one with --addr 127.0.0.1:0", version, address, basePath)
	}
	return fmt.Errorf("another program already listens on %s; choose another address with --addr, such as 127.0.0.1:0 for any free port", address)
}

// askHealth asks the server at an address whether it is dagscope, and which version.
func askHealth(ctx context.Context, base string) (version string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/healthz", nil)
	if err != nil {
		return "", false
	}
	// A separate client leaves no idle connection, and uses no proxy.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", false
	}
	defer func() { _ = response.Body.Close() }()
	var health struct{ Service, Version string }
	if json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&health) != nil || health.Service != "dagscope" {
		return "", false
	}
	if health.Version != "" {
		version = " " + printable(health.Version)
	}
	return version, true
}

// reachable turns the address of a listener into one that a client on this machine can use: the loopback for all
// addresses.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// pathPart matches valid base paths.
var pathPart = regexp.MustCompile(`^(/[A-Za-z0-9][A-Za-z0-9._~-]*)*$`)

func checkBasePath(path string) error {
	if !pathPart.MatchString(path) {
		return fmt.Errorf("--base-path is %q, expected a path such as /dagscope, of letters, digits, dots and dashes", path)
	}
	return nil
}

func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.TrimSuffix(origin, "/") != u.Scheme+"://"+u.Host {
		return fmt.Errorf("--origin is %q, expected scheme and host alone, such as https://example.org", origin)
	}
	return nil
}

// readToken reads the token of --token-file; without a file it is empty.
func readToken(file string) (string, error) { return readTokenOf("--token-file", file) }

// readTokenOf reads the token from the file of a flag; without a file it is empty.
func readTokenOf(flag, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", usage("%s: expected a file that can be read: %w", flag, err)
	}
	token := strings.TrimSpace(string(raw))
	bad := strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
	if len(token) < leastToken || bad {
		return "", usage("%s %s: expected one word of at least %d characters, such as `head -c 24 /dev/urandom | base64` makes",
			flag, file, leastToken)
	}
	return token, nil
}

// leastToken is the least number of characters of a token, so that it cannot be guessed.
const leastToken = 16
