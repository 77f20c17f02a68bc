// Package live carries runs to browsers while they happen: the tables of web/runtable as frames, and summaries of
// runs as JSON, over WebSockets (ServeWebSocket) or, where those are blocked, as server-sent events (ServeEvents).
//
// A Hub reads the log of a run once, however many watch it: one goroutine folds it into a table, and every subscriber
// has a cursor into that table and takes what changed behind it whenever its socket has room. There are no queues, so
// a subscriber that reads slowly gets fewer and larger frames and costs the memory of one frame, and nobody else
// waits for it. Frames of subscribers at the same cursor are encoded once. A change is sent at once when it comes
// after Config.PatchEvery of quiet and otherwise at the end of that time; the run itself is never called, only the
// store that records it. A subscriber that comes back with its cursor goes on there: no gap, and nothing twice.
//
// Costs: some 25 KiB for an idle socket, some 130 bytes for each row of the runs that are watched or were watched
// lately, and two calls of the store for each patch.
//
// Caveats: Run has to run, or summaries do not change. Who may connect is for the caller to check, except for the
// origin of WebSockets. Frames are not compressed. What clients are told of errors names no causes, the log does.
//
// The messages are written down in PROTOCOL.md, the frames in web/runtable/FORMAT.md.
package live
