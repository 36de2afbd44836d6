//go:build race

package loki

// many is how many records a test takes to show that few requests find a bad one: fewer
// where the race detector makes everything slower.
const many = 20_000
