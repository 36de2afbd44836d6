//go:build !race

package loki

// many is how many records a test takes to show that few requests find a bad one.
const many = 100_000
