//go:build race

package elasticsearch

// raced says that the race detector runs, which makes everything slower.
const raced = true
