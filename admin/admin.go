// Package admin shows over HTTP what a pipeline does: metrics for Prometheus,
// health for whoever restarts and routes, the ledger, and the sinks' levels, which
// can be changed.
//
//	go http.ListenAndServe("127.0.0.1:9090", admin.Handler(p))
//
// There is no authentication: anybody who can connect can read the names of the
// sinks, their last errors and the journal's directory, and change levels. Serve it
// on a loopback address, or behind something that asks who is there. Nothing that it
// shows has a secret of a sink's URI in it.
package admin

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/fapilog/fapilog"
)

// Handler returns a handler with these paths, relative to where it is mounted
// (with [http.StripPrefix], if that is not the root):
//
//	/         what there is, as text
//	/metrics  for Prometheus, in its text format 0.0.4
//	/healthz  200 until the pipeline is closed, then 503; JSON with each sink's
//	          health. With ?sinks=all, or ?sinks=NAME,NAME, 503 also if one of these
//	          is not well
//	/readyz   200 while the pipeline accepts records, then 503
//	/stats    the ledger: [fapilog.Stats] as JSON
//	/level    the least level of each sink, as JSON. PUT ?level=LEVEL&sink=NAME, or
//	          {"level": …, "sink": …} as the body, sets it; of all sinks without a
//	          sink. LEVEL is what level= takes in a sink's URI; "default", like
//	          DELETE, brings back what was configured
//
// Only PUT and DELETE change anything: a browser asks before it sends these for a
// page of another origin, and that is refused. An answer is complete before the
// first byte of it is written, so a client that does not read keeps nothing of the
// pipeline waiting. The handler is safe for concurrent use, also after the pipeline
// was closed.
func Handler(p *fapilog.Pipeline) http.Handler {
	h := &handler{pipeline: p, build: readBuild()}
	h.pages = []page{
		{"", "this page", methods{http.MethodGet: h.index}},
		{"metrics", "for Prometheus", methods{http.MethodGet: h.metrics}},
		{"healthz", "200 until the pipeline is closed; ?sinks=all: 503 also if a sink is not well", methods{http.MethodGet: h.healthz}},
		{"readyz", "200 while the pipeline accepts records", methods{http.MethodGet: h.readyz}},
		{"stats", "the ledger", methods{http.MethodGet: h.stats}},
		{"level", "the least level of each sink; PUT ?sink=NAME&level=LEVEL sets it, DELETE ?sink=NAME brings back what was configured",
			methods{http.MethodGet: h.levels, http.MethodPut: h.putLevel, http.MethodDelete: h.deleteLevel}},
	}
	return h
}

type handler struct {
	pipeline *fapilog.Pipeline
	build    build
	pages    []page
}

// page is one path: how it is called, what it is for, and what it answers to each
// method.
type page struct {
	path    string
	about   string
	methods methods
}

type methods map[string]func(*http.Request) reply

// reply is a whole answer.
type reply struct {
	status int
	kind   string // Content-Type
	allow  string // Allow; empty: none
	body   []byte
}

const kindText = "text/plain; charset=utf-8"

// say returns a reply of one line.
func say(status int, format string, args ...any) reply {
	return reply{status: status, kind: kindText, body: fmt.Appendf(nil, format+"\n", args...)}
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := h.answer(r)
	header := w.Header()
	header.Set("Content-Type", a.kind)
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if a.allow != "" {
		header.Set("Allow", a.allow)
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // a client that has gone needs no answer
	}
}

func (h *handler) answer(r *http.Request) reply {
	path := strings.TrimPrefix(r.URL.Path, "/") // StripPrefix may have taken the slash as well
	i := slices.IndexFunc(h.pages, func(p page) bool { return p.path == path })
	if i < 0 {
		return say(http.StatusNotFound, "not found; there are: %s", strings.Join(h.paths(), " "))
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if method != http.MethodGet && r.Header.Get("Origin") != "" {
		// Not even from a page of the same origin: a name that is made to stand for
		// the loopback address (DNS rebinding) makes any page one.
		return say(http.StatusForbidden, "%s is not for web pages: it came with the header Origin", method)
	}
	answer, ok := h.pages[i].methods[method]
	if !ok {
		allow := h.pages[i].methods.allow()
		a := say(http.StatusMethodNotAllowed, "%q cannot be used here; use %s", r.Method, allow)
		a.allow = allow
		return a
	}
	return answer(r)
}

// allow returns the methods in the form of the header Allow.
func (m methods) allow() string {
	names := slices.AppendSeq([]string{http.MethodHead}, maps.Keys(m)) // every page has GET
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (h *handler) paths() (paths []string) {
	for _, p := range h.pages {
		paths = append(paths, "/"+p.path)
	}
	return paths
}

func (h *handler) index(*http.Request) reply {
	a := say(http.StatusOK, "fapilog %s", h.build.version)
	for _, p := range h.pages {
		a.body = fmt.Appendf(a.body, "%-10s%s\n", "/"+p.path, p.about)
	}
	return a
}
