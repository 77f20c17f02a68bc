// Package web serves the dashboard, the API and the live stream of one engine and its store.
//
// A Server applies the same checks to every route, including pages, sockets, streams, assets and health: the Host must be
// a known one, which protects against DNS rebinding; requests that browsers make on behalf of other sites are refused;
// and if a token is configured, the request must carry it, as a bearer token or as the cookie that /login sets. Paths
// with encoded slashes or ".." are refused before they are routed. Bodies, headers and durations are bounded. Responses
// carry a content security policy that allows no inline script. Errors are problem details, or a page if a browser
// navigates.
//
// Costs: about ten microseconds for each request in addition to what it asks for, and the memory of the built dashboard,
// a few hundred KiB. The server reads the log of a watched run once, however many clients watch it (package live).
//
// Caveats: there is no TLS; put a proxy that terminates it in front, on the same machine. A token grants access to
// everything. Live views change only while Run runs; Handler alone answers everything else.
package web
