package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// DialConfig says where Redis is and how to connect to it.
type DialConfig struct {
	// URL is redis://[user:password@]host[:port][/db], unix:///path[?db=n], redis+sentinel://host,host/master[/db] or
	// redis+cluster://host,host; with TLS rediss://, rediss+sentinel:// and rediss+cluster://. User and password are
	// percent-encoded; those for Sentinel itself are ?sentinel_user=…&sentinel_password=…. Default
	// redis://localhost:6379.
	URL string
	// Prefix begins every key, so that other programs can use the same Redis. It must not contain '{' or '}', which mark
	// hash tags in a cluster. Default "dagscope:".
	Prefix string
	// CAFile is a PEM file with the authorities that may sign the server's certificate; by default those of the system.
	CAFile string
	// CertFile and KeyFile are PEM files of a client certificate, needed if the server asks for one.
	CertFile, KeyFile string
	// Keep is how long a run is kept after its end; default 24 h.
	Keep time.Duration
}

// Connection is a connection to a Redis that Dial has checked. Safe for concurrent use.
type Connection struct {
	// Client runs commands; it repeats them when a connection is lost, so they have to be idempotent.
	Client redis.UniversalClient
	// Prefix begins every key.
	Prefix string
	// Warnings are what a user should know about the server's configuration, as sentences without a full stop.
	Warnings []string

	keep     time.Duration
	blocking redis.UniversalClient // for commands that block, so that they do not occupy the connections of Client
}

// Dial connects to Redis and checks that it is safe to use: that its version is 6.2 or later, that it accepts writes, and
// that it never evicts keys. It waits for a server that is loading its data until ctx ends. The error says what to change.
func Dial(ctx context.Context, cfg DialConfig) (*Connection, error) {
	if cfg.URL == "" {
		cfg.URL = "redis://localhost:6379"
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "dagscope:"
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 24 * time.Hour
	}
	if strings.ContainsAny(cfg.Prefix, "{}") {
		return nil, fmt.Errorf("redis: prefix %q contains braces, which a cluster would read as a hash tag", cfg.Prefix)
	}
	o, err := options(cfg)
	if err != nil {
		return nil, err
	}
	c := &Connection{Client: redis.NewUniversalClient(o), Prefix: cfg.Prefix, keep: cfg.Keep}
	waiting := *o
	waiting.PoolSize = blockingConnections
	c.blocking = redis.NewUniversalClient(&waiting)
	if c.Warnings, err = inspect(ctx, c.Client); err != nil {
		if o.TLSConfig != nil && errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer; does the server use TLS?: %w", err)
		}
		return nil, errors.Join(fmt.Errorf("redis: %s: %w", redact(cfg.URL), err), c.Close())
	}
	return c, nil
}

// Close closes all connections.
func (c *Connection) Close() error { return errors.Join(c.Client.Close(), c.blocking.Close()) }

// blockingConnections is how many commands may block at a time on each server; connections are made on demand.
const blockingConnections = 512

// options returns the options of both clients.
func options(cfg DialConfig) (*redis.UniversalOptions, error) {
	o, useTLS, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if o.TLSConfig, err = tlsConfig(cfg, useTLS); err != nil {
		return nil, err
	}
	o.Protocol = 2 // no feature of version 3 is used, and not every server and proxy understands its HELLO
	o.DisableIdentity = true
	o.ContextTimeoutEnabled = true
	o.DialTimeout = 5 * time.Second
	o.ReadTimeout = 5 * time.Second // a session fences itself after 10 s without a reply: two tries fit
	o.PoolSize = 64
	o.PipelinePoolSize = -1 // no pool for pipelines: commands on one connection keep their order
	return o, nil
}

// tlsConfig returns nil if the URL does not ask for TLS.
func tlsConfig(cfg DialConfig, useTLS bool) (*tls.Config, error) {
	if !useTLS {
		if cfg.CAFile != "" || cfg.CertFile != "" || cfg.KeyFile != "" {
			return nil, fmt.Errorf("redis: certificates are given, but %s is without TLS, expected rediss://", redact(cfg.URL))
		}
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("redis: read authorities: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("redis: %s contains no certificate in PEM", cfg.CAFile)
		}
	}
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		return nil, errors.New("redis: only one of CertFile and KeyFile is set, expected both or none")
	}
	if cfg.CertFile != "" {
		own, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("redis: read client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}
