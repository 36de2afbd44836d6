package encode

import (
	"errors"
	"fmt"
	"math"
	"regexp"
)

// newSettings checks o and reports all its mistakes together.
func newSettings(o Options) (*settings, error) {
	var errs []error
	set := &settings{addSource: o.AddSource, replace: o.ReplaceAttr, max: o.MaxRecord}
	switch {
	case set.max == 0:
		set.max = DefaultMaxRecord
	case set.max < minMaxRecord:
		errs = append(errs, fmt.Errorf("encode: MaxRecord is %d bytes; it must be at least %d", o.MaxRecord, minMaxRecord))
	}
	set.stop = math.MaxInt / 2 // and some bytes more are no overflow
	if set.max <= set.stop/maxOversize {
		set.stop = set.max * maxOversize
	}
	folded := func(name string, keys []string) (words []string) {
		for i, key := range keys {
			word := foldKey(nil, key)
			if len(word) == 0 {
				errs = append(errs, fmt.Errorf("encode: Redact.%s[%d] %q has no character that counts", name, i, key))
				continue
			}
			words = append(words, string(word))
		}
		return words
	}
	words := append(sensitive[:len(sensitive):len(sensitive)], folded("Keys", o.Redact.Keys)...)
	except := folded("Except", o.Redact.Except)
	var patterns []*regexp.Regexp
	for i, p := range o.Redact.Patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			errs = append(errs, fmt.Errorf("encode: Redact.Patterns[%d]: %w", i, err))
			continue
		}
		patterns = append(patterns, re)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if !o.Redact.Off {
		set.rules = newRules(words, except, patterns)
	}
	return set, nil
}
