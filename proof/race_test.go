//go:build race

package proof

// raced says that the race detector runs, which takes memory of its own.
const raced = true
