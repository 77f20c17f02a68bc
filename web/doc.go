// Package web serves the dashboard, the API and the live stream of one engine and its store.
//
// A Server puts the same checks before every route, pages, sockets, streams, assets and health included: the Host has
// to be a known one, so that no foreign name can be made to point here; requests that browsers make for other sites
// are refused; and where there is a token, it is asked for, as a bearer or as a cookie that /login sets. Paths with
// encoded slashes or steps upwards are refused before they are routed. Bodies, heads and times are bounded. What the
// server writes itself carries a policy that allows no inline script. Errors are problem details, or a page for
// somebody who navigates.
//
// Costs: some ten microseconds a request beside what it asks for, and the memory of the built dashboard, some hundred
// KiB. The server reads the log of a watched run once, however many watch it (package live).
//
// Caveats: there is no TLS; put a server that speaks it in front, on the same machine. A token opens everything. Run
// has to run for live views to change; Handler alone answers everything else.
package web
