package sink

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size. As a setting it is a whole number, alone for bytes or with a
// unit: B; KB, MB, GB, TB, PB, EB (powers of 1000); KiB, MiB, GiB, TiB, PiB, EiB
// (powers of 1024). Units may be written in any case. It is never negative.
type Bytes int64

var errBytes = errors.New("want a size such as 64KiB, 100MiB or 1GB, or a number of bytes")

// byteUnits has the larger unit first.
var byteUnits = []struct {
	name string
	size int64
}{
	{"EiB", 1 << 60}, {"EB", 1e18},
	{"PiB", 1 << 50}, {"PB", 1e15},
	{"TiB", 1 << 40}, {"TB", 1e12},
	{"GiB", 1 << 30}, {"GB", 1e9},
	{"MiB", 1 << 20}, {"MB", 1e6},
	{"KiB", 1 << 10}, {"KB", 1e3},
	{"B", 1}, {"", 1},
}

// Set implements [flag.Value].
func (b *Bytes) Set(s string) error {
	s = strings.TrimSpace(s)
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	n, err := strconv.ParseInt(s[:digits], 10, 64)
	if err != nil {
		return errBytes
	}
	unit := strings.TrimSpace(s[digits:])
	for _, u := range byteUnits {
		if !strings.EqualFold(u.name, unit) {
			continue
		}
		if n > math.MaxInt64/u.size {
			return errBytes
		}
		*b = Bytes(n * u.size)
		return nil
	}
	return errBytes
}

// String returns the shortest form that is exact, with a unit where that is no
// longer than without.
func (b Bytes) String() string {
	shortest := strconv.FormatInt(int64(b), 10)
	if b <= 0 {
		return shortest
	}
	found := false
	for _, u := range byteUnits {
		if u.size == 1 || int64(b)%u.size != 0 {
			continue
		}
		s := strconv.FormatInt(int64(b)/u.size, 10) + u.name
		if len(s) < len(shortest) || len(s) == len(shortest) && !found {
			shortest, found = s, true
		}
	}
	return shortest
}

// Get implements [flag.Getter].
func (b Bytes) Get() any { return b }
