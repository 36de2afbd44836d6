//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package cli

import "os"

// sizeOf finds no terminal on systems where nobody has tried it.
func sizeOf(*os.File) screen { return screen{} }

// inBackground is of Unix.
func inBackground(any) bool { return false }
