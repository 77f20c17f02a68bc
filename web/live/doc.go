// Package live sends runs to browsers while they happen: the tables of metricsstore/runtable as frames, and summaries of runs as
// JSON. It uses WebSockets (ServeWebSocket) or, where those are blocked, server-sent events (ServeEvents).
//
// A Hub reads the log of a run once, for any number of watchers: one goroutine folds it into a table, and every
// subscriber has a cursor into that table and gets what changed since then whenever its socket has room. There are no
// queues, so a subscriber that reads slowly gets fewer and larger frames, costs the memory of one frame, and delays no
// other. Frames of subscribers at the same cursor are encoded once. A change is sent immediately if there was none
// within Config.PatchEvery, else at the end of that period. The hub never calls the run itself, only the store that
// records it. A subscriber that reconnects with its cursor continues there, without a gap or a repetition.
//
// Costs: some 25 KiB for an idle socket, some 130 bytes for each row of the runs that are being watched or were watched
// recently, and two calls of the store for each patch.
//
// Caveats: without Run, summaries do not change. The caller must check who may connect, except for the origin of
// WebSockets. Frames are not compressed. Errors sent to clients do not contain causes; the log does.
//
// The messages are described in PROTOCOL.md, the frames in metricsstore/runtable/FORMAT.md.
package live
