package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

// destinations are what the arms write to. The two functions make the i-th
// destination of the same kind: for a peer, which writes each record by itself,
// and for fapilog.
type destinations struct {
	kind    string
	writer  func(i int) (io.WriteCloser, error)
	route   func(i int) fapilog.Route
	release func()       // before fapilog is closed: lets go what hangs; nil: nothing does
	clear   func() error // after each turn: what was written is no more; nil: nothing is kept
	remove  func() error // after the run; nil: there is nothing to remove
}

func (d destinations) cleared() error { return callIf(d.clear) }
func (d destinations) removed() error { return callIf(d.remove) }

func callIf(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

// discard takes everything and keeps nothing.
func discard() destinations {
	return destinations{
		kind:   "discard",
		writer: func(int) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil },
		route: func(int) fapilog.Route {
			return fapilog.Route{Sink: sink.Func(func(context.Context, []sink.Record) error { return nil })}
		},
	}
}

// discards is discard for each arm of several.
func discards() (destinations, error) { return discard(), nil }

// files returns files for one arm of several: a sink appends to a file for each of its
// destinations. They are in a directory of their own in s.dir, are emptied after each
// turn, so that the system has not to write back what nobody wants, and removed after the run. On the peers' side they are not buffered, unless the peer does so.
func (s *session) files() (destinations, error) {
	dir, err := os.MkdirTemp(s.dir, "files-")
	path := func(side string, i int) string { return filepath.Join(dir, fmt.Sprintf("%s-%d.log", side, i)) }
	return destinations{
		kind: "file",
		writer: func(i int) (io.WriteCloser, error) {
			return os.OpenFile(path("peer", i), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		},
		route: func(i int) fapilog.Route {
			return fapilog.Route{URI: "file://" + path("fapilog", i)}
		},
		clear:  func() error { return emptied(dir) },
		remove: func() error { return os.RemoveAll(dir) },
	}, err
}

// emptied cuts all files in dir to nothing.
func emptied(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type().IsRegular() {
			err = errors.Join(err, os.Truncate(filepath.Join(dir, e.Name()), 0))
		}
	}
	return err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
