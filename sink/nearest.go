package sink

import (
	"fmt"
	"strings"

	"github.com/fapilog/fapilog/internal/nearest"
)

// didYouMean returns ` (did you mean "x"?)` for the candidate nearest to s, or
// nothing where none is near.
func didYouMean(s string, candidates []string) string {
	name, ok := nearest.Name(s, candidates)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", name)
}

// orList returns the items as text: a, b or c.
func orList(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	n := len(items) - 1
	return strings.Join(items[:n], ", ") + " or " + items[n]
}
