package file

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// stampLayout is the moment of a rotation, in UTC. Its text sorts by time.
	stampLayout = "20060102T150405.000"

	zipSuffix       = ".gz"
	temporarySuffix = ".gz.tmp"

	// longestMark is how much longer than the file's the longest name can be that is
	// made of it: stamp, counter, suffix.
	longestMark = len("-"+stampLayout) + len("-123456789") + len(temporarySuffix)
)

// names are the paths of a file and of what it is rotated to.
type names struct {
	path      string // of the file
	stem, ext string // of its name: app, .jsonl
	own       *regexp.Regexp
}

func namesOf(path string) *names {
	base := filepath.Base(path)
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	if stem == "" {
		stem, ext = ext, "" // .log is all name
	}
	own := `^` + regexp.QuoteMeta(stem) + `-([0-9]{8}T[0-9]{6}\.[0-9]{3})(?:-([1-9][0-9]{0,8}))?` + regexp.QuoteMeta(ext) + `(\.gz|\.gz\.tmp)?$`
	return &names{path: path, stem: stem, ext: ext, own: regexp.MustCompile(own)}
}

// mark tells the rotated files of one file apart and is their order.
type mark struct {
	stamp string // the moment of rotation, or a later one that was taken already
	n     int    // counts within the stamp, from 0
}

func (m mark) compare(o mark) int {
	return cmp.Or(strings.Compare(m.stamp, o.stamp), cmp.Compare(m.n, o.n))
}

// after returns the mark of a rotation now that comes after m. When the clock went
// back, or stands still, that is the next one of the same stamp: the order of marks is
// the order of rotations.
func (m mark) after(now time.Time) mark {
	stamp := now.UTC().Format(stampLayout)
	if stamp > m.stamp {
		return mark{stamp: stamp}
	}
	return mark{m.stamp, m.n + 1}
}

// time returns the moment the mark names.
func (m mark) time() time.Time {
	t, _ := time.Parse(stampLayout, m.stamp)
	return t
}

// rotated returns the path of the rotated file with this mark.
func (s *names) rotated(m mark) string {
	name := s.stem + "-" + m.stamp
	if m.n > 0 {
		name += "-" + strconv.Itoa(m.n)
	}
	return filepath.Join(filepath.Dir(s.path), name+s.ext)
}

// parse returns the mark in the name of a rotated file, and what follows its
// extension: nothing, zipSuffix or temporarySuffix.
func (s *names) parse(name string) (m mark, suffix string, ok bool) {
	parts := s.own.FindStringSubmatch(name)
	if parts == nil {
		return mark{}, "", false
	}
	if _, err := time.Parse(stampLayout, parts[1]); err != nil {
		return mark{}, "", false
	}
	n, _ := strconv.Atoi(parts[2]) // nothing: 0
	return mark{parts[1], n}, parts[3], true
}

// listing is what a directory has of a file's rotated ones, each in order.
type listing struct {
	all         []mark // in whatever form
	plain       []mark
	temporaries []mark
}

// latest returns the last mark; zero: there is none.
func (l listing) latest() mark {
	if len(l.all) == 0 {
		return mark{}
	}
	return l.all[len(l.all)-1]
}

// list reads the directory. One that is missing is empty.
func (s *names) list() (l listing, err error) {
	dir, err := os.Open(filepath.Dir(s.path))
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	} else if err != nil {
		return l, err
	}
	found, err := dir.Readdirnames(-1)
	if err := errors.Join(err, dir.Close()); err != nil {
		return l, err
	}
	for _, name := range found {
		m, suffix, ok := s.parse(name)
		switch {
		case !ok:
		case suffix == temporarySuffix:
			l.temporaries = append(l.temporaries, m)
		case suffix == "":
			l.plain = append(l.plain, m)
			fallthrough
		default:
			l.all = append(l.all, m)
		}
	}
	for _, marks := range []*[]mark{&l.all, &l.plain, &l.temporaries} {
		slices.SortFunc(*marks, mark.compare)
	}
	l.all = slices.Compact(l.all)
	return l, nil
}
