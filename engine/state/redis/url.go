package redis

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// forms lists the URLs that parseURL accepts, for its errors.
const forms = "redis://[user:password@]host[:port][/db], rediss:// with TLS, unix:///path[?db=n], " +
	"redis+sentinel://host,host/master[/db] or redis+cluster://host,host (rediss+… with TLS)"

// parseURL returns the options that a URL describes; useTLS says whether its scheme asks for TLS. Errors never contain
// the password. url.Parse does not accept several hosts, so the URL is parsed here.
func parseURL(raw string) (o *redis.UniversalOptions, useTLS bool, err error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, false, fmt.Errorf("redis: %q has no scheme, expected %s", redact(raw), forms)
	}
	rest, query, _ := strings.Cut(rest, "?")
	asked, err := url.ParseQuery(query)
	if err != nil {
		return nil, false, fmt.Errorf("redis: query of %q: %w", redact(raw), err)
	}
	o = &redis.UniversalOptions{}
	if scheme == "unix" {
		err = parseSocket(o, rest, asked)
	} else {
		useTLS, err = parseNetwork(o, scheme, rest, asked)
	}
	if err != nil {
		return nil, false, fmt.Errorf("redis: %q %w", redact(raw), err)
	}
	for name := range asked {
		return nil, false, fmt.Errorf("redis: %q has the option %s, expected %s", redact(raw), name, forms)
	}
	return o, useTLS, nil
}

// redact hides the user and the password of a URL.
func redact(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		scheme, rest = "", raw
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		rest = rest[at+1:]
	}
	rest, _, _ = strings.Cut(rest, "?")
	if !ok {
		return rest
	}
	return scheme + "://" + rest
}

// parseSocket parses the part after unix://.
func parseSocket(o *redis.UniversalOptions, rest string, asked url.Values) error {
	path, err := login(o, rest)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("has no absolute path, expected %s", forms)
	}
	o.Addrs = []string{path}
	if err := database(o, asked.Get("db")); err != nil {
		return err
	}
	delete(asked, "db")
	return nil
}

// parseNetwork parses the part after the scheme of all other URLs.
func parseNetwork(o *redis.UniversalOptions, scheme, rest string, asked url.Values) (useTLS bool, err error) {
	family, kind, _ := strings.Cut(scheme, "+")
	if family != "redis" && family != "rediss" {
		return false, fmt.Errorf("has an unknown scheme, expected %s", forms)
	}
	if rest, err = login(o, rest); err != nil {
		return false, err
	}
	hosts, path, _ := strings.Cut(rest, "/")
	port := "6379"
	switch kind {
	case "":
		err = database(o, path)
		if strings.Contains(hosts, ",") {
			err = fmt.Errorf("names several hosts, expected %s", forms)
		}
	case "cluster":
		o.IsClusterMode = true
		if path != "" {
			err = fmt.Errorf("names a database, but a cluster has only one")
		}
	case "sentinel":
		port = "26379"
		var db string
		o.MasterName, db, _ = strings.Cut(path, "/")
		o.SentinelUsername, o.SentinelPassword = asked.Get("sentinel_user"), asked.Get("sentinel_password")
		delete(asked, "sentinel_user")
		delete(asked, "sentinel_password")
		if err = database(o, db); o.MasterName == "" {
			err = fmt.Errorf("names no master, expected %s", forms)
		}
	default:
		err = fmt.Errorf("has an unknown scheme, expected %s", forms)
	}
	for host := range strings.SplitSeq(hosts, ",") {
		o.Addrs = append(o.Addrs, address(host, port))
	}
	return family == "rediss", err
}

// login removes user and password from the front of rest.
func login(o *redis.UniversalOptions, rest string) (string, error) {
	at := strings.LastIndex(rest, "@")
	if at < 0 {
		return rest, nil
	}
	user, password, _ := strings.Cut(rest[:at], ":")
	var err error
	if o.Username, err = url.PathUnescape(user); err != nil {
		return "", fmt.Errorf("has a user that is not percent-encoded")
	}
	if o.Password, err = url.PathUnescape(password); err != nil {
		return "", fmt.Errorf("has a password that is not percent-encoded")
	}
	return rest[at+1:], nil
}

func database(o *redis.UniversalOptions, number string) error {
	if number == "" {
		return nil
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return fmt.Errorf("names the database %q, expected a number from 0", number)
	}
	o.DB = n
	return nil
}

// address adds the default host and port to host[:port]; an IPv6 address with a port is in brackets.
func address(host, port string) string {
	if host == "" {
		host = "localhost"
	}
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}
