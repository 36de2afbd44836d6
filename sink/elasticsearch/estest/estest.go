// Package estest is a fake of the part of Elasticsearch that takes and returns
// documents, for tests. It is written by the documentation
// (https://www.elastic.co/docs/api/doc/elasticsearch/) and as strict: what
// that says is refused is refused, in the same form. It was not compared with a real
// cluster.
//
// It has
//
//	GET, HEAD /                             name and version
//	POST, PUT /_bulk, /{index}/_bulk        create, index and delete; no update
//	GET, HEAD /{index}/_doc/{id}
//	GET, POST /{index}/_count, /_count      without a query; * in names
//	POST, GET /{index}/_refresh, /_refresh
//
// with filter_path (without exclusions), gzip, basic and API key authentication,
// the rules of index names, data streams, ingest pipelines by name, and dynamic
// mapping: the first document that has a field says what it is, and later ones that
// do not fit are refused. What it does not have is answered with 501.
package estest

import (
	"net/http"
	"sync"
)

// Server is such a fake. The zero Server is ready to use: it wants no credentials
// and makes indices as they are named. Its exported fields are not to be changed
// once it is used. It is safe for concurrent use, and must not be copied.
type Server struct {
	Users       map[string]string // passwords by user; with APIKeys, who may come in
	APIKeys     []string          // in their encoded form
	MaxContent  int64             // http.max_content_length, of what was decompressed; 0: 100 MiB
	DataStreams []string          // the data streams there are
	Pipelines   []string          // the ingest pipelines there are
	NoCreate    bool              // action.auto_create_index is false
	OpenSearch  bool              // says that it is OpenSearch

	// Fail, if set, is asked for each action in a bulk request whether it is to
	// fail; nil: it is not. It may keep nothing of o.
	Fail func(o Operation) *Failure

	mu        sync.Mutex
	indices   map[string]*index
	documents []Document // in the order in which they came
}

// Operation is an action in a bulk request.
type Operation struct {
	Action string // create, index or delete
	Index  string
	ID     string // empty: to be made
	Source []byte // nil for delete
}

// Failure is why an action, or a whole request, was refused.
type Failure struct {
	Status int
	Type   string
	Reason string
}

// Document is a document that was created or indexed.
type Document struct {
	Index  string // the index or data stream that was named
	ID     string
	Source string
}

// Documents returns all documents in the order in which they came; one that was
// written again or deleted is there all the same.
func (s *Server) Documents() []Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Document(nil), s.documents...)
}

// Count returns how many documents an index or data stream holds.
func (s *Server) Count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ix := s.indices[name]; ix != nil {
		return len(ix.documents)
	}
	return 0
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.OpenSearch {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
	}
	x := &exchange{w: w, r: r}
	if f := s.authenticate(r); f != nil {
		w.Header().Add("WWW-Authenticate", `Basic realm="security", charset="UTF-8"`)
		w.Header().Add("WWW-Authenticate", "ApiKey")
		x.fail(f)
		return
	}
	if f := x.negotiate(); f != nil {
		x.fail(f)
		return
	}
	s.route(x)
}
