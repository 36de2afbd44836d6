// Package nearest finds the name that a misspelt one was probably meant to be.
package nearest

import "strings"

// Name returns the known name nearest to given, for a hint: one slip is allowed
// in a short name, more in a longer one.
func Name(given string, known []string) (name string, ok bool) {
	return Within(len(given)/3+1, given, known)
}

// Within returns the known name nearest to given, the first of several, if at
// most so many edits lead there: a byte put in, left out, changed, or swapped
// with its neighbour. The case of letters does not matter.
func Within(edits int, given string, known []string) (name string, ok bool) {
	given = strings.ToLower(given)
	for _, k := range known {
		if d := distance(given, strings.ToLower(k), edits); d <= edits {
			name, ok, edits = k, true, d-1
		}
	}
	return name, ok
}

// distance returns how many edits make a into b (optimal string alignment), or
// more than limit if it is more than limit.
func distance(a, b string, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
