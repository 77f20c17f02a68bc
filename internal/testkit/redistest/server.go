package redistest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is a redis-server, a cluster of them, or a sentinel. Kill, Restart, Freeze and Thaw belong to one goroutine at a time.
type Server struct {
	t         testing.TB
	processes []*process
	cluster   bool
	sentinel  string // the name of what it watches
}

// Start runs a redis-server until the test ends. args are further arguments of redis-server, as "--appendonly", "yes";
// they win over those that Start gives itself.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t}
	s.launch(find(t), "", args)
	return s
}

// Sentinel runs a sentinel that watches a server, under a name, until the test ends. It finds the server's replicas by
// itself, and makes one of them the master soon after the server has vanished.
func Sentinel(t testing.TB, name string, master *Server) *Server {
	t.Helper()
	config := filepath.Join(t.TempDir(), "sentinel.conf") // which it rewrites
	text := fmt.Sprintf("sentinel monitor %[1]s 127.0.0.1 %[2]s 1\nsentinel down-after-milliseconds %[1]s 300\n"+
		"sentinel failover-timeout %[1]s 2000\n", name, master.processes[0].port())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatalf("redistest: %v", err)
	}
	s := &Server{t: t, sentinel: name}
	s.launch(find(t), config, []string{"--sentinel"})
	return s
}

// Cluster runs a cluster of three masters without replicas until the test ends. args are as those of Start.
func Cluster(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, cluster: true}
	binary := find(t)
	for range 3 {
		s.launch(binary, "", append([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", "2000"}, args...))
	}
	s.join()
	return s
}

// find is the path of redis-server.
func find(t testing.TB) string {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err == nil {
		return binary
	}
	if os.Getenv("REQUIRE_REDIS") == "1" {
		t.Fatal("redistest: redis-server is not installed, and REQUIRE_REDIS=1")
	}
	t.Skip("redistest: redis-server is not installed")
	return ""
}

// launch starts one more process and has it killed when the test ends.
func (s *Server) launch(binary, config string, args []string) {
	s.t.Helper()
	p, err := launch(binary, s.t.TempDir(), config, args)
	if err != nil {
		s.t.Fatalf("redistest: %v", err)
	}
	s.processes = append(s.processes, p)
	s.t.Cleanup(p.kill)
}

// join makes the processes one cluster: a third of the slots each, then waits until all of them see all of it.
func (s *Server) join() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), startTimeout)
	defer cancel()
	const slots = 16384
	first := s.processes[0]
	for i, p := range s.processes {
		from, to := slots*i/len(s.processes), slots*(i+1)/len(s.processes)-1
		client := redis.NewClient(&redis.Options{Addr: p.address})
		// Epochs that differ from the start spare the election between equal ones.
		s.must(client.Do(ctx, "cluster", "set-config-epoch", i+1).Err())
		s.must(client.ClusterAddSlotsRange(ctx, from, to).Err())
		if p != first {
			s.must(client.ClusterMeet(ctx, "127.0.0.1", first.port()).Err())
		}
		s.must(client.Close())
	}
	for _, p := range s.processes {
		s.must(waitFor(ctx, p.address, func(c *redis.Client) error {
			info, err := c.ClusterInfo(ctx).Result()
			if err != nil {
				return err
			}
			for _, want := range []string{"cluster_state:ok", "cluster_known_nodes:3", "cluster_size:3"} {
				if !strings.Contains(info, want) {
					return fmt.Errorf("cluster info of %s has no %s", p.address, want)
				}
			}
			return nil
		}))
	}
}

func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("redistest: %v", err)
	}
}

// URL is where the server is, as redis://host:port, redis+cluster://host:port,host:port,host:port or
// redis+sentinel://host:port/name.
func (s *Server) URL() string {
	switch {
	case s.cluster:
		return "redis+cluster://" + strings.Join(s.Addresses(), ",")
	case s.sentinel != "":
		return "redis+sentinel://" + s.processes[0].address + "/" + s.sentinel
	default:
		return "redis://" + s.processes[0].address
	}
}

// Addresses are host:port of each process.
func (s *Server) Addresses() []string {
	var all []string
	for _, p := range s.processes {
		all = append(all, p.address)
	}
	return all
}

// Client is a client of the server, closed when t ends.
func (s *Server) Client(t testing.TB) redis.UniversalClient {
	t.Helper()
	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: s.Addresses(), IsClusterMode: s.cluster})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// Dir is the working folder of the first process, where it keeps its files and may be given some.
func (s *Server) Dir() string { return s.processes[0].dir }

// Kill ends every process at once, as kill -9 does; what was not written to disk is lost.
func (s *Server) Kill() {
	for _, p := range s.processes {
		p.kill()
	}
}

// Restart starts what Kill has ended, on the same ports, in the same folders and with the same arguments. It returns
// when the server answers again.
func (s *Server) Restart() {
	s.t.Helper()
	for _, p := range s.processes {
		p.kill()
		s.must(p.start())
	}
	if !s.cluster {
		return
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), startTimeout)
	defer cancel()
	for _, p := range s.processes {
		s.must(waitFor(ctx, p.address, func(c *redis.Client) error {
			info, err := c.ClusterInfo(ctx).Result()
			if err == nil && !strings.Contains(info, "cluster_state:ok") {
				err = fmt.Errorf("the cluster is not ok for %s", p.address)
			}
			return err
		}))
	}
}

// Freeze stops every process in its tracks, as SIGSTOP does: connections stay open and nothing is answered.
func (s *Server) Freeze() {
	s.t.Helper()
	for _, p := range s.processes {
		s.must(p.freeze())
	}
}

// Thaw continues the processes that Freeze has stopped.
func (s *Server) Thaw() {
	s.t.Helper()
	for _, p := range s.processes {
		s.must(p.thaw())
	}
}

// Slowlog is what every process has recorded as slow so far, the latest first: commands that took longer than
// slowlog-log-slower-than, by default 10 ms. ResetSlowlog forgets it.
func (s *Server) Slowlog() []redis.SlowLog {
	s.t.Helper()
	var all []redis.SlowLog
	s.each(func(ctx context.Context, c *redis.Client) error {
		entries, err := c.SlowLogGet(ctx, -1).Result()
		all = append(all, entries...)
		return err
	})
	return all
}

// ResetSlowlog forgets what is in the slow log.
func (s *Server) ResetSlowlog() {
	s.t.Helper()
	s.each(func(ctx context.Context, c *redis.Client) error { return c.Do(ctx, "slowlog", "reset").Err() })
}

// each calls do with a client of each process.
func (s *Server) each(do func(context.Context, *redis.Client) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for _, p := range s.processes {
		client := redis.NewClient(&redis.Options{Addr: p.address})
		s.must(do(ctx, client))
		s.must(client.Close())
	}
}

// startTimeout bounds how long a server may take to answer; machines that run tests are slow at times.
const startTimeout = 30 * time.Second

// FreePort is a port that was free a moment ago, for what args of Start have to name.
func FreePort(t testing.TB) string {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	return strconv.Itoa(port)
}
