// Command web is a service that logs through fapilog: every record of a request
// has the request's id, SIGTERM ends it in good order, and metrics and health are on
// a port of their own.
//
//	FAPILOG_SINKS=stdout://,file:app.jsonl FAPILOG_JOURNAL=journal go run ./examples/web
//	curl -H 'X-Request-ID: r-1' http://localhost:8080/hello?name=ada
//	curl http://localhost:9090/metrics
//
// ADDR and ADMIN_ADDR are where it listens: localhost:8080 and 127.0.0.1:9090 unless
// they are set.
package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/admin"
)

// How long the end may take: first for requests, then for sinks. Together they
// are less than the 30 s that Kubernetes waits by default.
const (
	requestsGrace = 10 * time.Second
	sinksGrace    = 10 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p, err := openPipeline(ctx)
	if err != nil {
		slog.Error("cannot log", "error", err) // all mistakes of the configuration together
		os.Exit(2)
	}
	slog.SetDefault(p.Logger())
	status := 0
	if err := run(ctx, p); err != nil {
		slog.Error("failed", "error", err)
		status = 1
	}
	// Not the context that has just ended: that would leave no time.
	closing, cancel := context.WithTimeout(context.Background(), sinksGrace)
	defer cancel()
	if err := p.Close(closing); err != nil {
		os.Stderr.WriteString(err.Error() + "\n") // names the sinks that have records left
	}
	os.Exit(status)
}

// openPipeline opens the sinks that the environment names.
func openPipeline(ctx context.Context) (*fapilog.Pipeline, error) {
	cfg, err := fapilog.ConfigFromEnv()
	if err != nil {
		return nil, err
	}
	cfg.Context = requestAttrs
	return fapilog.New(ctx, cfg)
}

// run listens and serves until ctx ends.
func run(ctx context.Context, p *fapilog.Pipeline) error {
	service, err := net.Listen("tcp", cmp.Or(os.Getenv("ADDR"), "localhost:8080"))
	if err != nil {
		return err
	}
	page, err := net.Listen("tcp", cmp.Or(os.Getenv("ADMIN_ADDR"), "127.0.0.1:9090"))
	if err != nil {
		return errors.Join(err, service.Close())
	}
	return serve(ctx, p, service, page)
}

// serve serves until ctx ends, and then until the requests under way are answered.
func serve(ctx context.Context, p *fapilog.Pipeline, service, page net.Listener) error {
	p.Logger().Info("listening", "addr", service.Addr().String(), "admin", page.Addr().String())
	requests, admins := newServer(newHandler(p.Logger())), newServer(admin.Handler(p))
	failed := make(chan error, 2) // a server has ended
	go func() { failed <- requests.Serve(service) }()
	go func() { failed <- admins.Serve(page) }()

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	p.Logger().Info("ending")
	ending, cancel := context.WithTimeout(context.Background(), requestsGrace)
	defer cancel()
	// The page ends last: until then it shows what is left.
	return errors.Join(err, requests.Shutdown(ending), admins.Close())
}

// newServer returns a server that a slow client cannot hold up for ever.
func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
}
