package journal

import "slices"

// detach makes the journal forget a cursor: it holds nothing back any more.
func (c *Cursor) detach() {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cursors = slices.DeleteFunc(j.cursors, func(other *Cursor) bool { return other == c })
	j.setMarks()
	j.releaseWaiting()
}
