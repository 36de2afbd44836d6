package cli

import (
	"fmt"

	"github.com/fapilog/fapilog/internal/nearest"
)

// didYouMean returns ` (did you mean "x"?)` for the name nearest to s, with the
// prefix that it is written with, or nothing where none is near.
func didYouMean(s string, names []string, prefix string) string {
	name, ok := nearest.Name(s, names)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", prefix+name)
}
