package fapilog

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// setting is a flag.Value made of functions. Package flag calls String on the
// zero setting too.
type setting struct {
	set     func(string) error
	show    func() string
	boolean bool
}

// Set implements [flag.Value].
func (s setting) Set(v string) error { return s.set(strings.TrimSpace(v)) }

// String implements [flag.Value].
func (s setting) String() string {
	if s.show == nil {
		return ""
	}
	return s.show()
}

// IsBoolFlag reports whether the setting's name alone sets it to true.
func (s setting) IsBoolFlag() bool { return s.boolean }

func countSetting(p *int) flag.Value {
	return setting{
		set: func(s string) error {
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 {
				return errors.New("want a whole number, 1 or more")
			}
			*p = n
			return nil
		},
		show: func() string { return strconv.Itoa(*p) },
	}
}

func bytesSetting[T int | int64](p *T) flag.Value {
	return setting{
		set: func(s string) error {
			var b sink.Bytes
			if err := b.Set(s); err != nil {
				return err
			}
			if b < 1 || sink.Bytes(T(b)) != b {
				return errors.New("want a size of 1 byte or more")
			}
			*p = T(b)
			return nil
		},
		show: func() string { return sink.Bytes(*p).String() },
	}
}

// durationSetting stores zero for a duration of 0; if that is 0 too, such a
// duration is an error.
func durationSetting(p *time.Duration, zero time.Duration) flag.Value {
	return setting{
		set: func(s string) error {
			var d sink.Duration
			if err := d.Set(s); err != nil {
				return err
			}
			if d == 0 && zero == 0 {
				return errors.New("want a duration longer than 0")
			}
			*p = time.Duration(d)
			if d == 0 {
				*p = zero
			}
			return nil
		},
		show: func() string { return sink.Duration(max(0, *p)).String() },
	}
}

func blockTimeoutSetting(p *time.Duration) flag.Value {
	bounded := durationSetting(p, 0)
	return setting{
		set: func(s string) error {
			if strings.EqualFold(s, "forever") {
				*p = Forever
				return nil
			}
			if err := bounded.Set(s); err != nil {
				return fmt.Errorf("%w, or forever", err)
			}
			return nil
		},
		show: func() string {
			if *p == Forever {
				return "forever"
			}
			return bounded.String()
		},
	}
}

func levelSetting(p *slog.Leveler) flag.Value {
	return setting{
		set: func(s string) error {
			var l sink.Level
			if err := l.Set(s); err != nil {
				return err
			}
			*p = l.Level()
			return nil
		},
		show: func() string {
			if *p == nil {
				return ""
			}
			return sink.Level((*p).Level()).String()
		},
	}
}

func textSetting(p *string) flag.Value {
	return setting{
		set: func(s string) error {
			if s == "" {
				return errors.New("want a text that is not empty")
			}
			*p = s
			return nil
		},
		show: func() string { return *p },
	}
}

// validName is what may be part of a file's name and of a metric's label.
var (
	validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	errName   = errors.New("want 1 to 64 letters, digits and . _ -, the first a letter or digit")
)

func nameSetting(p *string) flag.Value {
	return setting{
		set: func(s string) error {
			if !validName.MatchString(s) {
				return errName
			}
			*p = s
			return nil
		},
		show: func() string { return *p },
	}
}

func boolSetting(p *bool) flag.Value {
	return setting{
		set: func(s string) (err error) {
			*p, err = parseBool(s)
			return err
		},
		show:    func() string { return strconv.FormatBool(*p) },
		boolean: true,
	}
}

// breakerSetting says the opposite of Breaker.Off, and that it was said.
func (d *Delivery) breakerSetting() flag.Value {
	return setting{
		set: func(s string) error {
			on, err := parseBool(s)
			if err != nil {
				return err
			}
			d.Breaker.Off, d.breakerOn = !on, on
			return nil
		},
		show:    func() string { return strconv.FormatBool(!d.Breaker.Off) },
		boolean: true,
	}
}

// parseBool reads what pydantic reads as a bool, in any case: variables written
// for the Python original hold it.
func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "on", "1":
		return true, nil
	case "false", "f", "no", "n", "off", "0":
		return false, nil
	}
	return false, errors.New("want true or false")
}

// choiceSetting has the names of a setting's constants, which start at 1.
func choiceSetting[T ~int](p *T, names []string) flag.Value {
	return setting{
		set: func(s string) error {
			var name string
			if err := sink.Enum(&name, names[1:]...).Set(s); err != nil {
				return err
			}
			*p = T(slices.Index(names, name))
			return nil
		},
		show: func() string { return names[*p] },
	}
}
