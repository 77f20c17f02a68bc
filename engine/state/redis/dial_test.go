package redis

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/internal/testkit/ledgertest"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

func TestURLs(t *testing.T) {
	for raw, want := range map[string]redis.UniversalOptions{
		"redis://":                    {Addrs: []string{"localhost:6379"}},
		"redis://h":                   {Addrs: []string{"h:6379"}},
		"redis://u:p%40ss@h:1/3":      {Addrs: []string{"h:1"}, Username: "u", Password: "p@ss", DB: 3},
		"redis://:secret@[::1]:1":     {Addrs: []string{"[::1]:1"}, Password: "secret"},
		"redis://[::1]":               {Addrs: []string{"[::1]:6379"}},
		"unix:///run/redis.sock?db=2": {Addrs: []string{"/run/redis.sock"}, DB: 2},
		"redis+cluster://a,b:2":       {Addrs: []string{"a:6379", "b:2"}, IsClusterMode: true},
		"redis+sentinel://a,b:2/m/1":  {Addrs: []string{"a:26379", "b:2"}, MasterName: "m", DB: 1},
		"redis+sentinel://a/m?sentinel_user=x&sentinel_password=y": {
			Addrs: []string{"a:26379"}, MasterName: "m", SentinelUsername: "x", SentinelPassword: "y",
		},
	} {
		o, useTLS, err := parseURL(raw)
		require.NoError(t, err, raw)
		assert.Equal(t, want, *o, raw)
		assert.False(t, useTLS, raw)
	}
	for _, raw := range []string{"rediss://h", "rediss+cluster://a,b", "rediss+sentinel://a/m"} {
		_, useTLS, err := parseURL(raw)
		require.NoError(t, err, raw)
		assert.True(t, useTLS, raw)
	}
	for raw, want := range map[string]string{
		"localhost:6379":               "no scheme",
		"http://u:secret@h":            "unknown scheme",
		"redis+ring://u:secret@h":      "unknown scheme",
		"redis://u:secret@a,b":         "several hosts",
		"redis://u:secret@h/x":         `database "x"`,
		"redis://u:secret@h/-1":        `database "-1"`,
		"redis://u:secret@h?ttl=1":     "option ttl",
		"redis://u:%zz@h":              "percent-encoded",
		"redis+sentinel://u:secret@h":  "no master",
		"redis+cluster://u:secret@h/1": "only one",
		"unix://u:secret@tmp/x":        "no absolute path",
	} {
		_, _, err := parseURL(raw)
		require.ErrorContains(t, err, want, raw)
		assert.NotContains(t, err.Error(), "secret", raw)
	}
}

func TestDialRefusesAndWarns(t *testing.T) {
	for name, c := range map[string]struct {
		args    []string
		url     func(string) string
		refused string
		warning string
	}{
		"evicts keys":              {args: []string{"--maxmemory-policy", "allkeys-lru"}, refused: "maxmemory-policy is allkeys-lru, expected noeviction"},
		"evicts volatile keys":     {args: []string{"--maxmemory-policy", "volatile-ttl"}, refused: "expected noeviction"},
		"keeps no file":            {warning: "keeps no append-only file"},
		"keeps a file":             {args: []string{"--appendonly", "yes"}},
		"no cluster":               {url: func(u string) string { return strings.Replace(u, "redis://", "redis+cluster://", 1) }, refused: "not part of a cluster"},
		"is a member of a cluster": {args: []string{"--cluster-enabled", "yes"}, refused: "member of a cluster"},
		"is a replica":             {args: []string{"--replicaof", "127.0.0.1", "1"}, refused: "replica of 127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := redistest.Start(t, c.args...).URL()
			if c.url != nil {
				url = c.url(url)
			}
			conn, err := Dial(t.Context(), DialConfig{URL: url})
			if c.refused != "" {
				require.ErrorContains(t, err, c.refused)
				return
			}
			require.NoError(t, err)
			defer func() { assert.NoError(t, conn.Close()) }()
			if c.warning == "" {
				assert.Empty(t, conn.Warnings)
				return
			}
			require.Len(t, conn.Warnings, 1)
			assert.Contains(t, conn.Warnings[0], c.warning)
		})
	}
	_, err := Dial(t.Context(), DialConfig{Prefix: "a{b}"})
	require.ErrorContains(t, err, "braces")
}

// certificates writes an authority and a certificate for 127.0.0.1 that it has signed, and returns the files.
func certificates(t *testing.T) (ca, cert, key string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	own := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	signed, err := x509.CreateCertificate(rand.Reader, authority, authority, &signer.PublicKey, signer)
	require.NoError(t, err)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, own, authority, &private.PublicKey, signer)
	require.NoError(t, err)
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return write("ca.pem", "CERTIFICATE", signed), write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", privateDER)
}

// play applies some operations to a back end and to the model, and compares them.
func play(t *testing.T, b *Backend, seed uint64) {
	t.Helper()
	differ(t, b, ledgertest.Config{Seed: seed, Ops: 300, Every: 20})
}

func TestTLSWithCertificatesOfBothSides(t *testing.T) {
	ca, cert, key := certificates(t)
	port := redistest.FreePort(t)
	redistest.Start(t, "--tls-port", port, "--tls-ca-cert-file", ca, "--tls-cert-file", cert, "--tls-key-file", key)
	url := "rediss://127.0.0.1:" + port
	_, err := Dial(t.Context(), DialConfig{URL: url, CertFile: cert, KeyFile: key})
	require.ErrorContains(t, err, "CAFile")
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	_, err = Dial(ctx, DialConfig{URL: url, CAFile: ca})
	require.Error(t, err, "the server wants a certificate")
	conn, err := Dial(t.Context(), DialConfig{URL: url, CAFile: ca, CertFile: cert, KeyFile: key})
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	play(t, New(conn), 31)
}

// A user needs rights to keys and the channel under the prefix only, and none of the dangerous commands; INFO is asked
// for, but not needed.
func TestAUserWithFewRights(t *testing.T) {
	s := redistest.Start(t)
	admin := s.Client(t)
	acl := func(name string, more ...any) {
		args := append([]any{"acl", "setuser", name, "on", ">pass/word", "~mine:*", "&mine:*", "+@all", "-@admin", "-@dangerous"}, more...)
		require.NoError(t, admin.Do(t.Context(), args...).Err())
	}
	acl("few")
	acl("more", "+info")
	seed := uint64(32)
	for name, warning := range map[string]string{"few": "may not run INFO", "more": "append-only file"} {
		seed++
		url := strings.Replace(s.URL(), "redis://", "redis://"+name+":pass%2Fword@", 1)
		conn, err := Dial(t.Context(), DialConfig{URL: url, Prefix: "mine:"})
		require.NoError(t, err)
		assert.Contains(t, strings.Join(conn.Warnings, "; "), warning)
		play(t, New(conn), seed)
		require.NoError(t, conn.Close())
		_, err = Dial(t.Context(), DialConfig{URL: strings.Replace(url, "pass", "fail", 1), Prefix: "mine:"})
		require.ErrorContains(t, err, "user or password are wrong")
	}
	for _, key := range admin.Keys(t.Context(), "*").Val() {
		require.True(t, strings.HasPrefix(key, "mine:"), key)
	}
}

// Two prefixes on one server are independent of each other.
func TestPrefixesKeepApart(t *testing.T) {
	s := redistest.Start(t)
	var backends []*Backend
	for _, prefix := range []string{"a:", "b:"} {
		conn, err := Dial(t.Context(), DialConfig{URL: s.URL(), Prefix: prefix})
		require.NoError(t, err)
		defer func() { assert.NoError(t, conn.Close()) }()
		b := New(conn)
		backends = append(backends, b)
		require.NoError(t, b.Create(t.Context(), shared.NewRun{
			ID: "same", Job: []byte(prefix), Nodes: 1, Tasks: 1, Sinks: 1, Roots: []ledger.Grant{{}}, Constants: map[string][]byte{"h": []byte(prefix)},
		}))
		require.NoError(t, b.Wake(t.Context(), record.RunID(prefix), []string{"f"}, 1))
	}
	for _, b := range backends {
		kept, err := b.Open(t.Context(), "same")
		require.NoError(t, err)
		assert.Equal(t, b.conn.Prefix, string(kept.Job))
		assert.Equal(t, b.conn.Prefix, string(kept.Constants["h"]))
		run, err := b.Sleep(t.Context(), []string{"f"}, time.Second)
		require.NoError(t, err)
		assert.Equal(t, b.conn.Prefix, string(run))
	}
}

// When the master vanishes, a sentinel makes its replica the master, and the run continues there.
func TestASentinelLeadsToTheNextMaster(t *testing.T) {
	master := redistest.Start(t)
	host, port, err := net.SplitHostPort(master.Addresses()[0])
	require.NoError(t, err)
	replica := redistest.Start(t, "--replicaof", host, port)
	require.Eventually(t, func() bool {
		return strings.Contains(replica.Client(t).Info(t.Context(), "replication").Val(), "master_link_status:up")
	}, 10*time.Second, 10*time.Millisecond)
	sentinel := redistest.Sentinel(t, "main", master)
	require.Eventually(t, func() bool {
		c := redis.NewSentinelClient(&redis.Options{Addr: sentinel.Addresses()[0]})
		defer func() { _ = c.Close() }()
		known, err := c.Replicas(t.Context(), "main").Result()
		return err == nil && len(known) == 1 && strings.Contains(known[0]["flags"], "slave") && known[0]["master-link-status"] == "ok"
	}, 20*time.Second, 50*time.Millisecond)

	b := New(dial(t, sentinel.URL()))
	require.NoError(t, b.Create(t.Context(), shared.NewRun{ID: "r", Nodes: 2, Tasks: 2, Sinks: 2, Roots: []ledger.Grant{{}, {Node: 1}}}))
	do := func(op ledger.Op) ledger.Reply {
		reply, err := b.Do(t.Context(), "r", op, nil)
		require.NoError(t, err)
		return reply
	}
	require.Equal(t, ledger.Applied, do(ledger.Open{Session: "s", Lease: time.Minute}).Verdict)
	require.Equal(t, int64(1), master.Client(t).Do(t.Context(), "wait", 1, 10_000).Val(), "the replica has received everything")
	master.Kill()
	commit := shared.Call{Commit: ledger.Commit{Session: "s", Number: 1, Lease: time.Minute, Want: 2, Classes: []ledger.Class{0}}}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	replies, err := b.Commit(ctx, "r", []shared.Call{commit})
	require.NoError(t, err)
	require.Equal(t, ledger.Applied, replies[0].Verdict)
	require.Len(t, replies[0].Claims, 2)
	assert.Contains(t, replica.Client(t).Info(t.Context(), "replication").Val(), "role:master")
}
