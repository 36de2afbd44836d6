package loki

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// entry is a record as Loki stores it.
type entry struct {
	at   int64
	line string
	meta string // as JSON
}

// fakeLoki is a strict server. Like the real one it answers 400 to a push with a bad
// part and stores the rest, and keeps one of the entries of a stream that have the same
// time and line.
type fakeLoki struct {
	t        testing.TB
	listener *pipe.Listener

	maxLine int           // 0: no limit
	maxAge  time.Duration // 0: no limit

	mu       sync.Mutex
	answer   func(n int, w http.ResponseWriter) (done bool) // in place of the server's own; n is from 1
	lose     func(n int) bool                               // whether a push is stored and not answered
	down     bool                                           // connections are refused
	conns    []*pipe.Conn                                   // the clients' ends
	refused  int                                            // connections
	requests []request
	streams  map[string][]entry
	seen     map[string]bool
	twice    int // entries that were there already
	newest   map[string]int64
}

// request is a push.
type request struct {
	at      time.Time
	header  http.Header
	path    string
	entries int
	status  int
}

func newFake(t testing.TB) *fakeLoki {
	f := &fakeLoki{t: t, listener: pipe.Listen(), streams: map[string][]entry{}, seen: map[string]bool{}, newest: map[string]int64{}}
	server := &http.Server{Handler: f, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(f.listener)
	t.Cleanup(func() { server.Close() })
	return f
}

func (f *fakeLoki) dial(ctx context.Context, network, address string) (net.Conn, error) {
	f.mu.Lock()
	down := f.down
	if down {
		f.refused++
	}
	f.mu.Unlock()
	if down {
		return nil, syscall.ECONNREFUSED
	}
	c, err := f.listener.Dial(ctx, network, address)
	if conn, ok := c.(*pipe.Conn); ok {
		f.mu.Lock()
		f.conns = append(f.conns, conn)
		f.mu.Unlock()
	}
	return c, err
}

// crash has connections refused, and resets those that there are.
func (f *fakeLoki) crash() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = true
	for _, c := range f.conns {
		c.Reset()
	}
}

// config returns settings for this server.
func (f *fakeLoki) config(change func(*Config)) Config {
	c := Config{Labels: []string{"app=api"}}
	c.URL = &url.URL{Scheme: "http", Host: "loki.example:3100"}
	c.Dial = f.dial
	if change != nil {
		change(&c)
	}
	return c
}

func (f *fakeLoki) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, request{at: time.Now(), header: r.Header.Clone(), path: r.Method + " " + r.URL.Path})
	if f.answer != nil && f.answer(len(f.requests), w) {
		return
	}
	if r.Method == http.MethodGet && r.URL.Path == readyPath {
		fmt.Fprintln(w, "ready")
		return
	}
	this := &f.requests[len(f.requests)-1]
	n, err := f.push(r)
	this.entries, this.status = n, http.StatusNoContent
	if err != nil {
		this.status = http.StatusBadRequest
		http.Error(w, err.Error(), this.status)
		return
	}
	if f.lose != nil && f.lose(len(f.requests)) {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(this.status)
}

func (f *fakeLoki) push(r *http.Request) (n int, err error) {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, pushPath) || r.Header.Get("Content-Type") != "application/json" {
		f.t.Errorf("%s %s with %q is no push", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(r.Body); err != nil {
			return 0, err
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return 0, err
	}
	streams, err := readPush(text)
	if err != nil {
		f.t.Errorf("malformed push: %v", err)
		return 0, err
	}
	for _, s := range streams {
		n += len(s.entries)
		for _, e := range s.entries {
			if bad := f.check(s.labels, e); bad != nil {
				err = bad // the last one, and the others are stored
				continue
			}
			f.store(s.labels, e)
		}
	}
	return n, err
}

// check refuses what Loki would, in its words.
func (f *fakeLoki) check(labels string, e entry) error {
	oldest := time.Now().Add(-f.maxAge)
	if at := time.Unix(0, e.at); f.maxAge > 0 && at.Before(oldest) {
		return fmt.Errorf("entry for stream '%s' has timestamp too old: %v, oldest acceptable timestamp is: %v", labels, at.Format(time.RFC3339), oldest.Format(time.RFC3339))
	}
	if newest, ok := f.newest[labels]; ok && newest-e.at > int64(time.Hour) { // half of max_chunk_age; duplicates are not looked for yet
		return fmt.Errorf("entry too far behind, for stream '%s'", labels)
	}
	if f.maxLine > 0 && len(e.line) > f.maxLine {
		return fmt.Errorf("Max entry size '%d' bytes exceeded for stream '%s' while adding an entry with length '%d' bytes", f.maxLine, labels, len(e.line))
	}
	return nil
}

func (f *fakeLoki) store(labels string, e entry) {
	key := fmt.Sprint(labels, "\x00", e.at, "\x00", e.line)
	f.newest[labels] = max(f.newest[labels], e.at)
	if f.seen[key] {
		f.twice++
		return
	}
	f.seen[key] = true
	f.streams[labels] = append(f.streams[labels], e)
}

// all returns the entries, stream by stream.
func (f *fakeLoki) all() (entries []entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, labels := range slices.Sorted(maps.Keys(f.streams)) {
		entries = append(entries, f.streams[labels]...)
	}
	return entries
}

// labels returns the streams.
func (f *fakeLoki) labels() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.streams))
}

func (f *fakeLoki) pushes() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

func (f *fakeLoki) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// pushed is a stream of a request.
type pushed struct {
	labels  string // {app="api", env="prod"}
	entries []entry
}

// readPush reads a body as strictly as the documentation of the push API describes it.
func readPush(body []byte) (streams []pushed, err error) {
	var push struct {
		Streams []struct {
			Stream json.RawMessage
			Values [][]json.RawMessage
		}
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&push); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	known := make(map[string]bool)
	for _, s := range push.Streams {
		labels, err := readLabels(s.Stream)
		if err != nil {
			return nil, err
		}
		next := pushed{labels: labels}
		if known[labels] || len(s.Values) == 0 {
			return nil, fmt.Errorf("stream %s is empty or there twice", labels)
		}
		known[labels] = true
		for _, value := range s.Values {
			e, err := readEntry(value)
			if err != nil {
				return nil, err
			}
			next.entries = append(next.entries, e)
		}
		streams = append(streams, next)
	}
	return streams, nil
}

func readEntry(value []json.RawMessage) (e entry, err error) {
	if len(value) != 2 && len(value) != 3 {
		return e, fmt.Errorf("an entry of %d elements", len(value))
	}
	var at string
	if err := errors.Join(json.Unmarshal(value[0], &at), json.Unmarshal(value[1], &e.line)); err != nil {
		return e, err
	}
	if e.at, err = strconv.ParseInt(at, 10, 64); err != nil {
		return e, err
	}
	if len(value) == 3 {
		names, err := readObject(value[2])
		if err != nil {
			return e, err
		}
		size := 0
		for name, text := range names {
			size += len(name) + len(text)
		}
		if len(names) == 0 || len(names) > maxMetadataNames || size > maxMetadata {
			return e, fmt.Errorf("metadata of %d names and %d bytes", len(names), size)
		}
		e.meta = string(value[2])
	}
	return e, nil
}

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func readLabels(raw json.RawMessage) (string, error) {
	labels, err := readObject(raw)
	if err != nil {
		return "", err
	}
	if len(labels) == 0 || len(labels) > maxLabels {
		return "", fmt.Errorf("%d labels", len(labels))
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		value := labels[name]
		if !labelName.MatchString(name) || strings.HasPrefix(name, "__") || len(name) > maxName || value == "" || len(value) > maxValue {
			return "", fmt.Errorf("label %q=%q", name, value)
		}
		pairs = append(pairs, name+"="+strconv.Quote(value))
	}
	return "{" + strings.Join(pairs, ", ") + "}", nil
}

// readObject reads an object of strings, in which no name is there twice.
func readObject(raw json.RawMessage) (map[string]string, error) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("no object: %s", raw)
	}
	members := make(map[string]string)
	for d.More() {
		name, err1 := d.Token()
		value, err2 := d.Token()
		text, ok := value.(string)
		if _, again := members[fmt.Sprint(name)]; err1 != nil || err2 != nil || !ok || again {
			return nil, fmt.Errorf("no object of strings: %s", raw)
		}
		members[name.(string)] = text
	}
	return members, nil
}
