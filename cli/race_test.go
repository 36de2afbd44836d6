//go:build race

package cli

// raced says that the race detector runs, which makes everything slower.
const raced = true
