package sink

import (
	"errors"
	"math"
	"strings"
	"time"
)

// Duration is a time span. As a setting it is what [time.ParseDuration] reads,
// with days in front if need be: 250ms, 1m30s, 7d, 1d12h. A number needs a unit,
// but for 0. It is never negative.
type Duration time.Duration

var (
	errDuration     = errors.New("want a duration such as 250ms, 5s, 1m30s or 7d")
	errDurationUnit = errors.New("unit missing; want a duration such as 250ms, 5s, 1m30s or 7d")
	errDurationSign = errors.New("want a duration that is not negative")
)

const day = 24 * time.Hour

// Set implements [flag.Value].
func (d *Duration) Set(s string) error {
	v, err := parseDuration(strings.TrimSpace(s))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

func parseDuration(s string) (time.Duration, error) {
	days, rest, hasDays := strings.Cut(s, "d")
	if !hasDays {
		return parseGoDuration(s)
	}
	if strings.Trim(strings.TrimPrefix(days, "-"), "0123456789.") != "" {
		return 0, errDuration // days are not in front
	}
	// As many hours as days, then 24 times that: time.ParseDuration knows
	// fractions, signs and overflow.
	v, err := parseGoDuration(days + "h")
	if err != nil {
		return 0, err
	}
	if v > math.MaxInt64/24 {
		return 0, errDuration
	}
	v *= 24
	if rest == "" {
		return v, nil
	}
	if strings.TrimLeft(rest[:1], "0123456789.") != "" {
		return 0, errDuration // a second sign
	}
	r, err := parseGoDuration(rest)
	if err != nil {
		return 0, err
	}
	if v > math.MaxInt64-r {
		return 0, errDuration
	}
	return v + r, nil
}

func parseGoDuration(s string) (time.Duration, error) {
	v, err := time.ParseDuration(s)
	switch {
	case err != nil && s != "" && strings.Trim(s, "0123456789.") == "":
		return 0, errDurationUnit
	case err != nil:
		return 0, errDuration
	case v < 0:
		return 0, errDurationSign
	}
	return v, nil
}

// String returns whole days as 7d, and everything else as [time.Duration] does
// but without zero minutes and seconds at the end: 1h30m.
func (d Duration) String() string {
	v := time.Duration(d)
	if v >= day && v%day == 0 {
		return strings.TrimSuffix((v/24).String(), "h0m0s") + "d"
	}
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Get implements [flag.Getter].
func (d Duration) Get() any { return d }
