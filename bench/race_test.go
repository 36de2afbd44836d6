//go:build race

package main

// raceEnabled: sync.Pool then drops some of what it is given.
const raceEnabled = true
