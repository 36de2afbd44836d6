package http

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Statuses are those that mean success. As a setting they are a list such as
// 200,202, or 2xx, which is nil.
type Statuses []int

// any2xx is how nil is written.
const any2xx = "2xx"

var errStatuses = errors.New("want statuses such as 200,202, or 2xx for any of them")

// Set implements [flag.Value].
func (s *Statuses) Set(text string) error {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, any2xx) {
		*s = nil
		return nil
	}
	var statuses Statuses
	for item := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil {
			return errStatuses
		}
		statuses = append(statuses, n)
	}
	if statuses.check() != nil {
		return errStatuses
	}
	*s = statuses
	return nil
}

// String returns the list as Set reads it.
func (s Statuses) String() string {
	if s == nil {
		return any2xx
	}
	items := make([]string, len(s))
	for i, n := range s {
		items[i] = strconv.Itoa(n)
	}
	return strings.Join(items, ",")
}

// Get implements [flag.Getter].
func (s Statuses) Get() any { return s }

// has reports whether status means success.
func (s Statuses) has(status int) bool {
	if s == nil {
		return status/100 == 2
	}
	return slices.Contains(s, status)
}

// check reports what cannot be a final status.
func (s Statuses) check() error {
	for _, n := range s {
		if n < 200 || n > 599 {
			return fmt.Errorf("success: %d is not a status from 200 to 599", n)
		}
	}
	if s != nil && len(s) == 0 {
		return errors.New("success: the list is empty; leave it out for any 2xx")
	}
	return nil
}
