package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	clear   func() error // after each run; nil: there is nothing to clear
}

// cleared clears what a run has left.
func (d destinations) cleared() error {
	if d.clear == nil {
		return nil
	}
	return d.clear()
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

// files appends to files in dir, one for each destination. On the peers' side they
// are not buffered, unless the peer does so.
func files(dir string) destinations {
	path := func(side string, i int) string { return filepath.Join(dir, fmt.Sprintf("%s-%d.log", side, i)) }
	return destinations{
		kind: "file",
		writer: func(i int) (io.WriteCloser, error) {
			return os.OpenFile(path("peer", i), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		},
		route: func(i int) fapilog.Route {
			return fapilog.Route{URI: "file://" + path("fapilog", i)}
		},
		clear: func() error {
			written, err := filepath.Glob(filepath.Join(dir, "*.log"))
			for _, name := range written {
				// A library may still be removing its old files.
				if e := os.Remove(name); !errors.Is(e, fs.ErrNotExist) {
					err = errors.Join(err, e)
				}
			}
			return err
		},
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
