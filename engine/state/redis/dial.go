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

// DialConfig says where Redis is and how to get there.
type DialConfig struct {
	// URL is redis://[user:password@]host[:port][/db], unix:///path[?db=n], redis+sentinel://host,host/master[/db] or
	// redis+cluster://host,host; with TLS rediss://, rediss+sentinel:// and rediss+cluster://. User and password are
	// percent-encoded; a Sentinel's own are ?sentinel_user=…&sentinel_password=…. Default redis://localhost:6379.
	URL string
	// Prefix begins every key, so that others may use the same Redis; it must not hold '{' or '}', which tell a cluster
	// what belongs together. Default "dagscope:".
	Prefix string
	// CAFile is a PEM file of the authorities that may have signed the server's certificate; default those of the system.
	CAFile string
	// CertFile and KeyFile are PEM files of the certificate that this side shows, where the server asks for one.
	CertFile, KeyFile string
	// Keep is how long a run that has ended stays; default 24 h.
	Keep time.Duration
}

// Connection is an open Redis that was found fit. Safe for concurrent use.
type Connection struct {
	// Client runs commands; it repeats them after a lost connection, so they have to bear it.
	Client redis.UniversalClient
	// Prefix begins every key.
	Prefix string
	// Warnings are what a user should know of the server's configuration, as sentences without a full stop.
	Warnings []string

	keep     time.Duration
	blocking redis.UniversalClient // for commands that wait, so that they never keep others from a connection
}

// Dial opens Redis and checks that it can be relied on: that it is of version 6.2 or later, takes writes, and never
// evicts keys. A server that is still loading its data is waited for until ctx ends. The error says what to change.
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
		return nil, fmt.Errorf("redis: prefix %q has braces, which would tell a cluster what belongs together", cfg.Prefix)
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
			err = fmt.Errorf("no answer; is it a server with TLS?: %w", err)
		}
		return nil, errors.Join(fmt.Errorf("redis: %s: %w", redact(cfg.URL), err), c.Close())
	}
	return c, nil
}

// Close closes all connections.
func (c *Connection) Close() error { return errors.Join(c.Client.Close(), c.blocking.Close()) }

// blockingConnections is how many readers may wait at a time, per server; a connection is only made when it is needed.
const blockingConnections = 512

// options are those of both clients.
func options(cfg DialConfig) (*redis.UniversalOptions, error) {
	o, useTLS, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if o.TLSConfig, err = tlsConfig(cfg, useTLS); err != nil {
		return nil, err
	}
	o.Protocol = 2 // nothing of 3 is used, and its greeting is not understood everywhere
	o.DisableIdentity = true
	o.ContextTimeoutEnabled = true
	o.DialTimeout = 5 * time.Second
	o.ReadTimeout = 5 * time.Second // a session fences itself after 10 s without an answer: two tries fit
	o.PoolSize = 64
	o.PipelinePoolSize = -1 // none of its own: what shares a connection keeps its order
	return o, nil
}

// tlsConfig is nil where the URL does not ask for TLS.
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
			return nil, fmt.Errorf("redis: %s holds no certificate in PEM", cfg.CAFile)
		}
	}
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		return nil, errors.New("redis: one of CertFile and KeyFile is given, expected both or none")
	}
	if cfg.CertFile != "" {
		own, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("redis: read own certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}
