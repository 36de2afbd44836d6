package main

import (
	"errors"
	"io"
)

// An arm is one library, set up in one way.
type arm struct {
	library string
	detail  string // what distinguishes arms of one library, or empty
	shape   string
	sinks   int
	open    func(a arm, d destinations) (*subject, error)
}

// A subject is an arm set up and ready.
type subject struct {
	log   func(n int)                     // logs the record n times; safe for concurrent use
	check func(calls int) (string, error) // waits until the destinations have it; the ledger, and an error when the figure does not count; may be nil
	close func() error
}

func (a arm) String() string {
	s := a.library
	if a.detail != "" {
		s += ", " + a.detail
	}
	if a.shape == prebuilt {
		s += ", prebuilt attributes"
	}
	return s
}

// calls returns how many calls a run makes. Where nothing is kept between call and
// destination a quarter of them is enough.
func (a arm) calls(journalBytes int64) int {
	n := callsFor(journalBytes)
	if a.library != nameFapilog && a.sinks > 1 && peerNamed(a.library).kept == inTheCall {
		n /= 4
	}
	return n
}

// outputs are the destinations of a peer, and what is to be done about them.
type outputs struct {
	writers []io.Writer
	flushes []func() error // what is buffered goes to the writers
	closes  []func() error
}

// onFlush adds what a peer has to do until its destinations have everything.
func (o *outputs) onFlush(flush func() error) { o.flushes = append(o.flushes, flush) }

// openPeer opens a.sinks destinations and the peer that writes to them.
func openPeer(a arm, d destinations, calls func(*outputs) func(n int)) (*subject, error) {
	var o outputs
	closeAll := func() error { return errors.Join(all(o.flushes), all(o.closes)) }
	for i := range a.sinks {
		w, err := d.writer(i)
		if err != nil {
			return nil, errors.Join(err, closeAll())
		}
		o.closes = append(o.closes, w.Close)
		if c, ok := w.(nopCloser); ok {
			o.writers = append(o.writers, c.Writer) // io.Discard itself, which some libraries know
		} else {
			o.writers = append(o.writers, w)
		}
	}
	return &subject{
		log:   calls(&o),
		check: func(int) (string, error) { return "", all(o.flushes) },
		close: closeAll,
	}, nil
}

func all(functions []func() error) (err error) {
	for _, f := range functions {
		err = errors.Join(err, f())
	}
	return err
}
