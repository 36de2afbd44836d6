package sink

import "strings"

// List is a list of texts. As a setting its items are separated by commas; white
// space around them is trimmed and empty ones are dropped.
type List []string

// Set implements [flag.Value]. It replaces the whole list.
func (l *List) Set(s string) error {
	var items List
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	*l = items
	return nil
}

// String joins the items with commas.
func (l List) String() string { return strings.Join(l, ",") }

// Get implements [flag.Getter].
func (l List) Get() any { return l }
