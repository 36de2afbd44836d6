package encode

import (
	"testing"
	"time"
)

func TestStampIsThatOfTheTimePackage(t *testing.T) {
	zones := []*time.Location{time.UTC, time.Local, time.FixedZone("a", 3600), time.FixedZone("b", 3600), time.FixedZone("c", -5400), time.FixedZone("d", 30)}
	nanos := []int64{0, 1, 10, 999_999_999, 100_000_000, 123_456_789, 120_000, 987_654_320}
	var c stamp
	check := func(at time.Time) {
		t.Helper()
		want := `"time":"` + at.Format(time.RFC3339Nano) + `"`
		if got := c.append(nil, at); string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	check(time.Unix(0, 0)) // the second a zero stamp seems to hold
	for _, second := range []int64{-1, 0, 1, 1_700_000_000, -62167219200 + 86400, 253402300799 - 86400} {
		for _, n := range nanos {
			for _, zone := range zones {
				check(time.Unix(second, n).In(zone))
			}
		}
	}
	for _, offset := range []int64{3_600_000_000, -36_000_000_000} { // of a million hours, longer than what is kept
		if int64(int(offset)) != offset {
			continue // a zone has an int, which may have 32 bits
		}
		for _, n := range nanos {
			check(time.Unix(1_700_000_000, n).In(time.FixedZone("e", int(offset))))
		}
	}
	for range 100 {
		check(time.Now())
	}
}

func TestYearsOfMoreOrLessThanFourDigitsAreRefused(t *testing.T) {
	var c stamp
	for _, year := range []int{-1, 10000} {
		for range 2 { // not kept either
			if got := c.append(nil, time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)); string(got) != `"time":"`+errYear+`"` {
				t.Errorf("year %d is %s", year, got)
			}
		}
	}
}
