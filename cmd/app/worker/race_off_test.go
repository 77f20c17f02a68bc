//go:build !race

package worker

// raceEnabled leaves bounded memory out: the race detector's own counts, and there are terabytes of it.
const raceEnabled = false
