package fapilog

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
)

// absolute returns c with an absolute directory for a durable journal: the
// process may change its own.
func (c Config) absolute() (Config, error) {
	if c.Journal.Dir == "" || checkJournalDir(c.Journal.Dir) != nil {
		return c, nil // the mistake is told with the others
	}
	dir, err := filepath.Abs(c.Journal.Dir)
	if err != nil {
		return c, fmt.Errorf("fapilog: the journal's directory: %w", err)
	}
	c.Journal.Dir = dir
	return c, nil
}

// quarantine returns the directory of quarantines that nobody has chosen, or
// nothing.
func (c Config) quarantine() string {
	if c.Journal.Dir == "" {
		return ""
	}
	return filepath.Join(c.Journal.Dir, "quarantine")
}

// builtin returns the first layer of every sink.
func (c Config) builtin() Delivery {
	return builtin.with(Delivery{Quarantine: c.quarantine()})
}

var (
	// C: is a drive.
	uriPrefix   = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9+.-]+:|://)`)
	fsyncSuffix = regexp.MustCompile(`\?(.*&)?fsync(=|&|$)`)
	querySuffix = regexp.MustCompile(`\?[A-Za-z-]+=`)
)

// checkJournalDir reports a value that is meant to be more than a directory. It
// does not look at the directory.
func checkJournalDir(dir string) error {
	switch {
	case fsyncSuffix.MatchString(dir):
		return errors.New("fsync is not supported by this version; want the directory alone: its records survive the end of the process, not a power failure")
	}
	return checkDir(dir)
}

// checkDir reports a URI where a directory is wanted.
func checkDir(dir string) error {
	switch {
	case uriPrefix.MatchString(dir):
		return errors.New("want a directory, not a URI; one that has such a name is ./ and the name")
	case querySuffix.MatchString(dir):
		return errors.New("want a directory without parameters")
	}
	return nil
}

// dirSetting is the name of a directory, which check has no objection to.
func dirSetting(p *string, check func(dir string) error) flag.Value {
	text := textSetting(p)
	return setting{
		set: func(s string) error {
			if err := check(s); err != nil {
				return err
			}
			return text.Set(s)
		},
		show: text.String,
	}
}

// checkRoom reports the variable of a size in which so many records of maxRecord bytes
// do not find room, and makes the size unset. A maxRecord of 0 is the default.
func (e environment) checkRoom(word string, size *int64, records int64, maxRecord int) []error {
	maxRecord = cmp.Or(maxRecord, encode.DefaultMaxRecord)
	least := records * largestFrame(maxRecord)
	if *size == 0 || *size >= least {
		return nil
	}
	*size = 0
	what := "a record"
	if records > 1 {
		what = "two records"
	}
	return []error{malformed(envPrefix+word, e[envPrefix+word],
		fmt.Errorf("want %dKiB or more: room for %s of %v", (least+1023)>>10, what, sink.Bytes(maxRecord)))}
}

// checkMaxRecord makes FAPILOG_MAX_RECORD unset if the journal has no room for two such
// records, and reports it if no variable says how large the journal is.
func (e environment) checkMaxRecord(c *Config) []error {
	const name, size = envPrefix + "MAX_RECORD", envPrefix + "JOURNAL_MAX_BYTES"
	room := c.Journal.WithDefaults().MaxBytes
	least := 2 * largestFrame(c.MaxRecord)
	if c.MaxRecord == 0 || least <= room {
		return nil
	}
	c.MaxRecord = 0
	if strings.TrimSpace(e[size]) != "" {
		return nil // it is a mistake, and has been reported
	}
	return []error{malformed(name, e[name], fmt.Errorf("two such records do not fit into a journal of %v; raise %s to %dKiB or more, or lower this",
		sink.Bytes(room), size, (least+1023)>>10))}
}

// placeOf returns what identifies the destination of a URI: scheme, host and
// path. User, password and parameters may change while it stays the same.
func placeOf(uri string) string {
	place, _, _ := strings.Cut(uri, "?")
	u, err := url.Parse(place)
	if err != nil {
		return "" // a mistake, which others tell of
	}
	scheme := u.Scheme
	if scheme == "" {
		scheme = u.Path // it stands alone
		u.Path = ""
	}
	return strings.Join([]string{strings.ToLower(scheme), strings.ToLower(u.Host), u.Opaque + u.Path}, "\n")
}

// keyDrafts gives each sink the key under which a durable journal keeps how far
// it has come: its name or, if nobody gave it one, what its place comes to. It
// reports sinks without a key, and pairs with the same. A journal in memory keeps
// nothing.
func (c Config) keyDrafts(drafts []*draft) (mistakes []error) {
	if c.Journal.Dir == "" {
		return nil
	}
	taken := make(map[string]*draft)
	for _, d := range drafts {
		if d.disabled || d.unread {
			continue
		}
		switch {
		case d.key != "":
		case d.place == "":
			if !d.broken {
				mistakes = append(mistakes, d.mistake("a Sink without a Name; a durable journal needs one to find its place again"))
			}
			continue
		default:
			d.key = placeKey(d.scheme, d.place)
		}
		// Keys are names of files, and some systems do not tell A from a.
		folded := strings.ToLower(d.key)
		if first := taken[folded]; first != nil {
			if d.name != first.name { // else that is told already
				mistakes = append(mistakes, d.mistake("%s and sink %d, %s, are one to a durable journal, which tells sinks apart by name or by scheme, host and path; give them different names", d.name, first.number, first.name))
			}
			continue
		}
		taken[folded] = d
	}
	return mistakes
}

// placeKey returns the key of a sink without a name: the scheme and 12 hexadecimal
// digits of the place's SHA-256.
func placeKey(scheme, place string) string {
	const longest = 51 // with the digits, and what joins them, 64
	sum := sha256.Sum256([]byte(place))
	name := fileName(scheme)
	return name[:min(len(name), longest)] + "-" + hex.EncodeToString(sum[:6])
}
