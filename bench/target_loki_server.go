package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/gogo/protobuf/proto"
	"github.com/golang/snappy"
	"github.com/grafana/loki-client-go/pkg/logproto"
)

// lokiRole is a server that takes what is pushed as Loki does, counts it and
// keeps nothing.
const lokiRole = "loki"

// arrived is what a server has been sent.
type arrived struct {
	Records  int
	Requests int
	Bytes    int // of the bodies, as they came
}

// lokiServer implements the role. It tells its address; a GET of any path answers
// with what has arrived.
func lokiServer(in io.Reader, tell func(any) error, _ []string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: new(counter)}
	stopped := make(chan error, 1) // what Serve has returned
	go func() { stopped <- server.Serve(listener) }()
	if err := tell(listener.Addr().String()); err != nil {
		return err
	}
	err = untilEnd(in)
	err = errors.Join(err, server.Close())
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// counter counts what is pushed. Requests may overlap.
type counter struct {
	mu  sync.Mutex
	got arrived
}

// ServeHTTP implements [http.Handler].
func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(c.sum())
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		var n int
		if n, err = recordsIn(body, r.Header); err == nil {
			c.add(n, len(body))
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusBadRequest)
}

func (c *counter) sum() arrived {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got
}

func (c *counter) add(records, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got.Records += records
	c.got.Requests++
	c.got.Bytes += bytes
}

// recordsIn counts the records of a push request, by the two forms of
// https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs.
func recordsIn(body []byte, h http.Header) (int, error) {
	if h.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		if body, err = io.ReadAll(z); err != nil {
			return 0, err
		}
	}
	switch form := h.Get("Content-Type"); form {
	case "application/json":
		return recordsInJSON(body)
	case "application/x-protobuf":
		return recordsInProtobuf(body)
	default:
		return 0, fmt.Errorf("a push request as %q", form)
	}
}

// recordsInJSON counts the arrays of the third level: streams, values, record.
// It does not build what it reads, so that the server is not what the senders
// wait for.
func recordsInJSON(body []byte) (records int, err error) {
	if !bytes.HasPrefix(body, []byte(`{"streams":[`)) {
		return 0, errors.New("no push request")
	}
	depth := 0
	for len(body) > 0 {
		i := bytes.IndexAny(body, `"[]`)
		if i < 0 {
			break
		}
		c := body[i]
		body = body[i+1:]
		switch c {
		case '[':
			if depth++; depth == 3 {
				records++
			}
		case ']':
			depth--
		case '"':
			if body, err = afterString(body); err != nil {
				return 0, err
			}
		}
	}
	if depth != 0 {
		return 0, errors.New("a push request that is cut short")
	}
	return records, nil
}

// afterString returns what follows the string whose first quote was read.
func afterString(text []byte) ([]byte, error) {
	for {
		i := bytes.IndexAny(text, `"\`)
		if i < 0 || text[i] == '\\' && i+1 == len(text) {
			return nil, errors.New("a string that is cut short")
		}
		if text[i] == '"' {
			return text[i+1:], nil
		}
		text = text[i+2:]
	}
}

func recordsInProtobuf(body []byte) (records int, err error) {
	text, err := snappy.Decode(nil, body)
	if err != nil {
		return 0, err
	}
	var push logproto.PushRequest
	if err := proto.Unmarshal(text, &push); err != nil {
		return 0, err
	}
	for _, s := range push.Streams {
		records += len(s.Entries)
	}
	return records, nil
}
