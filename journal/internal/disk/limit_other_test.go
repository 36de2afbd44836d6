//go:build darwin

package disk

// limited has no test here.
func limited() {}
