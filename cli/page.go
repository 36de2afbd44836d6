package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"
)

// address is the value of a flag: where to listen. Empty: nowhere.
type address string

// Set implements flag.Value. A port alone is one of the loopback interface, and so
// is one without a host: what is served is for this machine, unless somebody says
// otherwise.
func (a *address) Set(s string) error {
	if isPort(s) {
		s = ":" + s
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || !isPort(port) {
		return errors.New("want a port such as 9090, or host:port")
	}
	if host == "" {
		host = "127.0.0.1"
	}
	*a = address(net.JoinHostPort(host, port))
	return nil
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// String implements flag.Value.
func (a *address) String() string { return string(*a) }

// listen returns nil if there is no address.
func (a address) listen() (net.Listener, error) {
	if a == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", string(a))
	if err != nil {
		return nil, fmt.Errorf("fapilog: --admin: %w; choose another port, or 0 for one that is free", err)
	}
	return l, nil
}

// The limits of a client of the page, which asks little and is answered at once.
const (
	pageHeader = 5 * time.Second
	pageRead   = 10 * time.Second
	pageWrite  = 30 * time.Second
	pageIdle   = 2 * time.Minute // longer than the interval of a scrape

	// pageClients is how many connections are accepted at a time; others wait. The
	// descriptors are for the sinks.
	pageClients = 16
)

// lastAnswers is how long answers under way may take when the page ends.
const lastAnswers = 100 * time.Millisecond

// page is an HTTP server.
type page struct {
	server *http.Server
	done   chan struct{} // closed when it serves no more
}

// servePage serves h on l until close.
func servePage(l net.Listener, h http.Handler) *page {
	p := &page{
		server: &http.Server{
			Handler:           h,
			ReadHeaderTimeout: pageHeader,
			ReadTimeout:       pageRead,
			WriteTimeout:      pageWrite,
			IdleTimeout:       pageIdle,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          log.New(io.Discard, "", 0), // what clients do wrong is theirs to see
		},
		done: make(chan struct{}),
	}
	go func() {
		defer close(p.done)
		_ = p.server.Serve(newLimited(l, pageClients)) // it ends with close, or with a listener that fails: the lines go on
	}()
	return p
}

// close ends the page. It waits for answers under way, for lastAnswers at most.
func (p *page) close() {
	ctx, cancel := context.WithTimeout(context.Background(), lastAnswers)
	defer cancel()
	if p.server.Shutdown(ctx) != nil {
		_ = p.server.Close()
	}
	<-p.done
}
