package cli

import "fmt"

// didYouMean returns ` (did you mean "x"?)` for the name nearest to s, with the
// prefix that it is written with, or nothing where none is near.
func didYouMean(s string, names []string, prefix string) string {
	best, nearest := "", len(s)/3+2 // one slip in a short name, more in a longer one
	for _, name := range names {
		if d := distance(s, name); d < nearest {
			best, nearest = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", prefix+best)
}

// distance returns how many bytes to insert, delete or replace make a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
