package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"time"
)

// newHandler returns the service.
func newHandler(logger *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) {
		name := r.FormValue("name")
		if name == "" {
			// The record has the request's id: Config.Context takes it from the context.
			logger.WarnContext(r.Context(), "a name is missing")
			http.Error(w, "who?", http.StatusBadRequest)
			return
		}
		logger.InfoContext(r.Context(), "greeting", "name", name)
		fmt.Fprintf(w, "hello, %s\n", name)
	})
	return withRequestID(logRequests(logger, mux))
}

// requestID is the key of the request's id in its context.
type requestID struct{}

// given is an id from outside that may stand in the logs.
var given = regexp.MustCompile(`^[\w.:-]{1,64}$`)

// withRequestID gives each request an id: that of X-Request-ID, if it is one that
// can be trusted not to be something else, or a new one.
func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-ID")
		if !given.MatchString(id) {
			id = rand.Text()
		}
		w.Header().Set("X-Request-ID", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestID{}, id)))
	})
}

// requestAttrs is Config.Context: attributes that every record with the context of
// a request has.
func requestAttrs(ctx context.Context) []slog.Attr {
	if id, ok := ctx.Value(requestID{}).(string); ok {
		return []slog.Attr{slog.String("request_id", id)}
	}
	return nil
}

// logRequests logs each request when it has been answered.
func logRequests(logger *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		logger.InfoContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", seen.status, "duration", time.Since(began))
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
