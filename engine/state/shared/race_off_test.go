//go:build !race

package shared_test

const seedShare = 1
