//go:build race

package shared_test

// seedShare: one of so many seeds is tried under the race detector, which is ten times slower, and which itself fails now
// and then after some millions of switches between goroutines ("ThreadSanitizer: CHECK failed").
const seedShare = 2
