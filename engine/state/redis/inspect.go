package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// The oldest version with everything that the scripts use.
const oldestMajor, oldestMinor = 6, 2

// inspect checks the server, or every master of a cluster.
func inspect(ctx context.Context, client redis.UniversalClient) (warnings []string, err error) {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return inspectServer(ctx, client, false)
	}
	var mu sync.Mutex
	err = cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		more, err := inspectServer(ctx, master, true)
		mu.Lock()
		defer mu.Unlock()
		for _, w := range more {
			if !slices.Contains(warnings, w) {
				warnings = append(warnings, w)
			}
		}
		if err != nil {
			return fmt.Errorf("master %s: %w", master.Options().Addr, err)
		}
		return nil
	})
	return warnings, explain(err)
}

// inspectServer checks one server; member is whether it is expected to be part of a cluster.
func inspectServer(ctx context.Context, client redis.Cmdable, member bool) (warnings []string, err error) {
	info, err := readInfo(ctx, client)
	if redis.IsPermissionError(err) {
		return []string{"this user may not run INFO, so it is unknown whether Redis evicts keys and survives a restart"}, nil
	}
	if err != nil {
		return nil, explain(err)
	}
	if v := info["redis_version"]; !recent(v) {
		return nil, fmt.Errorf("version %s is too old, expected at least %d.%d", v, oldestMajor, oldestMinor)
	}
	if info["role"] == "slave" {
		return nil, fmt.Errorf("this is a replica of %s:%s, expected a master", info["master_host"], info["master_port"])
	}
	if info["cluster_enabled"] == "1" && !member {
		return nil, errors.New("this is a member of a cluster, expected a URL with redis+cluster://")
	}
	switch policy := info["maxmemory_policy"]; policy {
	case "noeviction":
	case "":
		warnings = append(warnings, "it is unknown whether Redis evicts keys; maxmemory-policy has to be noeviction")
	default:
		return nil, fmt.Errorf("maxmemory-policy is %s, expected noeviction: with keys evicted, runs would lose tasks; "+
			"set it with: redis-cli config set maxmemory-policy noeviction", policy)
	}
	if info["aof_enabled"] == "0" {
		warnings = append(warnings, "Redis keeps no append-only file, so a restart of it loses the runs under way; "+
			"appendonly yes keeps them")
	}
	return warnings, nil
}

// readInfo reads INFO as a flat map. While the server is loading its data it tries again, until ctx ends.
func readInfo(ctx context.Context, client redis.Cmdable) (map[string]string, error) {
	for {
		text, err := client.Info(ctx).Result()
		if !redis.IsLoadingError(err) {
			return parseInfo(text), err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func parseInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

// recent reports whether a version is at least the oldest supported one. A version that cannot be parsed is assumed to
// be recent.
func recent(version string) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, err := strconv.Atoi(first)
	if err != nil {
		return true
	}
	minor, _ := strconv.Atoi(second)
	return major > oldestMajor || major == oldestMajor && minor >= oldestMinor
}

// explain adds to an error in the user's configuration what to change.
func explain(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	switch {
	case redis.IsAuthError(err) || strings.HasPrefix(text, "WRONGPASS") || strings.HasPrefix(text, "NOAUTH"):
		return fmt.Errorf("user or password are wrong or missing in the URL: %w", err)
	case strings.Contains(text, "first record does not look like a TLS handshake"):
		return fmt.Errorf("the server does not speak TLS, expected redis:// instead of rediss://: %w", err)
	case strings.Contains(text, "cluster support disabled"):
		return fmt.Errorf("the server is not part of a cluster, expected redis:// instead of redis+cluster://: %w", err)
	case strings.Contains(text, "unknown authority"):
		return fmt.Errorf("the server's certificate is signed by an unknown authority, expected it in CAFile: %w", err)
	}
	return err
}
