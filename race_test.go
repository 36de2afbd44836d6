//go:build race

package fapilog

// raced says that the race detector runs, which makes everything slower.
const raced = true
