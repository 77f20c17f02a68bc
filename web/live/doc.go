// Package live carries runs to browsers while they happen: the tables of web/runtable as frames, and summaries of
// runs as JSON, over WebSockets (ServeWebSocket) or, where those are blocked, as server-sent events (ServeEvents).
//
// A Hub reads the log of a run once, for any number of watchers: one goroutine folds it into a table, and every subscriber
// has a cursor into that table and gets what changed since then whenever its socket has room. There are no queues, so
// a subscriber that reads slowly gets fewer and larger frames, costs the memory of one frame, and delays no other.
// Frames of subscribers at the same cursor are encoded once. A change is sent at once if it comes
// after Config.PatchEvery without one, else at the end of that time; the run itself is never called, only the
// store that records it. A subscriber that reconnects with its cursor continues there: no gap, and nothing twice.
//
// Costs: some 25 KiB for an idle socket, some 130 bytes for each row of the runs that are watched or were watched
// lately, and two calls of the store for each patch.
//
// Caveats: without Run, summaries do not change. The caller must check who may connect, except for the
// origin of WebSockets. Frames are not compressed. Errors that clients get name no causes; the log does.
//
// The messages are described in PROTOCOL.md, the frames in web/runtable/FORMAT.md.
package live
