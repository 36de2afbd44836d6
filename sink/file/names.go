package file

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
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
}

func namesOf(path string) *names {
	base := filepath.Base(path)
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	if stem == "" {
		stem, ext = ext, "" // .log is all name
	}
	return &names{path: path, stem: stem, ext: ext}
}

// isCompressed reports whether the name is one that compressed files have.
func isCompressed(path string) bool {
	return strings.HasSuffix(path, zipSuffix) || strings.HasSuffix(path, temporarySuffix)
}

// mark tells the rotated files of one file apart and is their order.
type mark struct {
	stamp string // the moment of rotation, or a later one if that was taken
	n     int    // counts within the stamp, from 0: more than 0 only when the clock, or a name that is there, has come to the end of the year 9999
}

func (m mark) compare(o mark) int {
	return cmp.Or(strings.Compare(m.stamp, o.stamp), cmp.Compare(m.n, o.n))
}

// after returns the mark of a rotation now that comes after m. When the clock went
// back, or stands still, that is m and a millisecond: the order of marks, which is that
// of their text, is the order of rotations.
func (m mark) after(now time.Time) mark {
	if stamp := now.UTC().Format(stampLayout); stamp > m.stamp {
		return mark{stamp: stamp}
	}
	if next := m.time().Add(time.Millisecond).Format(stampLayout); next > m.stamp {
		return mark{stamp: next}
	}
	return mark{m.stamp, m.n + 1} // the year 9999 is over
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
	for _, suffix = range []string{temporarySuffix, zipSuffix, ""} {
		if whole, found := strings.CutSuffix(name, s.ext+suffix); found {
			text, found := strings.CutPrefix(whole, s.stem+"-")
			if m, ok = parseMark(text); ok && found {
				return m, suffix, true
			}
			break
		}
	}
	return mark{}, "", false
}

// parseMark reads a stamp, and a number behind it if there is one.
func parseMark(text string) (m mark, ok bool) {
	m.stamp, text, ok = strings.Cut(text, "-")
	if ok {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != text {
			return mark{}, false
		}
		m.n = int(n)
	}
	t, err := time.Parse(stampLayout, m.stamp)
	return m, err == nil && t.Format(stampLayout) == m.stamp // Parse takes a comma too
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
