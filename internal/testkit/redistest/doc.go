// Package redistest starts real Redis servers for tests: one, a cluster of three masters, or a sentinel, each a
// redis-server of its own on a free port of the loopback interface with a folder of its own, and a Proxy that loses,
// delays or swallows what passes between a client and a server.
//
// A server is ready when Start returns, answers on the same port after Kill and Restart, and is gone when the test ends,
// even where the test's process was killed (on Linux). Starting one takes about 20 ms, a cluster about a second. Where
// there is no redis-server the test is skipped, and fails instead where REQUIRE_REDIS=1.
//
// Caveats: a server writes nothing to disk unless its arguments say so, hence Restart without "--appendonly", "yes"
// comes back empty. Servers are as slow as the machine: a Slowlog counts the time in which others had the processor.
package redistest
