package console

import "os"

// Duplicate returns a duplicate of f's descriptor, numbered 3 or higher where
// the system has such numbers. A write to it that finds the reader of a pipe
// gone is an error, and never the end of the process. The caller closes it; f
// stays open.
func Duplicate(f *os.File) (*os.File, error) { return duplicate(f) }
