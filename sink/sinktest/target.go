package sinktest

import (
	"bytes"
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// Target is a sink to be examined by [Run], and a server for it.
type Target struct {
	// New returns a new sink, which is to make its connections with dial, to any
	// one address, without TLS. It fails tb if it cannot; it is also called while
	// nothing can be reached. It must not follow redirects. The suite closes the
	// sink.
	New func(tb testing.TB, dial Dial) sink.Sink

	// Server serves what is dialled, and puts each record into store at the moment
	// at which it takes responsibility for it. It returns when l is closed, and
	// what it has started ends with the connections. As strict a server as
	// possible makes the best test.
	Server func(l net.Listener, store *Store)

	// HTTP says that the sink speaks HTTP/1.1. Otherwise the suite cannot know what
	// an answer is, and leaves out all behaviours that need one.
	HTTP bool

	// Want returns what the server is to have of r; nil: r.JSON as Text and no more.
	Want func(r sink.Record) Stored

	// Table has the verdicts that differ from [Table], each with its reason; they
	// go before it.
	Table []Row

	// Secrets are what New has told the sink and no error may hold. Without them
	// nothing is known of secrets.
	Secrets []string
}

// Dial connects to the server of a [Target], whatever the address. Its connections
// behave like those of TCP, deadlines included.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Stored is a record as a server has it. What is left zero by [Target.Want] is not
// compared.
type Stored struct {
	Text string    // of the record, in whatever form the server has it
	Time time.Time // at which it was logged
	// ID is by what the server can tell that it has the record already, such as the
	// record's id, or the batch's and a position in it. In Want any text says that
	// there is one: it is compared between the attempts and the records, and not with
	// Want's.
	ID string
}

// Store has the records of a [Target.Server], in the order in which they came. It
// is safe for concurrent use.
type Store struct {
	mu      sync.Mutex
	records []Stored
}

// Add adds records. A server that recognises one that it has does not add it again.
func (s *Store) Add(records ...Stored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, records...)
}

// Records returns a copy of all records.
func (s *Store) Records() []Stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.records)
}

// want returns what the server is to have of r.
func (t *Target) want(r sink.Record) Stored {
	if t.Want == nil {
		return Stored{Text: string(r.JSON)}
	}
	r.JSON = bytes.Clone(r.JSON)
	return t.Want(r)
}

// is reports whether s is what is wanted, its ID aside.
func (s Stored) is(want Stored) bool {
	return s.Text == want.Text && (want.Time.IsZero() || s.Time.Equal(want.Time))
}
