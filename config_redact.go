package fapilog

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
)

// bindRedact binds r's fields to the variables.
func bindRedact(r *encode.Redact, fs *flag.FlagSet) {
	fs.Var(setting{
		set: func(s string) error {
			on, err := parseBool(s)
			r.Off = err == nil && !on
			return err
		},
		show:    func() string { return strconv.FormatBool(!r.Off) },
		boolean: true,
	}, "redact", "mask what is secret, by keys and in URLs")
	fs.Var(keysSetting(&r.Keys), "redact-keys", "further `words`, separated by commas: a key that ends in one is masked")
	fs.Var(keysSetting(&r.Except), "redact-except", "`keys` that are not masked, separated by commas")
	fs.Var(patternSetting(&r.Patterns), "redact-pattern", "`regexp` (RE2) for what else is masked in strings")
}

func keysSetting(p *[]string) flag.Value {
	return setting{
		set: func(s string) error {
			var keys sink.List
			_ = keys.Set(s) // any text is a list
			for _, key := range keys {
				if strings.Trim(key, "_-.") == "" {
					return errors.New("want characters besides _ - . in a key")
				}
			}
			if len(keys) == 0 {
				return errors.New("want keys, separated by commas")
			}
			*p = keys
			return nil
		},
		show: func() string { return sink.List(*p).String() },
	}
}

// patternSetting is one regular expression, and shows several as one.
func patternSetting(p *[]string) flag.Value {
	return setting{
		set: func(s string) error {
			if _, err := regexp.Compile(s); err != nil {
				return fmt.Errorf("want a regular expression (RE2): %w", err)
			}
			*p = []string{s}
			return nil
		},
		show: func() string {
			if len(*p) > 1 {
				return "(?:" + strings.Join(*p, ")|(?:") + ")"
			}
			return strings.Join(*p, "")
		},
	}
}

func maxRecordSetting(p *int) flag.Value {
	var n int
	size := bytesSetting(&n)
	return setting{
		set: func(s string) error {
			if err := size.Set(s); err != nil {
				return err
			}
			if _, err := encode.New(encode.Options{MaxRecord: n}); err != nil {
				return errors.New("want 1KiB or more")
			}
			*p = n
			return nil
		},
		show: func() string { return sink.Bytes(*p).String() },
	}
}
